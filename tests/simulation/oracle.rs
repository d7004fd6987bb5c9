//! What must hold after every cycle and at the end of a seed, told from the worlds' books: nothing wanted lapses without a cause
//! (I2), nothing stands still in silence (I5), nothing is charged twice (I1), everything is settled, and rightly.
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;

use jiff::{SignedDuration, Timestamp};
use renewd::budget::Per;
use renewd::domain::{AlertKey, Money, State};
use renewd::engine::CycleReport;
use renewd::ledger::{BalanceNote, IntentRecord, OpenAlert};
use renewd::planner::Item;
use renewd::policy::{Decision, Word};

use crate::books::{Books, Entry, Manner, What};
use crate::judge::{Judge, Shadow, first_name, near, root, span_name};
use crate::run::Run;
use crate::setup::keys;
use crate::site::{Site, Tells, money};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What the books say of a payment, or of one part of it: cents.
pub fn truth(judge: &Judge, site: &Site, id: &str) -> i64 {
    let shadow = judge.lock().shadows[id].clone();
    let state = site.now();
    let charged = state.books.charged(root(id));
    let mine = charged.iter().filter(|(lot, _)| {
        let lot = &state.books.lots[**lot];
        shadow.leases.iter().any(|l| l.ip == lot.ip)
    });
    mine.map(|(_, cents)| cents).sum()
}

/// After a cycle that was told: I5, and what stood against paying what was due.
pub fn after_cycle(run: &mut Run, report: &CycleReport) {
    let alerts = run.ledger().open_alerts().unwrap();
    for item in &report.items {
        if run.policy_of(&item.lease).action != renewd::policy::Action::Renew {
            continue;
        }
        if crate::VERBOSE.load(Ordering::Relaxed) && item.reason.word != Word::NotDue {
            println!("    {} ({}): {}", item.lease.ip, item.lease.order, item.reason);
        }
        let down = report.accounts.iter().any(|a| a.account == item.lease.account && !a.reachable());
        let asked = item.reason.word == Word::Approval && turned_down(run, item);
        if item.decision() == Decision::Hold && !asked && !told(item, down, &alerts) {
            run.judge.broken(format!("I5 {} is held ({}) and no alert says so", item.lease.ip, item.reason));
        }
        if stands(run, item) {
            run.judge.excuse_lot(&first_name(item.lease.account.as_str()), &item.lease.ip);
        }
        silence(run, item, report, &alerts);
    }
    stuck_payments(run, report, &alerts);
    listen(run);
}

/// What people were told lately: the ledger does not keep it for ever.
pub fn listen(run: &mut Run) {
    let days = SignedDuration::from_hours(72);
    let said = run.ledger().tellings(run.clock.truth() - days).unwrap();
    run.said.extend(said.into_iter().map(|t| first_name(t.key.as_str())));
}

/// Every payment that is not settled is named by an open alert of its order: unknown, open for long, or waiting for a person.
fn stuck_payments(run: &Run, report: &CycleReport, alerts: &[OpenAlert]) {
    let (now, lag) = (report.started.wall, run.settings.timing.lag_window);
    let mut silent = Vec::new();
    for (id, s) in &run.judge.lock().shadows {
        let order = s.leases[0].order.as_str();
        let spoken = |cause: &str| {
            let key = AlertKey::order(cause, &s.account, order);
            alerts.iter().any(|a| first_name(a.key.as_str()) == key.as_str() && names(a, id))
        };
        let long = s.spent_wall.is_some_and(|at| now.duration_since(at) > lag * 4);
        let told = match s.state {
            State::Unknown | State::Accepted if long => spoken("unresolved"),
            State::Unknown => spoken("unknown") || spoken("unresolved"),
            State::NeedsOperator => spoken("needs_operator"),
            _ => true,
        };
        if !told {
            silent.push(format!(
                "I5 {id} is {} since {:?} and no alert of its order names it",
                s.state, s.spent
            ));
        }
    }
    silent.into_iter().for_each(|text| run.judge.broken(text));
}

