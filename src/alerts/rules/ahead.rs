//! The alert that leases cannot be renewed as configured, told before they are due; and the same in words for whoever asks. Pure: the
//! cautions of the forecast are an argument.
//!
//! It speaks for the future. Once a lease is due and held, the alert of that word speaks for it, and it is left out here.
use std::collections::{BTreeSet, HashSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{leases, plain};
use crate::domain::alert::AlertRow;
use crate::domain::time::words;
use crate::domain::{AccountName, Alert, AlertKey, LeaseId, LeaseView, Leases, Severity};
use crate::forecast::Caution;
use crate::policy::{Windows, Word, stage};
use crate::settings::Settings;

/// The cause in the alert's key.
pub const CAUSE: &str = "cannot_renew";
/// From here on it cannot wait for office hours.
const URGENT: SignedDuration = SignedDuration::from_hours(48);
/// So many addresses are named before the others are counted.
const NAMED: usize = 3;

/// Leases of one account with the same word, under the same policy or budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ahead {
    /// Whose.
    pub account: AccountName,
    /// The word that the plan will have for them.
    pub word: Word,
    /// Which, by their ends.
    pub leases: Vec<LeaseId>,
    /// The first end.
    pub first_end: Option<Timestamp>,
    /// Which addresses, why, and what to change where.
    pub text: String,
    /// The change alone.
    pub change: String,
    /// The key to change: its table, the row's name, and the key.
    pub key: Option<(&'static str, String, &'static str)>,
    /// Why, for each of `leases`: prices differ.
    whys: Vec<String>,
    /// The policy that wants them.
    policy: Option<usize>,
}

impl Ahead {
    /// Some policy wants these leases: without one nobody does.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.word != Word::NoPolicy
    }

    /// The first of them ends within this time.
    #[must_use]
    pub fn within(&self, now: Timestamp, ahead: SignedDuration) -> bool {
        self.first_end.is_some_and(|end| end > now && end.duration_since(now) <= ahead)
    }
}

