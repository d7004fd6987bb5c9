//! From instant to instant: when something may change, and what changes by itself then.
use jiff::{SignedDuration, Timestamp};

use super::facts::{Facts, Rules};
use super::result::{Backtest, Entry, Totals};
use super::step::{Step, entry};
use super::world::{Told, Worlds, policies};
use crate::policy::{Action, Word};

/// Lives the recorded time again.
#[must_use]
pub fn backtest(rules: &Rules<'_>, facts: &Facts) -> Backtest {
    let mut worlds = Worlds::begin(facts);
    let (mut result, mut told) = (Backtest { actual: happened(facts), ..Backtest::default() }, Told::new());
    let (mut now, fixed) = (facts.since, fixed(facts));
    loop {
        pass_time(rules, &mut worlds, now, &mut result);
        let step = Step { rules, now, patience: patience(rules, now) };
        let soonest = step.take(&mut worlds, &mut result, &mut told);
        match next(rules, soonest, &fixed, now) {
            Some(next) if next <= facts.until => now = next,
            _ => break,
        }
    }
    pass_time(rules, &mut worlds, facts.until, &mut result);
    result.paid.sort_by(|a, b| (a.at, &a.account, &a.lease).cmp(&(b.at, &b.account, &b.lease)));
    result.lost.sort_by(|a, b| (a.at, &a.account, &a.lease).cmp(&(b.at, &b.account, &b.lease)));
    result.what_if.lost = result.lost.len();
    result
}

/// How long what waits may have to: until the next start.
fn patience(rules: &Rules<'_>, now: Timestamp) -> SignedDuration {
    let gap = (rules.next)(now).map(|next| next.duration_since(now));
    gap.map_or(rules.timing.lag_window, |gap| gap.max(rules.timing.lag_window))
}

/// What happened, counted.
fn happened(facts: &Facts) -> Totals {
    let mut totals = Totals::default();
    for account in &facts.accounts {
        for lease in &account.leases {
            let within = |at: &Timestamp| *at >= facts.since && *at <= facts.until;
            for paid in lease.paid.iter().filter(|p| within(&p.at)) {
                totals.add(Some(paid.amount), account.currency.as_ref());
            }
            let grace = account.capabilities.grace.unwrap_or(SignedDuration::ZERO);
            let end = lease.last_end().and_then(|end| end.checked_add(grace).ok());
            let is_lost = end.is_some_and(|end| end <= facts.until) && lease.taken_at().is_none();
            totals.lost += usize::from(is_lost);
        }
    }
    totals
}

/// What comes to pass by then without renewd: money that moves, renewals by the provider, leases that go.
fn pass_time(rules: &Rules<'_>, worlds: &mut Worlds<'_>, now: Timestamp, result: &mut Backtest) {
    for account in 0..worlds.accounts.len() {
        worlds.accounts[account].move_money(now);
        let grace = worlds.accounts[account].grace();
        for n in 0..worlds.accounts[account].leases.len() {
            renewed_by_the_provider(rules, worlds, (account, n), now, result);
            let of = &mut worlds.accounts[account];
            let lease = &mut of.leases[n];
            if !lease.is_listed(now) {
                continue;
            }
            let lost = lease.end.filter(|end| end.checked_add(grace).is_ok_and(|gone| gone <= now));
            if let Some(end) = lost {
                lease.is_over = true;
                let (past, end_of) = (lease.past, Some(end));
                let mut of_lease = past.lease.clone();
                of_lease.expires_at = end_of;
                let last = &worlds.last;
                let policies = policies(rules, last, now);
                let policy = policies.of(&of_lease);
                let action = match policy.map(|p| p.action) {
                    Some(Action::Renew) => "its policy renews it, and nothing was paid before its end",
                    Some(Action::Release) => "its policy lets it lapse",
                    Some(Action::Watch) => "its policy only watches it",
                    Some(Action::Ignore) => "its policy says ignore",
                    None => "no policy matches",
                };
                let days = policy.and_then(|p| p.periods.first().copied()).unwrap_or(30);
                let amount = of.prices.of_lease(past, days, end);
                let currency = of.past.currency.as_ref();
                result.lost.push(Entry {
                    policy: policy.map(|p| p.name.clone()),
                    reason: action.to_owned(),
                    ..entry(&of_lease, end, amount, currency)
                });
            } else if lease.past.taken_at().is_some_and(|at| at <= now) {
                lease.is_over = true;
            }
        }
    }
}

/// A term that it renewed by itself, and that nobody paid for here before.
fn renewed_by_the_provider(
    rules: &Rules<'_>,
    worlds: &mut Worlds<'_>,
    (account, n): (usize, usize),
    now: Timestamp,
    result: &mut Backtest,
) {
    let of = &worlds.accounts[account];
    let lease = &of.leases[n];
    let (past, end) = (lease.past, lease.end);
    let is_it = |p: &&super::facts::Renewal| p.by_provider && p.at <= now && Some(p.before) == end;
    let Some(paid) = past.paid.iter().find(is_it).filter(|_| lease.is_listed(now)) else { return };
    let currency = of.past.currency.clone();
    let name = policies(rules, &worlds.last, now).of(&past.lease).map(|p| p.name.clone());
    let labels = policies(rules, &worlds.last, now).labels_of(&past.lease);
    let policy = name.clone().unwrap_or_default();
    worlds.pay(account, &past.lease, (paid.at, &policy), (Some(paid.amount), paid.days), &labels);
    worlds.accounts[account].leases[n].end = Some(paid.after);
    result.what_if.add(Some(paid.amount), currency.as_ref());
    result.paid.push(Entry {
        policy: name,
        reason: "the provider renewed it on its own".to_owned(),
        word: Some(Word::ProviderPays),
        ..entry(&past.lease, paid.at, Some(paid.amount), currency.as_ref())
    });
}

/// The next start at which a pass may find something else than this one.
fn next(
    rules: &Rules<'_>,
    soonest: Option<Timestamp>,
    fixed: &[Timestamp],
    now: Timestamp,
) -> Option<Timestamp> {
    let fixed = fixed.get(fixed.partition_point(|at| *at <= now)).copied();
    let soonest = [soonest, fixed].into_iter().flatten().min()?;
    let just_before = soonest.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(soonest);
    (rules.next)(just_before)
}

/// Instants at which something happened that no policy decides, ascending.
fn fixed(facts: &Facts) -> Vec<Timestamp> {
    let mut all: Vec<Timestamp> = Vec::new();
    for lease in facts.accounts.iter().flat_map(|a| &a.leases) {
        all.push(lease.from);
        all.extend(lease.taken_at());
        all.extend(lease.paid.iter().filter(|p| p.by_provider).map(|p| p.at));
    }
    all.sort_unstable();
    all.dedup();
    all
}