/// Whether a person who reads the alert meets this very payment, and not only the batch that it is a part of.
fn names(alert: &OpenAlert, id: &str) -> bool {
    let word = |c: char| !(c.is_alphanumeric() || "-.".contains(c));
    let mut said = [&alert.title, &alert.text].into_iter().flat_map(|text| text.split(word));
    said.any(|said| said.trim_end_matches('.') == id)
}

/// Nobody is asked again for a term that the operator does not want.
fn turned_down(run: &Run, item: &Item) -> bool {
    let account = first_name(item.lease.account.as_str());
    let inner = run.judge.lock();
    item.lease.term_end().is_some_and(|end| inner.words.turned_down(&account, &item.lease.ip, end))
}

/// An account that cannot be read speaks for all of its leases.
fn told(item: &Item, down: bool, alerts: &[OpenAlert]) -> bool {
    let causes: &[&str] = match item.reason.word {
        _ if down => &["account_down", "inventory_unreadable"],
        Word::Unparsable => &["inventory_unreadable", "unparsable"],
        Word::Shrunk => &["shrunk", "inventory_empty"],
        Word::Clock => &["clock"],
        Word::UnknownPending | Word::NeedsOperator => {
            &["unknown", "unresolved", "needs_operator", "unknown_pending"]
        }
        word => &[word.as_str()],
    };
    alerts.iter().any(|a| {
        causes.contains(&a.key.cause()) && a.account.as_ref().is_none_or(|name| *name == item.lease.account)
    })
}

/// What is due and neither paid nor held waits in silence, whatever its reason is called. A payment that could not leave is told
/// of in the very cycle that tried it, to all that waited behind it as well; the guard in its cycle, too; the rest in the next one.
fn silence(run: &mut Run, item: &Item, report: &CycleReport, alerts: &[OpenAlert]) {
    let key = (item.lease.account.to_string(), item.lease.ip.clone());
    let begun = |state| !matches!(state, State::NotApplied | State::Refused | State::Released);
    let mine = |p: &&IntentRecord| p.request.account == item.lease.account;
    let paid = report
        .payments
        .iter()
        .any(|p| begun(p.state) && p.request.leases.iter().any(|l| l.ip == item.lease.ip));
    let (word, now) = (item.reason.word, run.clock.truth());
    if !matches!(word, Word::Backoff | Word::Due | Word::FleetGuard) || paid {
        run.silent.remove(&key);
        return;
    }
    let unsent = report.payments.iter().filter(mine).any(|p| p.never_sent)
        || run.judge.lock().shadows.values().any(|s| {
            // One of a day ago was told then: what it waits for now is something else.
            s.never_sent
                && now.duration_since(s.state_since) < 24 * HOUR
                && s.leases.iter().any(|l| {
                    l.ip == item.lease.ip && item.lease.term_end().is_some_and(|end| near(end, l.expires_at))
                })
        });
    let before = run.silent.insert(key, now);
    let (causes, at_once): (&[&str], bool) = match word {
        Word::FleetGuard => (&["fleet_guard"], true),
        Word::Backoff if unsent => (&["not_sent"], true),
        _ => (&["not_sent", "lapse_ahead", "fleet_guard"], false),
    };
    let of = |a: &&OpenAlert| a.account.as_ref() == Some(&item.lease.account);
    let spoken = alerts.iter().filter(of).any(|a| causes.contains(&a.key.cause()));
    if (at_once || before.is_some()) && !spoken {
        let text = format!("I5 {} waits ({}), and no alert says so", item.lease.ip, item.reason);
        run.judge.broken(text);
    }
}

