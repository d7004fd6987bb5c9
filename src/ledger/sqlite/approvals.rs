//! Plans that a person approves: their rows, their log, and the rule that an approval pays for each of its payments once.
//!
//! A crash leaves each step written or not; `blocked` runs inside the transaction that reserves a payment.
use crate::ledger::session::{self, Connection, OptionalExtension, Row, Transaction, params};
use jiff::Timestamp;

use super::{Fault, SqliteLedger};
use crate::domain::{AccountName, Currency, ProviderName};
use crate::ledger::sqlite::column::{get_instant, get_money, get_word, instant};
use crate::ledger::{
    Approvals, Blocked, LedgerError, NewIntent, NewPlan, PlanEvent, PlanRecord, PlanState, PlanWord,
};
use crate::record::{ExactSet, ExactSetDoc};

impl Approvals for SqliteLedger {
    fn plans(&self, since: Option<Timestamp>) -> Result<Vec<PlanRecord>, LedgerError> {
        self.read(|c| {
            let mut all = numbers(
                c,
                "SELECT id FROM approval_plan WHERE state IN ('waiting', 'approved', 'rejected') ORDER BY id",
                [],
            )?;
            if let Some(since) = since {
                let ended = "SELECT p.id FROM approval_plan p JOIN approval_event e ON e.plan = p.id
                     WHERE e.at >= ?1 AND e.state = p.state AND p.state NOT IN ('waiting', 'approved', 'rejected')
                     GROUP BY p.id ORDER BY p.id";
                all.extend(numbers(c, ended, [instant(since)])?);
            }
            all.into_iter().map(|id| one(c, id)).collect()
        })
    }

    fn plan_named(&self, name: &str) -> Result<Option<PlanRecord>, LedgerError> {
        self.read(|c| find(c, name)?.map(|(id, _)| one(c, id)).transpose())
    }

    fn propose(
        &self,
        plan: &NewPlan,
        replaces: Option<&str>,
        why: &str,
        at: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.write(|tx| propose(tx, plan, replaces, why, at))
    }

    fn say_of_plan(&self, name: &str, from: PlanState, word: &PlanWord<'_>) -> Result<bool, LedgerError> {
        self.write(|tx| match find(tx, name)? {
            Some((id, state)) if state == from => say(tx, id, word).map(|()| true),
            _ => Ok(false),
        })
    }

    fn set_deadline(&self, plan: &NewPlan) -> Result<(), LedgerError> {
        self.write(|tx| set_deadline(tx, plan))
    }
}

fn set_deadline(tx: &Transaction<'_>, plan: &NewPlan) -> Result<(), Fault> {
    tx.execute(
        "UPDATE approval_plan SET deadline = ?2, valid_until = ?3, covers_until = ?4 WHERE name = ?1",
        params![plan.name, instant(plan.deadline), instant(plan.valid_until), instant(plan.covers_until)],
    )?;
    Ok(())
}

fn numbers(c: &Connection, sql: &str, values: impl session::Params) -> Result<Vec<i64>, Fault> {
    let mut query = c.prepare_cached(sql)?;
    let rows = query.query_map(values, |r| r.get(0))?;
    Ok(rows.collect::<session::Result<_>>()?)
}

fn find(c: &Connection, name: &str) -> Result<Option<(i64, PlanState)>, Fault> {
    let mut query = c.prepare_cached("SELECT id, state FROM approval_plan WHERE name = ?1")?;
    let found = query.query_row([name], |r| Ok((r.get("id")?, get_word(r, "state", PlanState::parse)?)));
    Ok(found.optional()?)
}

fn propose(
    tx: &Transaction<'_>,
    plan: &NewPlan,
    replaces: Option<&str>,
    why: &str,
    at: Timestamp,
) -> Result<bool, Fault> {
    let waiting: Option<(i64, String)> = tx
        .prepare_cached(
            "SELECT id, name FROM approval_plan WHERE state = 'waiting' AND account = ?1 AND policy = ?2 AND currency = ?3",
        )?
        .query_row([plan.account.as_str(), plan.policy.as_str(), plan.currency.as_str()], |r| {
            Ok((r.get("id")?, r.get("name")?))
        })
        .optional()?;
    if waiting.as_ref().map(|(_, name)| name.as_str()) != replaces {
        return Ok(false);
    }
    let known = find(tx, &plan.name)?;
    if known.is_some_and(|(_, state)| matches!(state, PlanState::Waiting | PlanState::Approved)) {
        return Ok(false);
    }
    if let Some((id, _)) = waiting {
        let by = format!("plan {} stands in its place", plan.name);
        say(tx, id, &PlanWord { state: PlanState::Replaced, by: None, note: None, why: Some(&by), at })?;
    }
    let id = match known {
        Some((id, _)) => id,
        None => insert(tx, plan)?,
    };
    set_deadline(tx, plan)?;
    say(tx, id, &PlanWord { state: PlanState::Waiting, by: None, note: None, why: Some(why), at })?;
    Ok(true)
}

