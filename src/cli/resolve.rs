//! `renewd resolve`: an operator's word on an unsettled payment, or on what a confirmed one really cost. Works beside a running daemon; never pays.
//!
//! "Not charged" lets the next cycle pay again: while what is known speaks against it, a person at a terminal has to add `--yes`, and
//! a script, which cannot be asked, is obeyed and warned.
use std::io::IsTerminal;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Event, IntentId, Measured, Moment, Money, State};
use crate::engine::say;
use crate::exit::Exit;
use crate::ledger::sqlite::Access;
use crate::ledger::{AccountFacts, EventDetail, IntentRecord, Ledger, Payments};
use crate::views::{Payment, value};

use super::args::ResolveArgs;
use super::context::{Context, Failure};
use super::output;

pub(super) fn resolve(ctx: &mut Context, args: &ResolveArgs) -> Result<Exit, Failure> {
    let note = args.note.trim();
    if note.is_empty() {
        return Err(Failure::usage("--note is empty: say how you know, for whoever reads the ledger later"));
    }
    let charged = args
        .charged
        .as_deref()
        .map(|t| t.parse::<Money>().map_err(|e| Failure::usage(e.to_string())))
        .transpose()?;
    if charged.is_some_and(|c| !c.is_positive()) {
        return Err(Failure::usage("--charged must be above zero: for nothing charged, say --not-charged"));
    }
    let ledger = ctx.known_ledger(Access::Note)?;
    let id = IntentId::from(args.intent.as_str());
    let before = ledger.intent(&id)?;
    resolvable(args, &before, charged.is_some())?;
    if charged.is_none()
        && !args.yes
        && let Some(why) = may_be_charged(ctx, ledger.as_ref(), &before)?
    {
        if std::io::stdin().is_terminal() {
            return Err(Failure::usage(format!(
                "{why} Nothing was changed: check the provider's panel, or add --yes if you know that it was not"
            )));
        }
        output::note(&why);
    }
    let (event, said) = match charged {
        Some(amount) => (Event::OperatorCharged, format!("charged {amount} {}", before.currency)),
        None => (Event::OperatorNotCharged, "not charged".to_owned()),
    };
    let detail = EventDetail {
        charged,
        measured: charged.map(|_| Measured::Word),
        evidence: Some(format!("an operator said: {said}; {}", ctx.redactor.quote(note))),
        ..EventDetail::default()
    };
    let timing = &ctx.settings.timing;
    let after = say(ledger.as_ref(), timing, &before, (event, &detail), &ctx.clock.now())?;
    let next = what_follows(&before, &after);
    if ctx.json {
        output::json(
            &serde_json::json!({ "schema": 1, "ok": true, "payment": value(&Payment::new(&after)), "next": next }),
        );
    } else {
        let became = if before.state == after.state {
            format!("{}", after.state)
        } else {
            format!("{} → {}", before.state, after.state)
        };
        output::line(&format!("payment {id}: {became}; {next}"));
    }
    Ok(Exit::Done)
}

/// Whether there is anything to say of a payment in that state.
fn resolvable(args: &ResolveArgs, before: &IntentRecord, charged: bool) -> Result<(), Failure> {
    let open = match before.state {
        State::Unknown | State::NeedsOperator | State::Accepted | State::Refused => true,
        State::NotApplied => !before.never_sent && !args.not_charged_already(before),
        State::Confirmed => charged,
        _ => false,
    };
    let id = &before.id;
    match before.state {
        _ if open => Ok(()),
        State::Confirmed => Err(Failure::usage(format!(
            "payment {id} is confirmed: it was charged. `--charged AMOUNT` says what it really cost"
        ))),
        state => Err(Failure::usage(format!("payment {id} is {state}: there is nothing to resolve"))),
    }
}

/// What speaks against "not charged", if anything does.
fn may_be_charged(
    ctx: &Context,
    ledger: &dyn Ledger,
    record: &IntentRecord,
) -> Result<Option<String>, Failure> {
    let now = ctx.clock.now();
    let facts = ledger.accounts()?;
    let facts = facts.iter().find(|f| f.account == record.request.account);
    let fell = fallen(record, facts).map(|fell| {
        let fits = match fell.cmp(&record.quoted) {
            std::cmp::Ordering::Equal => "the price asked",
            std::cmp::Ordering::Less => "no more than the price asked",
            std::cmp::Ordering::Greater => "more than the price asked",
        };
        format!("the balance fell by {fell} {}, {fits}", record.currency)
    });
    let lags = lag_end(record, &now, ctx.settings.timing.lag_window).map(|end| {
        // Up to a full minute, so that the time shown is never one at which it is still refused.
        let end = end.checked_add(SignedDuration::from_secs(59)).unwrap_or(end);
        format!("the provider's lists may lag until {}", output::at(Some(end), &ctx.settings.timezone))
    });
    let why: Vec<String> = fell.into_iter().chain(lags).collect();
    Ok((!why.is_empty()).then(|| {
        let why = why.join(", and ");
        format!(
            "payment {} may have been charged: {why}. If it was charged after all, it is paid twice.",
            record.id
        )
    }))
}

/// The fall of the balance at the last look, where this payment may be its cause: more than nothing. A provider may take more than
/// it quoted.
fn fallen(record: &IntentRecord, facts: Option<&AccountFacts>) -> Option<Money> {
    let began = record.spend_started_at.as_ref()?.wall;
    let read = || {
        let facts = facts.filter(|f| f.read_at.is_some_and(|at| at >= began))?;
        record.balance_before.minus(facts.balance?)
    };
    let fell = record.reads.last().map(|look| look.fell).or_else(read)?;
    fell.is_positive().then_some(fell)
}

/// When the provider's lists stop lagging behind the money call; `None` once that is over.
fn lag_end(record: &IntentRecord, now: &Moment, lag: SignedDuration) -> Option<Timestamp> {
    let began = record.spend_started_at.as_ref()?;
    let left = lag.checked_sub(now.elapsed_since(began)).filter(SignedDuration::is_positive)?;
    now.wall.checked_add(left).ok()
}

/// What the word leads to, for whoever said it.
fn what_follows(before: &IntentRecord, record: &IntentRecord) -> String {
    let amount = |r: &IntentRecord| r.detail.charged.unwrap_or(r.quoted);
    if before.state == State::Confirmed {
        return format!(
            "{} {} counts in budgets and as its last price, in place of {}",
            amount(record),
            record.currency,
            amount(before)
        );
    }
    let leases = record.request.leases.len();
    match (record.state, leases) {
        (State::Confirmed, _) => "it counts in budgets, and is not paid again".to_owned(),
        (_, 0) => "it may be bought again".to_owned(),
        (_, 1) => "the next cycle may pay this lease again".to_owned(),
        (_, n) => format!("the next cycle may pay these {n} leases again"),
    }
}

impl ResolveArgs {
    /// Saying "not charged" twice would add nothing.
    fn not_charged_already(&self, record: &crate::ledger::IntentRecord) -> bool {
        self.not_charged && record.operator_spoke
    }
}