/// Whether what renewd says against paying is so, by the books.
fn stands(run: &Run, item: &Item) -> bool {
    let site = run.site(&item.lease.account);
    let (order, ip) = (item.lease.order.as_str(), item.lease.ip.as_str());
    let state = site.now();
    let now = run.clock.truth();
    let minute = |at: Timestamp| now.duration_since(at) < SignedDuration::from_mins(20);
    match item.reason.word {
        Word::ShortFunds => {
            let keep = run.settings.account(&site.account).unwrap().keep_balance;
            let all: i64 =
                state.books.lots.iter().filter(|l| !l.gone).map(|l| l.cents * state.prices / 100).sum();
            money(state.books.balance()).minus(keep).unwrap() < money(all)
        }
        Word::Overcharged => state.books.entries.iter().any(|e| e.odd || e.what == What::Foreign),
        Word::OverBudget | Word::PriceCap | Word::PriceJump | Word::BundleSplit => true,
        // What waits behind a payment that could not leave.
        Word::Backoff if now < state.money_down_until => true,
        Word::UnknownPending | Word::NeedsOperator | Word::Accepted | Word::Refused | Word::Backoff => {
            let inner = run.judge.lock();
            let mut all = inner.shadows.values().filter(|s| s.account == site.account.as_str());
            all.any(|s| {
                s.touches(order, ip) && s.state != State::Confirmed
                    || (s.state == State::Confirmed && s.touches(order, ip) && minute(s.state_since))
                    || (s.is_open() && s.spent.is_some_and(|at| now.duration_since(at) < HOUR))
            })
        }
        Word::PromoInvalid => now >= state.promo_until,
        Word::ProviderOwns => state.books.lots.iter().any(|l| l.ip == ip && l.auto_shown(now)),
        Word::ProviderWarning | Word::QuoteError | Word::QuoteUnreadable => minute(state.last_trouble),
        Word::AccountDown | Word::Unparsable | Word::Shrunk => {
            run.judge.lock().excuse.get(site.account.as_str()).is_some_and(|at| minute(*at))
        }
        Word::Clock | Word::Paused | Word::Approval => true,
        _ => false,
    }
}

/// I2: every wanted lease that was lost had something against it in its last hour.
pub fn lapses(run: &mut Run) {
    let now = run.clock.truth();
    for (s, site) in run.sites.clone().iter().enumerate() {
        let state = site.now();
        for lot in 0..state.books.lots.len() {
            let lost = state.books.lost_at(lot);
            let l = &state.books.lots[lot];
            let Some(policy) = run.wants(&state.books, lot) else { continue };
            // An end that is not told is known by the hold that follows: on the last day it may be taken for the next.
            let seen =
                (l.end() + SignedDuration::from_hours(24)).to_zoned(run.settings.timezone.clone()).date();
            if site.tells == Tells::Never && policy.until.is_some_and(|u| seen >= u) {
                continue;
            }
            if lost > now || !run.judged.insert((s, lot, lost)) {
                continue;
            }
            let (account, ip) = (site.account.to_string(), l.ip.clone());
            let mut inner = run.judge.lock();
            let own = inner.lot_excuse.get(&(account.clone(), ip.clone())).copied();
            let excuse = own.max(inner.excuse.get(&account).copied());
            let asleep = run
                .cycles_at
                .iter()
                .rev()
                .take(400)
                .filter(|at| **at < lost && lost.duration_since(**at) <= HOUR)
                .count()
                < 2;
            if asleep || excuse.is_some_and(|at| lost.duration_since(at) < HOUR) {
                inner.tally.lapsed_excused += 1;
                continue;
            }
            drop(inner);
            let text = format!(
                "I2 {ip} of {account} (order {}, {}) is lost since {lost}; last cause {excuse:?}",
                l.order, l.tag
            );
            run.judge.broken(text);
        }
    }
}

/// After faults stopped and everything landed.
#[allow(clippy::too_many_lines, reason = "one demand after the other")]
pub fn at_rest(run: &Run) {
    let shadows = run.judge.lock().shadows.clone();
    for (id, s) in &shadows {
        let even = evened(run, &shadows, id) || explained(run, &shadows, id);
        settled_rightly(run, &shadows, id, s, even);
        if s.was_unknown && s.state != State::Split {
            count_unknown(run, id, s);
        }
    }
    doubles(run);
    tellings(run, &shadows);
    budgets(run, &shadows);
    if !run.ledger().outbox(None).unwrap().is_empty() {
        run.judge.broken("I5 mails stay in the outbox although the mail server is up".to_owned());
    }
}

