//! `renewd resolve`: an operator's word on an unsettled payment. Works beside a running daemon; never pays.
use crate::documents::{Payment, value};
use crate::domain::{Event, IntentId, Money, State};
use crate::exit::Exit;
use crate::ledger::sqlite::Access;
use crate::ledger::{EventDetail, Ledger};

use super::args::ResolveArgs;
use super::context::{Context, Failure};
use super::output;

pub(super) fn resolve(ctx: &Context, args: &ResolveArgs) -> Result<Exit, Failure> {
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
    let ledger = ctx.ledger(Access::Note)?;
    let id = IntentId::from(args.intent.as_str());
    let before = ledger.intent(&id)?;
    let open =
        matches!(before.state, State::Unknown | State::NeedsOperator | State::Accepted | State::Refused)
            || (before.state == State::NotApplied
                && !before.never_sent
                && !args.not_charged_already(&before));
    if !open {
        return Err(Failure::usage(format!("payment {id} is {}: there is nothing to resolve", before.state)));
    }
    let (event, said) = match charged {
        Some(amount) => (Event::OperatorCharged, format!("charged {amount} {}", before.currency)),
        None => (Event::OperatorNotCharged, "not charged".to_owned()),
    };
    let detail = EventDetail {
        charged,
        evidence: Some(format!("an operator said: {said}; {}", ctx.redactor.quote(note))),
        ..EventDetail::default()
    };
    ledger.append(&id, before.state, event, &detail, &ctx.clock.now())?;
    let after = ledger.intent(&id)?;
    if ctx.json {
        output::json(
            &serde_json::json!({ "schema": 1, "ok": true, "payment": value(&Payment::new(&after)) }),
        );
    } else {
        output::line(&format!("payment {id}: {} → {}", before.state, after.state));
    }
    Ok(Exit::Done)
}

impl ResolveArgs {
    /// Saying "not charged" twice would add nothing.
    fn not_charged_already(&self, record: &crate::ledger::IntentRecord) -> bool {
        self.not_charged && record.operator_spoke
    }
}
