//! Alerts about nodes that share a ledger: one that took over, and that none pays.
use super::plain;
use crate::domain::{Alert, AlertKey, Severity};

/// This node took over from one whose lease had run out. A fact.
#[must_use]
pub fn failover(me: &str, from: &str, epoch: i64) -> Alert {
    let text = format!(
        "The node {from} was silent for longer than ledger.lease_ttl, and did not give the pay lease back. {me} has it now (epoch {epoch}) \
         and pays from here on. What {from} had begun counts as unknown until evidence shows what became of it; it is tried a second time \
         by its own word, by yours (renewd resolve), or in the urgent stage once ledger.failover_hold is over. Look at {from}: a node that \
         is only frozen goes on as a standby when it wakes."
    );
    Alert {
        once: true,
        actions: vec!["renewd status".into(), "renewd history --state unknown".into()],
        ..plain(
            AlertKey::account("failover", "*"),
            Severity::Warning,
            None,
            &format!("{me} took over from {from}"),
            &text,
        )
    }
}

/// Nobody holds the pay lease, as this node sees it.
#[must_use]
pub fn nobody_pays(me: &str, why: &str) -> Alert {
    let text = format!(
        "Seen by {me}: {why}. Nothing is renewed, and no other alert is delivered, while this lasts. Two things can be wrong: the database, \
         or every node's way to it."
    );
    Alert {
        actions: vec![
            "renewd status".into(),
            "systemctl status renewd".into(),
            "journalctl -u renewd --since -1h".into(),
        ],
        ..plain(AlertKey::account("standby", me), Severity::Urgent, None, "No node pays", &text)
    }
}