/// One payment against the books; `even`: what became of it is right together with the other attempts at its term.
fn settled_rightly(run: &Run, shadows: &BTreeMap<String, Shadow>, id: &str, s: &Shadow, even: bool) {
    let site = run.sites.iter().find(|x| x.account.as_str() == s.account).unwrap();
    let charged = if s.theirs { 0 } else { truth(&run.judge, site, id) };
    let cost = money(charged);
    let state = site.now();
    let unclear = s.spent.is_some_and(|at| disturbed(&state.books, at, Some(id)));
    let gone = s.leases.iter().any(|l| state.books.lots.iter().any(|x| x.ip == l.ip && x.gone));
    drop(state);
    let stands = s.state == State::Confirmed && s.unseen && !s.theirs && sum_stands(run, shadows, s);
    let rest = s.charged.and_then(|c| cost.minus(c)).unwrap_or_default();
    let noted = rest.is_positive() && noted(run, site, id, rest);
    let mut inner = run.judge.lock();
    match s.state {
        State::Reserved | State::SpendStarted | State::Accepted | State::Unknown => {
            let young = run.clock.truth().duration_since(s.state_since) < SignedDuration::from_mins(16);
            if !young {
                inner.broken.push(format!("{id} is still {} after faults stopped", s.state));
            }
        }
        State::NotApplied | State::Refused if charged > 0 && !gone && !s.operator && !even => {
            inner.tally.wrong += 1;
            inner.broken.push(format!("WRONG {id} is {}, and the books say {cost}", s.state));
        }
        State::Confirmed if charged == 0 && !s.theirs && !s.operator && !even => {
            inner.tally.wrong += 1;
            inner.broken.push(format!("WRONG {id} is confirmed, and the books know no charge"));
        }
        State::Confirmed if !s.theirs && s.charged != Some(cost) => {
            inner.tally.inexact += 1;
            // Of two attempts at one term either may stand for the charge; among others a quote may stand, and says so.
            let rival = shadows.iter().any(|(o, x)| {
                o != id && !x.theirs && x.state != State::Split && s.leases.iter().any(|l| x.is_for(l))
            });
            // What the provider renews by itself without ever telling an end is a fall like any other: the larger number counts.
            let unseeable = s.charged > Some(cost) && s.spent.is_some_and(|at| renewed_unseen(site, at));
            if !unclear && !s.operator && !rival && !stands && !unseeable && !noted {
                let text = format!("BOOKS {id} cost {cost} by the books, {:?} by the ledger", s.charged);
                inner.broken.push(text);
            }
        }
        State::Confirmed if !s.theirs => inner.tally.exact += 1,
        _ => {}
    }
}

/// An answer told what it cost, and it landed after every window at another price: what that took beside is on record.
fn noted(run: &Run, site: &Site, id: &str, rest: Money) -> bool {
    let own = |e: &&Entry| e.unforeseen && matches!(&e.what, What::Payment(name) if name == root(id));
    let shown = site.now().books.entries.iter().find(own).map(|e| e.shown_from);
    let notes = run.ledger().balance_notes(Timestamp::MIN).unwrap();
    let of = |n: &BalanceNote, at| n.unexplained == rest && n.since <= at && n.at >= at;
    let named = |n: &&BalanceNote| first_name(n.account.as_str()) == site.account.as_str();
    shown.is_some_and(|at| notes.iter().filter(named).any(|n| of(n, at)))
}

