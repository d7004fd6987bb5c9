//! What the demo came to: the ledger against the providers' books, to the cent. Not responsible for how it came to that.
use std::fs;
use std::path::Path;

use super::{DAYS, config, failed};
use crate::cli::context::Failure;
use crate::cli::demo::fixtures::{PS, PS_KEY, PX, PX_KEY, SELL, SELL_KEY, YP, YP_KEY};
use crate::cli::demo::output::count;
use crate::cli::demo::script::Story;
use crate::cli::demo::tally::{Tally, sum};
use crate::cli::output;
use crate::cli::table::AS_IT_IS;
use crate::domain::{Money, State};
use crate::ledger::{IntentFilter, IntentRecord, Purpose};
use crate::simulator::{EntryKind, World, proxyseller, proxyshard, px6};

/// All accounts.
#[derive(serde::Serialize)]
pub(super) struct Summary {
    days: i64,
    cycles: usize,
    payments: usize,
    leases_renewed: usize,
    charged: Money,
    provider_books: Money,
    lost_answer: String,
    open: usize,
    paid_twice: usize,
    lapsed: usize,
    waited_for_money: usize,
    mails: usize,
    accounts: Vec<Account>,
    /// The ledger and the books say the same, nothing was paid twice, and only what was to be let go lapsed.
    pub(super) agrees: bool,
}

/// One account: what the ledger says, and what the provider's books say.
#[derive(serde::Serialize)]
struct Account {
    account: &'static str,
    provider: &'static str,
    /// Of renewd.
    payments: usize,
    leases_renewed: usize,
    /// Terms that the provider's own auto-renewal paid.
    provider_renewals: usize,
    charged: Money,
    provider_books: Money,
    /// Top-ups less what others spent.
    paid_in: Money,
    provider_paid_in: Money,
    balance: Option<Money>,
    provider_balance: Money,
    lost_answers: Vec<String>,
    open: usize,
    paid_twice: usize,
    lapsed: Vec<String>,
    waited_for_money: usize,
    agrees: bool,
}

/// What a provider's books say of its account.
struct Books {
    charged: Option<Money>,
    charges: usize,
    paid_in: Option<Money>,
    balance: Option<Money>,
    paid_twice: usize,
    lapsed: Vec<String>,
}

pub(super) fn sum_up(story: &Story, tally: &Tally) -> Result<Summary, Failure> {
    let accounts = vec![
        account(story, tally, (YP, "YouProxy"), youproxy(story), Some(&story.cast.let_go))?,
        account(story, tally, (PS, "ProxyShard"), shard(story), Some(&story.cast.old))?,
        account(story, tally, (SELL, "Proxy-Seller"), seller(story), None)?,
        account(story, tally, (PX, "px6"), px(story), None)?,
    ];
    let mails = fs::read_dir(config::mails(&story.dir)).map_err(failed)?.filter(Result::is_ok).count();
    Ok(Summary {
        days: DAYS,
        cycles: tally.cycles,
        payments: accounts.iter().map(|a| a.payments).sum(),
        leases_renewed: accounts.iter().map(|a| a.leases_renewed).sum(),
        charged: sum(accounts.iter().map(|a| a.charged))?,
        provider_books: sum(accounts.iter().map(|a| a.provider_books))?,
        lost_answer: accounts.iter().flat_map(|a| a.lost_answers.first()).next().cloned().unwrap_or_default(),
        open: accounts.iter().map(|a| a.open).sum(),
        paid_twice: accounts.iter().map(|a| a.paid_twice).sum(),
        lapsed: accounts.iter().map(|a| a.lapsed.len()).sum(),
        waited_for_money: accounts.iter().map(|a| a.waited_for_money).sum(),
        mails,
        agrees: accounts.iter().all(|a| a.agrees),
        accounts,
    })
}

/// The books of one kind of world: each has entries of its own type.
macro_rules! books {
    ($handle:expr, $kinds:path, $key:expr, $lapsed:expr) => {{
        use $kinds as Kind;
        $handle.with(|world| {
            let books = world.books();
            let others = |kind| Money::sum(books.entries.iter().filter(|e| e.kind == kind).map(|e| e.amount));
            let charges = || books.charges().filter(|e| e.kind != Kind::Foreign);
            Books {
                charged: Money::sum(charges().map(|e| e.amount)),
                charges: charges().count(),
                paid_in: others(Kind::TopUp).zip(others(Kind::Foreign)).and_then(|(i, o)| i.minus(o)),
                balance: world.account($key).map(|a| a.balance),
                paid_twice: books.paid_twice().len(),
                lapsed: $lapsed(world),
            }
        })
    }};
}

fn youproxy(story: &Story) -> Books {
    books!(story.yp, EntryKind, YP_KEY, |w: &mut World| w.lapsed().iter().map(|l| l.ip.clone()).collect())
}

fn shard(story: &Story) -> Books {
    let lapsed = |w: &mut proxyshard::World| w.lapsed().iter().map(|l| l.order.clone()).collect();
    books!(story.ps, proxyshard::EntryKind, PS_KEY, lapsed)
}

fn seller(story: &Story) -> Books {
    books!(story.sell, proxyseller::EntryKind, SELL_KEY, |w: &mut proxyseller::World| w
        .books()
        .lapses
        .clone())
}

