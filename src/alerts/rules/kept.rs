//! Keeps that are over: told once, with what becomes of their leases now. What is told is struck out by the caller.
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{deadline, leases, plain, row, touched};
use crate::domain::alert::AlertRow;
use crate::domain::{AccountName, Alert, AlertKey, Severity};
use crate::engine::CycleReport;
use crate::planner::Item;
use crate::policy::{Decision, Keep, Kept, LastPaid, Policies};

/// A keep whose day has come, or whose lease lasts until then; its lease, where it is still listed.
pub struct Ended<'a> {
    /// What was said.
    pub keep: &'a Keep,
    item: Option<&'a Item>,
}

/// Those that are over as of this pass.
#[must_use]
pub fn ended<'a>(report: &'a CycleReport, policies: &Policies<'_>) -> Vec<Ended<'a>> {
    let keeps = report.last_paid.keeps();
    let of = |keep: &'a Keep| {
        let known = report.accounts.iter().any(|a| a.account == keep.account && a.reachable());
        let mine = |i: &&Item| i.lease.account == keep.account && keep.lease.is_lease(&i.lease);
        let item = report.items.iter().find(mine);
        let over = match item {
            Some(item) => matches!(policies.kept(&item.lease), Some(Kept::Over(by)) if by == keep),
            None => {
                let like = policies.all.iter().find(|p| p.name == keep.like);
                keep.is_over(like.map(|p| &p.timezone), None, policies.now)
            }
        };
        (known && over).then_some(Ended { keep, item })
    };
    keeps.all().iter().filter_map(of).collect()
}

/// The key under which the end of this one is told.
#[must_use]
pub fn key(keep: &Keep) -> AlertKey {
    let day = keep.until.map(|day| day.to_string()).unwrap_or_default();
    AlertKey::order("keep_ended", keep.account.as_str(), &day)
}

/// One alert for all of an account that were kept until one day.
pub(super) fn keeps_ended(report: &CycleReport, policies: &Policies<'_>, now: Timestamp) -> Vec<Alert> {
    let mut days: BTreeMap<AlertKey, Vec<Ended<'_>>> = BTreeMap::new();
    for one in ended(report, policies) {
        days.entry(key(one.keep)).or_default().push(one);
    }
    days.into_iter().filter_map(|(key, all)| alert(key, &all, now)).collect()
}

fn alert(key: AlertKey, all: &[Ended<'_>], now: Timestamp) -> Option<Alert> {
    let first = all.first()?;
    let name: &AccountName = &first.keep.account;
    let items: Vec<&Item> = all.iter().filter_map(|e| e.item).collect();
    let goes = |i: &&Item| matches!(i.decision(), Decision::Release | Decision::Watch | Decision::Ignore);
    let until = first.keep.until.map(|day| day.to_string()).unwrap_or_default();
    let target = called(first.keep);
    let why = match items.first() {
        Some(item) => format!("For the first of them it says: {}.", item.reason),
        None => "No list shows them now.".to_owned(),
    };
    let ahead = items.iter().any(|i| goes(i) && i.lease.expires_at.is_some_and(|end| end > now));
    Some(Alert {
        rows: all.iter().map(line).collect(),
        actions: if ahead {
            vec![format!("renewd keep {target} --like {}", first.keep.like)]
        } else {
            Vec::new()
        },
        deadline: deadline(&items).filter(|_| ahead),
        once: true,
        leases: touched(&items),
        parts: all.iter().map(|e| format!("{} {}", e.keep.lease.id, e.keep.since)).collect(),
        ..plain(
            key,
            if ahead { Severity::Warning } else { Severity::Info },
            Some(name),
            &format!("{} of account {name} kept until {until} are no longer kept", leases(all.len())),
            &format!(
                "They were {}. That day has come, or they last until then, so their own policy decides from now on. {why}",
                first.keep.words()
            ),
        )
    })
}

fn called(keep: &Keep) -> &str {
    if keep.lease.ip.is_empty() { keep.lease.id.as_str() } else { &keep.lease.ip }
}

fn line(ended: &Ended<'_>) -> AlertRow {
    ended.item.map_or_else(
        || AlertRow {
            stage: None,
            what: called(ended.keep).to_owned(),
            ends: None,
            amount: None,
            note: ended.keep.words(),
        },
        row,
    )
}