/// What cannot be told from its neighbours' is marked so, and then the sum is held: the payments of its policy in these hours count
/// for no less than they cost, and this one for no more than its quote, what the provider took beyond all quotes and what anybody else
/// spent until it was read.
fn sum_stands(run: &Run, shadows: &BTreeMap<String, Shadow>, s: &Shadow) -> bool {
    let site = run.sites.iter().find(|x| x.account.as_str() == s.account).unwrap();
    let near = |o: &Shadow| {
        let apart = s.spent.zip(o.spent).map(|(one, other)| one.duration_since(other).abs());
        o.account == s.account && !o.theirs && o.state != State::Split && apart.is_some_and(|a| a <= HOUR * 2)
    };
    let (mut counted, mut cost, mut beyond) = (Money::ZERO, Money::ZERO, Money::ZERO);
    let (mut all, mut cheaper) = (Money::ZERO, false);
    for (id, o) in shadows.iter().filter(|(_, o)| near(o)) {
        let took = money(truth(&run.judge, site, id));
        let expected = if o.state == State::Confirmed { o.quoted } else { Money::ZERO };
        beyond = beyond.plus(took.minus(expected).unwrap().max(Money::ZERO)).unwrap();
        (all, cheaper) = (all.plus(took).unwrap(), cheaper || (took < o.quoted && took > Money::ZERO));
        if o.policy == s.policy && o.state == State::Confirmed {
            cost = cost.plus(took).unwrap();
            counted = counted.plus(o.charged.unwrap_or(o.quoted)).unwrap();
        }
        // What landed after every window was open all the while: its quote may stand for what its neighbours took.
        let of = |e: &Entry| e.unforeseen && matches!(&e.what, What::Payment(name) if name == id);
        if site.now().books.entries.iter().any(of) {
            counted = counted.plus(o.quoted).unwrap();
        }
    }
    let until = s.measured_at + HOUR * 2;
    let others = |e: &&Entry| matches!(e.what, What::Foreign | What::Auto) && e.cents < 0;
    let within = |e: &&Entry| s.spent.is_some_and(|at| e.shown_from >= at - HOUR && e.shown_from <= until);
    let spent = site.now().books.entries.iter().filter(others).filter(within).map(|e| -e.cents).sum();
    beyond = beyond.plus(money(spent)).unwrap();
    // Where one took less than it was quoted, no sum of quotes is the fall: what its neighbours took may count for a payment then.
    if cheaper {
        beyond = beyond.plus(all).unwrap();
    }
    // No reading counted in the hour in which all would have shown: from the end of the call and a lag window on.
    let unread = s.spent.is_some_and(|at| {
        s.state_since >= at + HOUR || !site.now().looked(at + SignedDuration::from_mins(18), at + HOUR)
    });
    (counted >= cost || unread) && s.charged.is_some_and(|c| c <= s.quoted.plus(beyond).unwrap())
}

/// Whether evidence alone settled it.
fn count_unknown(run: &Run, id: &str, s: &Shadow) {
    let site = run.sites.iter().find(|x| x.account.as_str() == s.account).unwrap();
    let state = site.now();
    let blind = s.spent.is_some_and(|at| state.blind(at, at + HOUR * 4));
    let disturbed = s.spent.is_some_and(|at| disturbed(&state.books, at, None));
    drop(state);
    let person = s.operator || s.state == State::NeedsOperator;
    if person {
        run.judge.note(|| format!("{id} needed a person, disturbed: {disturbed}, blind: {blind}"));
    }
    let tally = &mut run.judge.lock().tally;
    tally.unknowns += 1;
    tally.by_person += u64::from(person);
    tally.disturbed += u64::from(person && (disturbed || blind));
    tally.by_evidence += u64::from(!person);
}

/// Somebody else's money moved, or a price was not the quoted one, while this payment was being looked into: what then is
/// missing from the balance proves nothing, and a person must look.
fn disturbed(books: &Books, spent: Timestamp, but: Option<&str>) -> bool {
    let (from, to) = (spent - HOUR, spent + HOUR * 4);
    let own = |e: &&Entry| matches!((&e.what, but), (What::Payment(id), Some(but)) if id == root(but));
    let odd =
        |e: &&Entry| matches!(e.what, What::Foreign | What::TopUp) || ((e.odd || e.unforeseen) && !own(e));
    books.entries.iter().filter(odd).any(|e| e.ends_from >= from && e.ends_from <= to)
}