fn insert(tx: &Transaction<'_>, plan: &NewPlan) -> Result<i64, Fault> {
    let sets: Vec<ExactSetDoc> = plan.sets.iter().map(ExactSetDoc::from).collect();
    let sets = serde_json::to_string(&sets)
        .map_err(|e| Fault::Nonsense(format!("a plan cannot be written down: {e}")))?;
    tx.prepare_cached(
        "INSERT INTO approval_plan (name, provider, account, policy, amount, currency, sets, state, deadline, valid_until, covers_until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'waiting', ?8, ?9, ?10)",
    )?
    .execute(params![
        plan.name,
        plan.provider.as_str(),
        plan.account.as_str(),
        plan.policy,
        plan.amount.to_string(),
        plan.currency.as_str(),
        sets,
        instant(plan.deadline),
        instant(plan.valid_until),
        instant(plan.covers_until)
    ])?;
    Ok(tx.last_insert_rowid()?)
}

fn say(tx: &Transaction<'_>, plan: i64, word: &PlanWord<'_>) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT INTO approval_event (plan, state, at, said_by, note, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![plan, word.state.as_str(), instant(word.at), word.by, word.note, word.why])?;
    tx.prepare_cached("UPDATE approval_plan SET state = ?2 WHERE id = ?1")?
        .execute(params![plan, word.state.as_str()])?;
    Ok(())
}

/// Payments by an approval that may have left, by its number.
const BEGUN: &str = "FROM intent i JOIN intent_head h ON h.intent = i.id
    WHERE i.approval = ?1 AND h.state <> 'released' AND NOT (h.state = 'not_applied' AND h.never_sent = 1)";

fn one(c: &Connection, id: i64) -> Result<PlanRecord, Fault> {
    let events = "SELECT seq, state, at, said_by, note, why FROM approval_event WHERE plan = ?1";
    let last = c.prepare_cached(&format!("{events} ORDER BY seq DESC LIMIT 1"))?.query_row([id], event)?;
    let since: PlanEvent = c
        .prepare_cached(&format!("{events} AND state = 'waiting' ORDER BY seq DESC LIMIT 1"))?
        .query_row([id], event)?;
    let begun = numbers(c, &format!("SELECT DISTINCT i.approval_set {BEGUN} ORDER BY 1"), [last.seq])?;
    let plan = c.prepare_cached("SELECT * FROM approval_plan WHERE id = ?1")?.query_row([id], plan)?;
    let begun = begun.into_iter().filter_map(|n| u32::try_from(n).ok()).collect();
    Ok(PlanRecord { plan, since: since.at, last, begun })
}

fn event(r: &Row<'_>) -> session::Result<PlanEvent> {
    Ok(PlanEvent {
        seq: r.get("seq")?,
        state: get_word(r, "state", PlanState::parse)?,
        at: get_instant(r, "at")?,
        by: r.get("said_by")?,
        note: r.get("note")?,
        why: r.get("why")?,
    })
}

fn plan(r: &Row<'_>) -> session::Result<NewPlan> {
    let account = AccountName::new(r.get::<_, String>("account")?);
    let text: String = r.get("sets")?;
    let told = |e: &dyn std::fmt::Display| r.bad("sets", &format!("what cannot be read: {e}"));
    let docs: Vec<ExactSetDoc> = serde_json::from_str(&text).map_err(|e| told(&e))?;
    let sets = docs.into_iter().map(ExactSet::try_from).collect::<Result<Vec<_>, _>>();
    let mut sets = sets.map_err(|e| told(&e))?;
    // The text is of its time; the account is called as it is now.
    sets.iter_mut().for_each(|set| set.request.account = account.clone());
    Ok(NewPlan {
        name: r.get("name")?,
        account,
        provider: ProviderName::new(r.get::<_, String>("provider")?),
        policy: r.get("policy")?,
        sets,
        amount: get_money(r, "amount")?,
        currency: Currency::new(r.get::<_, String>("currency")?),
        deadline: get_instant(r, "deadline")?,
        valid_until: get_instant(r, "valid_until")?,
        covers_until: get_instant(r, "covers_until")?,
    })
}

/// Whether the approval of a payment was used for it before, or is not the newest word on its plan.
pub(super) fn blocked(c: &Connection, new: &NewIntent) -> Result<Option<Blocked>, Fault> {
    let Some(made_by) = &new.approval else { return Ok(None) };
    let stands: bool = c
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM approval_event e JOIN approval_plan p ON p.id = e.plan
               WHERE e.seq = ?1 AND e.state = 'approved' AND p.state = 'approved'
                 AND e.seq = (SELECT max(n.seq) FROM approval_event n WHERE n.plan = p.id))",
        )?
        .query_row([made_by.word], |r| r.get(0))?;
    let used: bool = c
        .prepare_cached(&format!("SELECT EXISTS (SELECT 1 {BEGUN} AND i.approval_set = ?2)"))?
        .query_row(params![made_by.word, made_by.set], |r| r.get(0))?;
    Ok((used || !stands).then(|| Blocked::Approval { plan: made_by.approval.plan.clone() }))
}
