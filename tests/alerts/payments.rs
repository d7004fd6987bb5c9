//! Several payments of one order: one alert and one mail speak of all of them, and one that joins is news.
use renewd::alerts::rules::double_charge;
use renewd::alerts::tell;
use renewd::domain::{Alert, IntentId, Occasion, State};
use renewd::ledger::{IntentRecord, Outbox};

use crate::shop::{Shop, far, mails};
use crate::support::{lease, money};
use crate::world::{World, payment};

/// Part `n` of a batch of order `O1`: its own lease and amount.
fn part(n: usize, state: State) -> IntentRecord {
    let mut part = payment(state);
    part.id = IntentId::new(format!("p-000001.{n}"));
    part.quoted = money(&format!("2.{n}0"));
    let paid = &mut part.request.leases[0];
    (paid.id, paid.ip) = (lease("yp", n).id, lease("yp", n).ip);
    part
}

/// What a person reads of it.
fn words(alert: &Alert) -> String {
    let rows = alert.rows.iter().map(|r| format!("{} {} {:?}", r.what, r.note, r.amount));
    let lines = [alert.title.clone(), alert.text.clone()].into_iter().chain(alert.actions.clone());
    lines.chain(rows).collect::<Vec<_>>().join("\n")
}

fn one(world: &World) -> Alert {
    let mut all = world.firing();
    assert_eq!(all.len(), 1, "one key, one alert");
    all.remove(0)
}

#[test]
fn payments_of_one_order_that_need_a_person_are_one_alert_with_every_command() {
    let mut world = World::new();
    world.report.unsettled = vec![part(2, State::NeedsOperator), part(1, State::NeedsOperator)];
    let alert = one(&world);
    assert_eq!(alert.key.as_str(), "needs_operator:yp:O1");
    let said = words(&alert);
    for n in [1, 2] {
        let (id, sum) = (format!("p-000001.{n}"), format!("2.{n}0"));
        assert!(said.contains(&format!("renewd resolve {id} --charged {sum} --note")), "{said}");
        assert!(said.contains(&format!("renewd resolve {id} --not-charged --note")), "{said}");
        assert!(alert.rows.iter().any(|r| r.what.contains(&format!("203.0.113.{n}"))), "{said}");
        assert!(alert.text.contains(&id) || alert.title.contains(&id), "{said}");
        assert!(alert.rows.iter().any(|r| r.note.contains(&format!("{id} ({sum} USD)"))), "{said}");
    }
    assert_eq!(alert.leases.len(), 2);
    assert_eq!(world.pass(0).len(), 1);
}

#[test]
fn a_payment_that_joins_an_open_alert_is_news_and_nothing_else_is() {
    for state in [State::Unknown, State::NeedsOperator] {
        let mut world = World::new();
        let escalated = |world: &World| vec![(one(world).key.to_string(), Occasion::Escalated)];
        world.report.unsettled = vec![part(1, state)];
        assert_eq!(world.pass(0).len(), 1);
        assert_eq!(world.pass(1), [], "no news, no mail");
        world.report.unsettled = vec![part(1, state), part(2, state)];
        assert_eq!(world.pass(1), escalated(&world), "a second one joined");
        assert_eq!(world.pass(1), []);
        world.report.unsettled.remove(0);
        assert_eq!(world.pass(1), [], "the first is settled, the second was told");
        assert!(words(&one(&world)).contains("p-000001.2"));
        world.report.unsettled.push(part(3, state));
        assert_eq!(world.pass(1), escalated(&world), "two again, and one of them is new");
        world.report.unsettled.clear();
        assert_eq!(world.pass(1)[0].1, Occasion::Resolved);
        world.report.unsettled = vec![part(1, state)];
        assert_eq!(world.pass(24 * 60)[0].1, Occasion::Raised, "another incident, after the day of the cap");
    }
}

#[test]
fn the_second_of_two_is_told_when_the_first_was_resolved_in_the_same_breath() {
    let mut world = World::new();
    world.report.unsettled = vec![part(1, State::NeedsOperator)];
    world.pass(0);
    world.report.unsettled = vec![part(2, State::NeedsOperator)];
    assert_eq!(world.pass(1), [("needs_operator:yp:O1".to_owned(), Occasion::Escalated)]);
}

#[test]
fn a_flood_of_payments_is_collected_and_stays_unheard_for_an_hour_at_most() {
    let mut world = World::new();
    for n in 1..=14 {
        world.report.unsettled.push(part(n, State::NeedsOperator));
        let told = world.pass(1);
        assert_eq!(told.len(), usize::from(n <= 12), "payment {n}: twelve mails at once");
    }
    assert_eq!(world.pass(57), []);
    assert_eq!(world.pass(1).len(), 1, "an hour after the last");
    assert_eq!(world.pass(1), []);
}