/// Whether the provider renewed something by itself in the hours of a payment, where it never tells an end.
fn renewed_unseen(site: &Site, spent: Timestamp) -> bool {
    let state = site.now();
    let theirs = state.books.entries.iter().filter(|e| e.what == What::Auto);
    site.tells == Tells::Never
        && theirs.into_iter().any(|e| e.ends_from >= spent && e.ends_from <= spent + HOUR)
}

/// Of two attempts at one term, one was charged: no end and no balance can say which, and for money, budgets and leases it is
/// the same. Right is as many confirmed attempts as the books have charges.
fn evened(run: &Run, shadows: &BTreeMap<String, Shadow>, id: &str) -> bool {
    let s = &shadows[id];
    let site = run.sites.iter().find(|x| x.account.as_str() == s.account).unwrap();
    s.leases.iter().all(|lease| {
        let rivals = shadows.iter().filter(|(_, o)| {
            o.account == s.account
                && o.state != State::Split
                && !o.theirs
                && o.leases.iter().any(|l| l.ip == lease.ip && near(l.expires_at, lease.expires_at))
        });
        let (mut told, mut true_ones) = (0, 0);
        for (other, o) in rivals {
            let state = site.now();
            let charged = state.books.charged(root(other));
            true_ones += usize::from(charged.keys().any(|lot| state.books.lots[*lot].ip == lease.ip));
            told += usize::from(o.state == State::Confirmed);
        }
        told == true_ones
    })
}

/// Where ends are not told, a charge that landed after every window shows in the balance only, and among other moves as nothing but
/// money that nobody explains: that it is on record so is right. Of two attempts at one term either may be the one that is.
fn explained(run: &Run, shadows: &BTreeMap<String, Shadow>, id: &str) -> bool {
    let s = &shadows[id];
    let site = run.sites.iter().find(|x| x.account.as_str() == s.account).unwrap();
    if site.manner == Manner::Days || site.tells == Tells::Always {
        return false;
    }
    let notes = run.ledger().balance_notes(Timestamp::MIN).unwrap();
    let state = site.now();
    let attempt = |name: &str| {
        name == root(id)
            || shadows
                .get(name)
                .is_some_and(|o| o.account == s.account && s.leases.iter().all(|l| o.is_for(l)))
    };
    let late = state
        .books
        .entries
        .iter()
        .filter(|e| matches!(&e.what, What::Payment(name) if e.unforeseen && attempt(name)));
    let mut shown = late.map(|e| e.shown_from);
    shown.any(|at| {
        notes
            .iter()
            .any(|n| first_name(n.account.as_str()) == site.account.as_str() && n.since <= at && n.at >= at)
    })
}

/// I1 by the books: no term has two charges of renewd's, but where the first landed after every window.
fn doubles(run: &Run) {
    let lag = run.settings.timing.lag_window;
    let shadows = run.judge.lock().shadows.clone();
    for site in &run.sites {
        let state = site.now();
        let mut terms: BTreeMap<(usize, Timestamp), Vec<(String, bool)>> = BTreeMap::new();
        for entry in &state.books.entries {
            let What::Payment(id) = &entry.what else { continue };
            let spent = shadows[id].spent.unwrap();
            let late = entry.ends_from.duration_since(spent) > lag + SignedDuration::from_secs(120);
            let asked = &shadows[id].leases;
            for term in &entry.terms {
                let ip = &state.books.lots[term.lot].ip;
                let for_end = asked.iter().find(|l| &l.ip == ip).map_or(term.end_before, |l| l.expires_at);
                let known = terms.keys().find(|(lot, end)| *lot == term.lot && near(*end, for_end)).copied();
                terms.entry(known.unwrap_or((term.lot, for_end))).or_default().push((id.clone(), late));
            }
        }
        for ((lot, end), paid) in terms.into_iter().filter(|(_, p)| p.len() > 1) {
            if paid.iter().any(|(_, late)| *late) {
                run.judge.lock().tally.double_excused += 1;
                continue;
            }
            let ip = &state.books.lots[lot].ip;
            let ids: Vec<&String> = paid.iter().map(|(id, _)| id).collect();
            run.judge.broken(format!("I1 {ip} until {end} was charged {} times: {ids:?}", paid.len()));
        }
    }
}

