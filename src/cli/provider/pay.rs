//! One real renewal by a program under test: through the ledger, its lock, budgets and the gate, as any other payment.
//!
//! The plan is narrowed to one lease, never widened: what the config forbids is not paid here either, but for the instant, which is
//! the operator's word. A crash leaves what a crash of `renewd apply` leaves.
use std::sync::Arc;

use jiff::SignedDuration;

use crate::domain::{Bundle, Lease, Money, State};
use crate::engine::approve::exact::{Approved, ExactSet};
use crate::engine::approve::propose::fingerprint;
use crate::engine::{Payer, last_paid};
use crate::hex::hex;
use crate::ledger::sqlite::Access;
use crate::ledger::{IDENTITY, IntentRecord, Ledger};
use crate::planner::Item;
use crate::policy::{Action, Before, Clause, Key, Matcher, Pattern, Policy, Terms};
use crate::providers::Purpose;
use crate::providers::exec::check::{Row, Rows};
use crate::settings::{Account, Settings};
use crate::wiring;

use super::super::context::{Context, Failure};
use super::super::node;

pub(super) const NAME: &str = "one real renewal";
/// Between two readings after the payment.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(5);
/// So many of them.
const READS: usize = 24;

/// Renews `lease` for at most `max`.
pub(super) async fn row(ctx: &Context, account: &Account, lease: &str, max: &str) -> Result<Row, Failure> {
    let max: Money = max.parse().map_err(|e| Failure::usage(format!("--max: {e}")))?;
    let ledger: Arc<dyn Ledger> = Arc::new(ctx.site.open(Access::Pay)?);
    let mut row = Rows::new(9, NAME);
    match pay(ctx, &ledger, account, lease, max).await? {
        Err(why) => row.need(false, format!("nothing was paid: {why}")),
        Ok(payment) => judge(&payment, &mut row),
    }
    Ok(row.done())
}

fn judge(payment: &IntentRecord, row: &mut Rows) {
    row.told(format!(
        "payment {} is {}, quoted {} {}",
        payment.id, payment.state, payment.quoted, payment.currency
    ));
    row.need(
        payment.state == State::Confirmed,
        format!("payment {} is {}: its later end was not seen", payment.id, payment.state),
    );
    match payment.detail.charged {
        Some(charged) => {
            row.need(
                charged == payment.quoted,
                format!("the balance fell by {charged}, and {} were quoted", payment.quoted),
            );
            row.note(format!("{charged} {} by the balance", payment.currency));
        }
        None => row.note("what it cost by the balance is not known yet"),
    }
}

async fn pay(
    ctx: &Context,
    ledger: &Arc<dyn Ledger>,
    account: &Account,
    lease: &str,
    max: Money,
) -> Result<Result<IntentRecord, String>, Failure> {
    let told = |e: crate::providers::ConnectError| Failure::failed(e.to_string());
    let viewer = ctx.viewer(Arc::clone(ledger))?;
    let Some(reader) = viewer.readers.get(&account.name) else {
        return Ok(Err(format!("account {} has no reader", account.name)));
    };
    let listed = match reader.inventory(Purpose::Money).await {
        Ok(inventory) => inventory.leases,
        Err(e) => return Ok(Err(format!("account {} cannot be read: {e}", account.name))),
    };
    let Some(item) = listed.iter().find(|l| [l.id, l.ip, l.order].contains(&lease)).map(|l| l.to_lease())
    else {
        return Ok(Err(format!("account {} has no lease {lease}", account.name)));
    };
    let paid = last_paid(ledger.as_ref(), &ctx.settings)?;
    let place = ctx.settings.policies(ctx.now(), &paid).place_of(item.view());
    let Some(policy) = place.map(|n| ctx.settings.policies[n].clone()) else {
        return Ok(Err(format!("no policy is for {lease}")));
    };
    if policy.action != Action::Renew {
        return Ok(Err(format!("policy `{}` does not renew {lease}", policy.name)));
    }
    let whole = reader.capabilities().bundle(&item.kind) == Bundle::Order;
    let settings = Arc::new(narrowed(&ctx.settings, policy, &item, whole, max));
    let joined = node::hold(ctx).await?;
    let mut viewer =
        wiring::viewer(Arc::clone(&settings), Arc::clone(ledger), Arc::clone(&ctx.clock), &ctx.redactor)
            .map_err(told)?;
    joined.bind(&mut viewer);
    let (report, sets) = viewer.propose().await?;
    let wanted = |set: &ExactSet| set.request.leases.iter().any(|l| l.id == item.id);
    let Some(set) = sets.into_iter().find(wanted) else {
        let same = |i: &&Item| i.lease.account == account.name && i.lease.id == item.id;
        let why = report.items.iter().find(same).map_or_else(String::new, |i| i.reason.to_string());
        return Ok(Err(format!("it is not to be paid: {why}")));
    };
    if set.price > max {
        return Ok(Err(format!("{} {} is asked, more than --max {max}", set.price, set.currency)));
    }
    let leases = set.request.leases.clone();
    let plan = Approved {
        id: unique()?,
        made_at: report.started.wall,
        ledger: ledger.noted(IDENTITY)?,
        config: fingerprint(&settings),
        sets: vec![set],
    };
    let payer = wiring::payer(viewer, &ctx.redactor).map_err(told)?;
    let report = payer.apply(&plan).await?;
    let Some(payment) = report.payments.iter().find(|p| p.request.leases == leases) else {
        return Ok(Err(format!("it was held up: {}", report.moved.join("; "))));
    };
    Ok(Ok(read_back(&payer, ledger.as_ref(), payment.clone()).await?))
}

/// Lists lag: the later end may be seen only after a while.
async fn read_back(
    payer: &Payer,
    ledger: &dyn Ledger,
    mut payment: IntentRecord,
) -> Result<IntentRecord, Failure> {
    for _ in 0..READS {
        if !matches!(payment.state, State::Accepted | State::Unknown) {
            break;
        }
        payer.viewer.clock.sleep(PAUSE).await;
        payer.settle_pass().await?;
        payment = ledger.intent(&payment.id)?;
    }
    Ok(payment)
}

/// The config with every lease but this one only watched, and this one due at once, under its own policy's name and limits.
fn narrowed(settings: &Settings, policy: Policy, lease: &Lease, whole_order: bool, max: Money) -> Settings {
    let clause = |key, text: &str| Clause { key, any: vec![Pattern::Text(text.to_lowercase())] };
    let one = match whole_order {
        true => clause(Key::Order, lease.order.as_str()),
        false => clause(Key::Lease, lease.id.as_str()),
    };
    let clauses = vec![clause(Key::Account, lease.account.as_str()), one];
    let this = Policy {
        matches: Matcher { all: Terms { clauses, bounds: Vec::new() }, not: None, any: Vec::new() },
        before: "100%".parse().map_or(policy.before, Before::Share),
        window: None,
        spread: SignedDuration::ZERO,
        max_price: Some(policy.max_price.map_or(max, |cap| cap.min(max))),
        ..policy
    };
    let others = settings.policies.iter().cloned().map(|p| Policy { action: Action::Watch, ..p });
    Settings { policies: [this].into_iter().chain(others).collect(), ..settings.clone() }
}

/// Sixteen random bytes of the system's.
fn unique() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    match rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) {
        Ok(n) if n == bytes.len() => Ok(hex(&bytes)),
        _ => Err(Failure::failed("the system gave no random bytes")),
    }
}