/// What the cautions say, grouped. `accounts` is what their indices stand for; a lease that `left` says is left out.
#[must_use]
pub fn grouped(
    cautions: &[Caution],
    accounts: &[(AccountName, &Leases)],
    settings: &Settings,
    left: &dyn Fn(&LeaseView<'_>) -> bool,
) -> Vec<Ahead> {
    let lease =
        |c: &Caution| Some(accounts.get(c.account)?.1).filter(|l| c.lease < l.len()).map(|l| l.view(c.lease));
    let mut sorted: Vec<(&Caution, LeaseView<'_>)> =
        cautions.iter().filter_map(|c| Some((c, lease(c)?))).filter(|(_, lease)| !left(lease)).collect();
    sorted.sort_by_key(|(c, _)| (c.account, c.word, c.policy, c.budget, c.ends));
    let alike = |a: &(&Caution, LeaseView<'_>), b: &(&Caution, LeaseView<'_>)| {
        (a.0.account, a.0.word, a.0.policy, a.0.budget) == (b.0.account, b.0.word, b.0.policy, b.0.budget)
    };
    let one = |group: &[(&Caution, LeaseView<'_>)]| {
        let first = group[0].0;
        let (verb, key) = change(first, settings);
        let change = match &key {
            Some((table, name, key)) => {
                let place = settings.places.find(table, name, key).map(|place| format!(" ({place})"));
                format!("{verb} `{key}` of {table} `{name}`{}", place.unwrap_or_default())
            }
            None => verb.to_owned(),
        };
        Ahead {
            account: accounts[first.account].0.clone(),
            word: first.word,
            leases: group.iter().map(|(_, lease)| lease.id.into()).collect(),
            first_end: group.iter().filter_map(|(c, _)| c.ends).min(),
            text: format!("{}. {change}", told(group)),
            change,
            key,
            whys: group.iter().map(|(c, _)| c.why.clone()).collect(),
            policy: first.policy,
        }
    };
    sorted.chunk_by(alike).map(one).collect()
}

/// Which cannot be renewed, and why: what is so for other reasons, such as another price, is told apart.
fn told(group: &[(&Caution, LeaseView<'_>)]) -> String {
    let mut parts: Vec<Vec<(&Caution, LeaseView<'_>)>> = Vec::new();
    for row in group {
        match parts.iter_mut().find(|part| part[0].0.why == row.0.why) {
            Some(part) => part.push(*row),
            None => parts.push(vec![*row]),
        }
    }
    let say = |(n, part): (usize, &Vec<(&Caution, LeaseView<'_>)>)| {
        let verb = if n == 0 { " cannot be renewed as configured" } else { "" };
        format!("{}{verb}: {}", named(part), part[0].0.why)
    };
    let mut said: Vec<String> = parts.iter().take(NAMED).enumerate().map(say).collect();
    let more: usize = parts.iter().skip(NAMED).map(Vec::len).sum();
    if more > 0 {
        said.push(format!("{more} more for similar reasons"));
    }
    said.join("; ")
}

/// A few addresses, then a count.
fn named(group: &[(&Caution, LeaseView<'_>)]) -> String {
    let names: Vec<&str> = group.iter().take(NAMED).map(|(_, lease)| address(lease)).collect();
    match group.len() - names.len() {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

fn address<'a>(lease: &LeaseView<'a>) -> &'a str {
    if lease.ip.is_empty() { lease.id } else { lease.ip }
}

/// What to do, and the key of the config that it is about.
fn change(
    caution: &Caution,
    settings: &Settings,
) -> (&'static str, Option<(&'static str, String, &'static str)>) {
    if let Some(budget) = caution.budget.map(|b| &settings.budgets[b]) {
        return ("Raise", Some(("budget", budget.name.clone(), "limit")));
    }
    if caution.word == Word::KeepLost {
        return ("Put that policy back, or keep the lease like another one (renewd keep)", None);
    }
    let Some(policy) = caution.policy.map(|p| &settings.policies[p]) else {
        return ("Add a policy that matches", None);
    };
    let (verb, key) = match caution.word {
        Word::PeriodNotOffered => ("Change", "period"),
        Word::PriceCap => ("Raise", "max_price"),
        Word::PriceJump => ("Raise", "max_price_jump"),
        Word::CycleDiffers => ("Change", "cycle"),
        _ if policy.window.as_ref().is_some_and(Windows::is_all_day) => ("Shorten", "except"),
        _ if policy.window.is_some() => ("Widen", "window"),
        _ => ("Raise", "before"),
    };
    (verb, Some(("policy", policy.name.clone(), key)))
}

/// What the alert looks at.
pub struct View<'a> {
    /// What will stop renewals.
    pub cautions: &'a [Caution],
    /// What their indices stand for.
    pub accounts: &'a [(AccountName, &'a Leases)],
    /// Accounts of which nothing is known now.
    pub frozen: &'a BTreeSet<AccountName>,
    /// Instants are shown in it.
    pub timezone: &'a TimeZone,
    /// Now.
    pub now: Timestamp,
    /// `alerts.runway`: it is told so long before the first end.
    pub ahead: SignedDuration,
}

/// One alert per account with wanted leases that end within `ahead` and cannot be renewed as configured. Those of which `told` is
/// spoken by another alert.
#[must_use]
pub fn cannot_renew(
    view: &View<'_>,
    settings: &Settings,
    told: &HashSet<(AccountName, LeaseId)>,
) -> Vec<Alert> {
    let left = |lease: &LeaseView<'_>| {
        !told.is_empty() && told.contains(&(lease.account.clone(), LeaseId::new(lease.id)))
    };
    let groups = grouped(view.cautions, view.accounts, settings, &left);
    let soon =
        |g: &&Ahead| g.is_wanted() && g.within(view.now, view.ahead) && !view.frozen.contains(&g.account);
    let groups: Vec<&Ahead> = groups.iter().filter(soon).collect();
    groups.chunk_by(|a, b| a.account == b.account).filter_map(|of| alert(view, settings, of)).collect()
}

fn alert(view: &View<'_>, settings: &Settings, groups: &[&Ahead]) -> Option<Alert> {
    let name = &groups.first()?.account;
    let first_end = groups.iter().filter_map(|g| g.first_end).min()?;
    let count: usize = groups.iter().map(|g| g.leases.len()).sum();
    let left = first_end.duration_since(view.now);
    let when = first_end.to_zoned(view.timezone.clone()).strftime("%a %-d %b %H:%M");
    let all = view.accounts.iter().find(|(account, _)| account == name).map(|(_, leases)| *leases);
    let row = |group: &Ahead, id: &LeaseId, why: &str| {
        let lease = all?.get(id.as_str())?;
        let end = lease.expires_at;
        let policy = group.policy.map(|p| &settings.policies[p]);
        Some(AlertRow {
            stage: policy.zip(end).map(|(p, end)| stage(p, lease.order, end, view.now).as_str()),
            what: format!("{} {}", lease.kind, address(&lease)),
            ends: end,
            amount: None,
            note: format!("{}: {why}", group.word.as_str()),
        })
    };
    let ids = || groups.iter().flat_map(|g| g.leases.iter().zip(&g.whys).map(move |(id, why)| (*g, id, why)));
    Some(Alert {
        rows: ids().filter_map(|(g, id, why)| row(g, id, why)).collect(),
        leases: ids().map(|(_, id, _)| id.clone()).collect(),
        deadline: Some(first_end),
        actions: groups
            .iter()
            .map(|g| g.change.clone())
            .chain(["systemctl reload renewd".into(), "renewd check --live".into()])
            .collect(),
        ..plain(
            AlertKey::account(CAUSE, name.as_str()),
            if left <= URGENT { Severity::Urgent } else { Severity::Warning },
            Some(name),
            &format!(
                "{} of account {name} cannot be renewed as configured; the first ends {when}",
                leases(count)
            ),
            &format!(
                "{} due yet, and there are {} left. {}.",
                if count == 1 { "It is not" } else { "None of them is" },
                words(left),
                groups.iter().map(|g| g.text.clone()).collect::<Vec<_>>().join(". ")
            ),
        )
    })
}