fn px(story: &Story) -> Books {
    let lapsed = |w: &mut px6::World| w.books().lapses.iter().map(|l| l.ip.clone()).collect();
    books!(story.px, px6::EntryKind, PX_KEY, lapsed)
}

/// Holds one account's ledger against its provider's books; only `released` may have lapsed.
fn account(
    story: &Story,
    tally: &Tally,
    (name, provider): (&'static str, &'static str),
    books: Books,
    released: Option<&String>,
) -> Result<Account, Failure> {
    let ledger = story.payer.viewer.ledger.as_ref();
    let all = ledger.intents(&IntentFilter { account: Some(name.into()), ..IntentFilter::default() })?;
    let confirmed: Vec<&IntentRecord> = all.iter().filter(|p| p.state == State::Confirmed).collect();
    let charged = sum(confirmed.iter().map(|p| p.detail.charged.unwrap_or(p.quoted)))?;
    let ours: Vec<&&IntentRecord> = confirmed.iter().filter(|p| p.purpose != Purpose::Provider).collect();
    let notes = ledger.balance_notes(story.start)?;
    let unexplained = sum(notes.iter().filter(|n| n.account.as_str() == name).map(|n| n.unexplained))?;
    let paid_in = Money::ZERO.minus(unexplained).unwrap_or_default();
    let balance = ledger.accounts()?.into_iter().find(|f| f.account.as_str() == name).and_then(|f| f.balance);
    let open = all.iter().filter(|p| p.state.is_unsettled()).count();
    let agrees = books.charged == Some(charged)
        && books.charges == confirmed.len()
        && books.paid_in == Some(paid_in)
        && books.balance == balance
        && books.paid_twice == 0
        && books.lapsed.iter().eq(released);
    Ok(Account {
        account: name,
        provider,
        payments: ours.len(),
        leases_renewed: ours.iter().map(|p| p.request.leases.len()).sum(),
        provider_renewals: confirmed.len() - ours.len(),
        charged,
        provider_books: books.charged.unwrap_or_default(),
        paid_in,
        provider_paid_in: books.paid_in.unwrap_or_default(),
        balance,
        provider_balance: books.balance.unwrap_or_default(),
        lost_answers: tally.lost.get(name).cloned().unwrap_or_default(),
        open,
        paid_twice: books.paid_twice,
        lapsed: books.lapsed,
        waited_for_money: tally.waited.get(name).copied().unwrap_or_default(),
        agrees,
    })
}

/// Prints it: one JSON document, or tables with a column for each account.
pub(super) fn show(s: &Summary, dir: &Path, json: bool) {
    let config = config::file(dir);
    if json {
        return output::json(
            &serde_json::json!({ "schema": 1, "ok": s.agrees, "summary": s, "dir": dir, "config": config }),
        );
    }
    // Two at a time, so that they fit beside each other.
    for two in s.accounts.chunks(2) {
        let heads: Vec<String> = two.iter().map(|a| format!("{} ({})", a.account, a.provider)).collect();
        let head: Vec<&str> = std::iter::once("what").chain(heads.iter().map(String::as_str)).collect();
        output::line("");
        output::line(&output::table(&head, rows(two), &AS_IT_IS));
    }
    output::line("");
    output::line(&format!("{} days in {} cycles, {} mails.", s.days, s.cycles, s.mails));
    output::line(if s.agrees {
        "The ledger and the providers' books agree to the cent."
    } else {
        "The ledger and the providers' books do not agree: please report this."
    });
    let program = std::env::args().next().unwrap_or_else(|| "renewd".to_owned());
    output::line(&format!("Everything is in {}:", dir.display()));
    output::line(&format!("  {program} --config {} history", config.display()));
    output::line(&format!("  {program} --config {} status", config.display()));
    output::line(&format!("  sqlite3 {}/ledger.db 'SELECT * FROM spend_by_month'", dir.display()));
    output::line(&format!("  ls {}/mails", dir.display()));
}

fn rows(accounts: &[Account]) -> Vec<Vec<String>> {
    let row = |what: &str, cell: &dyn Fn(&Account) -> String| {
        std::iter::once(what.to_owned()).chain(accounts.iter().map(cell)).collect()
    };
    let usd = |amount: Money| format!("{amount} USD");
    vec![
        row("renewed by renewd", &|a| format!("{} in {}", a.leases_renewed, count(a.payments, "payment"))),
        row("renewed by the provider", &|a| a.provider_renewals.to_string()),
        row("charged, as the ledger says", &|a| usd(a.charged)),
        row("charged, as the provider's books say", &|a| usd(a.provider_books)),
        row("top-ups minus charges by others, ledger", &|a| usd(a.paid_in)),
        row("top-ups minus charges by others, books", &|a| usd(a.provider_paid_in)),
        row("balance, as the ledger says", &|a| a.balance.map_or_else(|| "-".to_owned(), usd)),
        row("balance, as the provider's books say", &|a| usd(a.provider_balance)),
        row("paid twice", &|a| a.paid_twice.to_string()),
        row("lost answers, settled by evidence", &|a| {
            let which = a.lost_answers.join(", ");
            if which.is_empty() { "0".to_owned() } else { format!("{} ({which})", a.lost_answers.len()) }
        }),
        row("waited for the top-up, all saved", &|a| a.waited_for_money.to_string()),
        row("lapsed, as it was to be let go", &|a| a.lapsed.len().to_string()),
        row("payments still open", &|a| a.open.to_string()),
    ]
}