/// A second charge of one term, and a charge that is not the quoted one, were told of some time, by alerts of their orders.
fn tellings(run: &Run, shadows: &BTreeMap<String, Shadow>) {
    let said = &run.said;
    let confirmed = |s: &&Shadow| s.state == State::Confirmed && !s.theirs && !s.operator;
    let mut silent = Vec::new();
    for (id, s) in shadows.iter().filter(|(_, s)| confirmed(s)) {
        let told = |of: &Shadow, cause: &str| {
            said.contains(AlertKey::order(cause, &of.account, of.leases[0].order.as_str()).as_str())
        };
        // Just twice its quote looks like a second payer, and is told as that.
        let twice = s.charged == s.quoted.times(2) && told(s, "double_charge");
        if s.charged.is_some_and(|c| c != s.quoted) && !twice && !told(s, "charge_differs") {
            silent.push(format!("I5 {id} cost {:?} instead of {}, and nobody was told", s.charged, s.quoted));
        }
        let twice = shadows.iter().filter(|(other, o)| *other < id && confirmed(o) && o.account == s.account);
        let twice = twice.filter(|(_, o)| s.leases.iter().all(|l| o.is_for(l)));
        // It is told once, by the payment that turned out to be the second.
        for (other, _) in twice.filter(|(_, o)| !told(s, "double_charge") && !told(o, "double_charge")) {
            silent.push(format!("I5 {id} and {other} were both charged for one term, and nobody was told"));
        }
    }
    silent.into_iter().for_each(|text| run.judge.broken(text));
}

/// I4 by the books: what renewd's payments really cost in each span of each budget. Left out is what no gate can know: a charge
/// beyond its quote, one of a payment that the provider had called refused or that landed after every window, and what somebody
/// else's money hid of a charge in the very hours of the payment.
fn budgets(run: &Run, shadows: &BTreeMap<String, Shadow>) {
    let zone = &run.settings.timezone;
    for budget in &run.settings.budgets {
        let mut spans: BTreeMap<String, Money> = BTreeMap::new();
        for site in &run.sites {
            let state = site.now();
            for entry in state.books.entries.iter().filter(|e| !e.unforeseen) {
                let What::Payment(id) = &entry.what else { continue };
                let s = &shadows[id];
                let named = budget.accounts.is_empty() || budget.accounts.contains(&site.account);
                if !named || !(budget.policies.is_empty() || budget.policies.contains(&s.policy)) {
                    continue;
                }
                let span = match budget.per {
                    Per::Cycle => format!("cycle {}", s.cycle),
                    per => span_name(per, &s.spent_wall.unwrap().to_zoned(zone.clone())),
                };
                let mut cost = money(-entry.cents).min(s.quoted);
                if disturbed(&state.books, s.spent.unwrap(), Some(id)) {
                    cost = s.charged.map_or(cost, |c| c.min(cost));
                }
                let sum = spans.entry(span).or_default();
                *sum = sum.plus(cost).unwrap();
            }
        }
        for (span, sum) in spans.into_iter().filter(|(_, sum)| *sum > budget.limit) {
            let text =
                format!("I4 the books have {sum} of {} in budget {}, {span}", budget.limit, budget.name);
            run.judge.broken(text);
        }
    }
}

/// I8: no secret in the ledger's files or in a mail.
pub fn secrets(run: &Run, dir: &Path) {
    let mut files: Vec<_> =
        ["ledger.db", "ledger.db-wal", "requests.db"].iter().map(|f| dir.join(f)).collect();
    let mails = std::fs::read_dir(dir.join("mails")).unwrap().map(|e| e.unwrap().path());
    let mails: Vec<_> = mails.collect();
    run.judge.lock().tally.mails += mails.len() as u64;
    files.extend(mails);
    for file in files {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        for key in keys() {
            if memchr::memmem::find(&bytes, key.as_bytes()).is_some() {
                run.judge.broken(format!("I8 {} holds a secret", file.display()));
            }
        }
    }
}