#[test]
fn second_charges_and_differing_charges_of_one_order_are_all_told() {
    let differs = |n| {
        let mut record = part(n, State::Confirmed);
        record.detail.charged = Some(money("9.99"));
        record
    };
    let mut world = World::new();
    world.report.double_charges = vec![part(1, State::Confirmed), part(2, State::Confirmed)];
    world.report.payments = vec![differs(3), differs(4)];
    world.report.settled = vec![differs(4)];
    let alerts = world.firing();
    let keys: Vec<&str> = alerts.iter().map(|a| a.key.as_str()).collect();
    assert_eq!(keys, ["charge_differs:yp:O1", "double_charge:yp:O1"]);
    for (alert, ids) in alerts.iter().zip([[3, 4], [1, 2]]) {
        assert_eq!(alert.rows.len(), 2, "{}", words(alert));
        assert!(ids.iter().all(|n| words(alert).contains(&format!("p-000001.{n}"))), "{}", words(alert));
    }
    world.pass(0);
    world.report.double_charges = vec![part(2, State::Confirmed), part(5, State::Confirmed)];
    world.report.payments = vec![differs(4)];
    world.report.settled = Vec::new();
    assert_eq!(world.pass(1), [("double_charge:yp:O1".to_owned(), Occasion::Raised)], "one is new");
}

#[test]
fn second_charges_that_a_settling_pass_found_are_all_in_the_mail() {
    let shop = Shop::new(vec![far(lease("yp", 1))]);
    let ledger = shop.ledger();
    let viewer = shop.payer(&ledger).viewer;
    let doubles = [part(1, State::Confirmed), part(2, State::Confirmed)];
    tell::doubles(&viewer, &doubles).unwrap();
    let said = mails(&ledger, "double_charge");
    assert_eq!(said.len(), 1);
    assert!(["p-000001.1", "p-000001.2", "203.0.113.2"].iter().all(|w| said[0].contains(w)), "{}", said[0]);
    tell::doubles(&viewer, &doubles).unwrap();
    tell::facts(&viewer, &[double_charge(&doubles[0])]).unwrap();
    assert_eq!(mails(&ledger, "double_charge").len(), 1, "nothing new");
    shop.minute(20);
    tell::doubles(&viewer, &[part(3, State::Confirmed)]).unwrap();
    assert_eq!(mails(&ledger, "double_charge").len(), 2);
    let mut incidents: Vec<String> =
        ledger.outbox(None).unwrap().into_iter().map(|m| m.mail.incident).collect();
    incidents.dedup();
    assert_eq!(incidents.len(), 2, "after an outage, too, no newer word stands for another charge");
    assert!(ledger.outbox(None).unwrap().iter().all(|m| m.mail.key.as_str() == "double_charge:yp:O1"));
}

#[test]
fn a_term_that_was_paid_twice_and_cost_more_is_told_as_both() {
    let mut record = part(1, State::Confirmed);
    let far = record.request.leases[0].expires_at + jiff::SignedDuration::from_hours(24 * 60);
    record.detail.charged = Some(money("1.33"));
    record.detail.expires_after = Some(far);
    let mut world = World::new();
    world.report.payments = vec![record];
    let keys: Vec<String> = world.firing().iter().map(|a| a.key.to_string()).collect();
    assert_eq!(keys, ["charge_differs:yp:O1", "double_charge:yp:O1"]);
}

#[test]
fn what_only_counts_for_a_payment_is_told_as_that() {
    let mut record = part(1, State::Confirmed);
    record.detail.charged = record.quoted.times(2);
    record.detail.measured = Some(renewd::domain::Measured::Quote);
    let mut world = World::new();
    world.report.payments = vec![record];
    let alerts = world.firing();
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(alerts[0].key.as_str(), "charge_differs:yp:O1");
    assert!(alerts[0].title.contains("may have cost"), "{}", alerts[0].title);
}

#[test]
fn a_term_that_another_payer_paid_too_is_told_as_charged_twice() {
    let end = part(1, State::Confirmed).request.leases[0].expires_at;
    let far = |days: i64| Some(end.checked_add(jiff::SignedDuration::from_hours(24 * days)).unwrap());
    let confirmed = |charged: &str, days: i64| {
        let mut record = part(1, State::Confirmed);
        record.detail.charged = Some(money(charged));
        record.detail.expires_after = far(days);
        record
    };
    let quoted = part(1, State::Confirmed).quoted;
    let twice = quoted.times(2).unwrap().to_string();
    for (record, cause) in [
        (confirmed(&twice, 30), "double_charge"),
        (confirmed(&quoted.to_string(), 60), "double_charge"),
        (confirmed("99.00", 30), "charge_differs"),
    ] {
        let mut world = World::new();
        world.report.payments = vec![record];
        let keys: Vec<String> = world.firing().iter().map(|a| a.key.to_string()).collect();
        assert_eq!(keys, [format!("{cause}:yp:O1")]);
    }
}
