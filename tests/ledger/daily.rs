//! Cycles, decisions, notes, pauses, alerts, the outbox, and what is asked about payments every cycle.
use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use renewd::domain::{AccountName, AlertKey, Event, LeaseId, Moment, Severity, State};
use renewd::ledger::sqlite::SqliteLedger;
use renewd::ledger::{
    AlertChange, AlertLog, Channel, CycleSummary, Cycles, DecisionRow, EventDetail, IntentFilter,
    Inventories, LastPrice, Notes, OpenAlert, Outbox, PauseRecord, Payments, Prices, QueuedMail, SettleRead,
    Upkeep,
};

use crate::plan::Sorted;
use crate::support::{acct, at, in_state, intent, lease, lines, money, raw, reserved, seeded, walk};

#[test]
fn a_cycle_that_was_cut_off_has_no_end() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let summary = CycleSummary { outcome: "attention".to_owned(), paid: 3, held: 1, unknown: 1 };
    ledger.end_cycle(1, &at(2), &summary).unwrap();
    let last = ledger.last_cycle().unwrap().unwrap();
    assert_eq!((last.started_at, last.ended_at, last.summary), (at(-1), Some(at(2).wall), summary));
    assert_eq!(ledger.start_cycle(&at(10)).unwrap(), 2);
    assert_eq!(ledger.last_cycle().unwrap().unwrap().ended_at, None);
}

#[test]
fn old_cycles_go_unless_a_payment_refers_to_them_and_numbers_are_never_used_twice() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    reserved(&ledger, &[1]);
    assert_eq!(ledger.start_cycle(&at(10)).unwrap(), 2);
    let later =
        Moment { wall: at(10).wall.checked_add(SignedDuration::from_hours(91 * 24)).unwrap(), ..at(10) };
    assert_eq!(ledger.start_cycle(&later).unwrap(), 3);
    assert_eq!(lines(dir.path(), "SELECT id FROM cycle ORDER BY id"), ["1", "3"], "cycle 1 has a payment");
}

fn decision(n: usize, word: &str, reason: &str) -> DecisionRow {
    let l = lease("yp", n);
    DecisionRow {
        account: l.account,
        lease: l.id,
        ip: l.ip,
        kind: l.kind,
        decision: "wait".to_owned(),
        word: word.to_owned(),
        reason: reason.to_owned(),
        policy: Some("keep-us".to_owned()),
    }
}

#[test]
fn a_decision_is_written_when_it_changes_and_removed_with_its_lease() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let changed = || lines(dir.path(), "SELECT lease, word, changed_at FROM decisions ORDER BY lease");
    let row = |lease: &str, word: &str, at: &str| format!("{lease}|{word}|2026-11-17T{at}Z");
    let first = [decision(1, "not_due", "in 3d"), decision(2, "not_due", "in 3d")];
    ledger.record_plan(1, at(0).wall, &Sorted::of(&first)).unwrap();
    let second = [decision(1, "not_due", "in 2d"), decision(2, "window", "opens at 8")];
    ledger.record_plan(1, at(10).wall, &Sorted::of(&second)).unwrap();
    assert_eq!(changed(), [row("L1", "not_due", "12:00:00"), row("L2", "window", "12:10:00")]);
    ledger.record_plan(1, at(20).wall, &Sorted::of(&second[1..])).unwrap();
    assert_eq!(changed(), [row("L2", "window", "12:10:00")]);
}

#[test]
fn notes_are_kept_and_overwritten_and_a_probe_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    assert_eq!(ledger.noted("last_due").unwrap(), None);
    ledger.note("last_due", "a").unwrap();
    ledger.note("last_due", "b").unwrap();
    assert_eq!(ledger.noted("last_due").unwrap().as_deref(), Some("b"));
    ledger.probe().unwrap();
    assert_eq!(ledger.noted("probe").unwrap(), None);
}

#[test]
fn a_pause_lasts_until_it_is_lifted_for_that_account_or_for_all() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let of = |account: Option<AccountName>, minute| PauseRecord::since(account, at(minute).wall);
    assert_eq!(ledger.pause(&of(Some(acct()), 0), &at(0)).unwrap(), None);
    assert_eq!(ledger.pause(&of(Some(acct()), 5), &at(5)).unwrap(), Some(of(Some(acct()), 0)));
    ledger.pause(&of(None, 6), &at(6)).unwrap();
    assert_eq!(ledger.paused(&at(6)).unwrap(), [of(None, 6), of(Some(acct()), 0)]);
    ledger.resume(Some(&acct())).unwrap();
    assert_eq!(ledger.paused(&at(7)).unwrap(), [of(None, 6)]);
    ledger.pause(&of(Some(acct()), 8), &at(8)).unwrap();
    ledger.resume(None).unwrap();
    assert_eq!(ledger.paused(&at(9)).unwrap(), []);
}

#[test]
fn a_pause_keeps_who_why_and_until_when_and_is_none_once_its_time_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let first = PauseRecord {
        by: Some("alice".to_owned()),
        note: Some("the card is being replaced".to_owned()),
        until: Some(at(60)),
        ..PauseRecord::since(Some(acct()), at(0).wall)
    };
    ledger.pause(&first, &at(0)).unwrap();
    assert_eq!(ledger.paused(&at(59)).unwrap(), std::slice::from_ref(&first));
    assert_eq!(ledger.paused(&at(60)).unwrap(), []);

    let again = PauseRecord {
        by: Some("bob".to_owned()),
        until: Some(at(90)),
        ..PauseRecord::since(Some(acct()), at(30).wall)
    };
    assert_eq!(ledger.pause(&again, &at(30)).unwrap(), Some(first.clone()));
    let replaced = PauseRecord { since: first.since, ..again.clone() };
    assert_eq!(
        ledger.paused(&at(60)).unwrap(),
        [replaced],
        "who, why and until are new; it began when it began"
    );

    let fresh = PauseRecord::since(Some(acct()), at(100).wall);
    assert_eq!(ledger.pause(&fresh, &at(100)).unwrap(), None, "the one before was over");
    assert_eq!(ledger.paused(&at(100)).unwrap(), [fresh]);
}

#[test]
fn a_wall_clock_that_is_set_forward_ends_no_pause() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let pause = PauseRecord { until: Some(at(60)), ..PauseRecord::since(None, at(0).wall) };
    ledger.pause(&pause, &at(0)).unwrap();
    let forward = Moment { wall: at(60 * 24 * 365).wall, ..at(1) };
    assert_eq!(ledger.paused(&forward).unwrap(), [pause]);
}

fn alert(key: &str) -> OpenAlert {
    OpenAlert {
        key: AlertKey::stored(key.to_owned()),
        severity: Severity::Warning,
        account: Some(acct()),
        since: at(0).wall,
        told_at: at(0).wall,
        told: Some((Severity::Warning, 2)),
        owed: None,
        title: "short of funds".to_owned(),
        text: "top up".to_owned(),
        once: false,
        grade: 2,
        leases: vec!["L1".into(), "L2".into()],
        heard: vec!["p-000001".into()],
        course: renewd::domain::Course::begun(at(0).wall),
        news_at: at(0).wall,
        deadline: Some(at(9).wall),
    }
}

fn mail(id: &str) -> QueuedMail {
    QueuedMail {
        channel: Channel::Mail,
        key: AlertKey::stored("short_funds:yp".to_owned()),
        occasion: "raised".to_owned(),
        severity: Severity::Warning,
        title: "short of funds".to_owned(),
        to: vec!["a@example.org".to_owned(), "b@example.org".to_owned()],
        subject: "renewd".to_owned(),
        text: "text".to_owned(),
        html: "<p>text</p>".to_owned(),
        message_id: id.to_owned(),
        incident: id.to_owned(),
    }
}

#[test]
fn an_alert_is_told_kept_and_closed() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    ledger.apply_alerts(&[AlertChange::Tell(alert("short_funds:yp"))], &[], at(3).wall).unwrap();
    let told = OpenAlert { told_at: at(3).wall, ..alert("short_funds:yp") };
    assert_eq!(
        ledger.open_alerts().unwrap(),
        std::slice::from_ref(&told),
        "told now, whatever the value said"
    );
    let worse = OpenAlert { severity: Severity::Urgent, text: "top up now".to_owned(), ..told };
    ledger.apply_alerts(&[AlertChange::Keep(worse.clone())], &[], at(9).wall).unwrap();
    assert_eq!(ledger.open_alerts().unwrap(), [worse], "kept, not told again");
    ledger
        .apply_alerts(&[AlertChange::Close(AlertKey::stored("short_funds:yp".into()))], &[], at(10).wall)
        .unwrap();
    assert_eq!(ledger.open_alerts().unwrap(), []);
    let again = OpenAlert { since: at(20).wall, ..alert("short_funds:yp") };
    ledger.apply_alerts(&[AlertChange::Tell(again)], &[], at(20).wall).unwrap();
    assert_eq!(ledger.open_alerts().unwrap()[0].since, at(20).wall, "a new incident of the same key");
}

#[test]
fn an_alert_and_its_mail_are_stored_together_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    raw(dir.path())
        .execute_batch("CREATE TRIGGER no_mail BEFORE INSERT ON outbox BEGIN SELECT raise(ABORT, 'no'); END")
        .unwrap();
    let change = [AlertChange::Tell(alert("short_funds:yp"))];
    ledger.apply_alerts(&change, &[mail("m1")], at(0).wall).unwrap_err();
    assert_eq!(ledger.open_alerts().unwrap(), []);
    raw(dir.path()).execute_batch("DROP TRIGGER no_mail").unwrap();
    ledger.apply_alerts(&change, &[mail("m1")], at(0).wall).unwrap();
    assert_eq!((ledger.open_alerts().unwrap().len(), ledger.outbox(None).unwrap().len()), (1, 1));
}

#[test]
fn a_mail_stays_in_the_outbox_until_it_was_taken() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    ledger.apply_alerts(&[], &[mail("m1"), mail("m2")], at(0).wall).unwrap();
    let waiting = ledger.outbox(Some(at(0).wall)).unwrap();
    assert_eq!(waiting.iter().map(|m| m.mail.clone()).collect::<Vec<_>>(), [mail("m1"), mail("m2")]);
    assert!(waiting.iter().all(|m| m.queued_at == at(0).wall && m.attempts == 0));
    ledger.mails_failed(&[waiting[0].id], at(1).wall, at(30).wall, "refused", false).unwrap();
    let ids = |due: Option<Timestamp>| -> Vec<String> {
        ledger.outbox(due).unwrap().into_iter().map(|m| m.mail.message_id).collect()
    };
    assert_eq!(ids(Some(at(29).wall)), ["m2"]);
    assert_eq!(ids(Some(at(30).wall)), ["m1", "m2"]);
    assert_eq!(ledger.outbox(None).unwrap()[0].attempts, 1);
    ledger.mail_delivered(Some(waiting[0].id), &[], at(31).wall).unwrap();
    assert_eq!(ids(None), ["m2"]);
    ledger.mail_delivered(Some(4711), &[], at(31).wall).unwrap_err();
    ledger.mail_delivered(Some(waiting[1].id), &[4711], at(31).wall).unwrap_err();
    assert_eq!(ids(None), ["m2"], "whole or not at all");
}

#[test]
fn what_a_newer_mail_stands_for_waits_no_longer_and_its_recipients_are_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let later = QueuedMail {
        message_id: "m2".to_owned(),
        occasion: "escalated".to_owned(),
        to: vec!["c@example.org".to_owned(), "a@example.org".to_owned()],
        ..mail("m1")
    };
    let call = QueuedMail { channel: Channel::Webhook, to: Vec::new(), ..mail("m1") };
    ledger.apply_alerts(&[], &[mail("m1"), later.clone(), call.clone()], at(0).wall).unwrap();
    assert_eq!(ledger.told_of("m1").unwrap(), ["a@example.org", "b@example.org", "c@example.org"]);
    assert_eq!(ledger.told_of("").unwrap(), Vec::<String>::new());
    let rows = ledger.outbox(None).unwrap();
    ledger.mail_delivered(Some(rows[1].id), &[rows[0].id], at(1).wall).unwrap();
    let left: Vec<QueuedMail> = ledger.outbox(None).unwrap().into_iter().map(|m| m.mail).collect();
    assert_eq!(left, [call], "the other channel is not touched");
    assert_eq!((later.in_reply_to(), mail("m1").in_reply_to()), (Some("m1"), None));
}

#[test]
fn a_mail_that_some_took_waits_for_the_others_only() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    ledger.apply_alerts(&[], &[mail("m1")], at(0).wall).unwrap();
    let id = ledger.outbox(None).unwrap()[0].id;
    ledger.left_for(&[id], &["b@example.org".to_owned()], &[]).unwrap();
    assert_eq!(ledger.outbox(None).unwrap()[0].mail.to, ["b@example.org"]);
    assert_eq!(ledger.told_of("m1").unwrap().len(), 2, "whoever has it was told, too");
}

#[test]
fn a_report_and_the_note_of_it_are_stored_together_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    raw(dir.path())
        .execute_batch("CREATE TRIGGER no_mail BEFORE INSERT ON outbox BEGIN SELECT raise(ABORT, 'no'); END")
        .unwrap();
    ledger.queue_report(&[mail("d1")], ("digest.last_due", "now"), at(0).wall).unwrap_err();
    assert_eq!(ledger.noted("digest.last_due").unwrap(), None);
    raw(dir.path()).execute_batch("DROP TRIGGER no_mail").unwrap();
    ledger.queue_report(&[mail("d1")], ("digest.last_due", "now"), at(0).wall).unwrap();
    assert_eq!(ledger.noted("digest.last_due").unwrap().as_deref(), Some("now"));
    assert_eq!(ledger.outbox(None).unwrap().len(), 1);
}

#[test]
fn payments_are_filtered_and_come_newest_first_with_their_leases_and_reads() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let old = in_state(&ledger, &[1, 2], State::Unknown);
    let read = SettleRead { at: at(9), balance: money("94.70"), fell: money("-5.30"), moved: 1 };
    ledger.add_read(&old, &read).unwrap();
    ledger.add_read(&old, &read).unwrap();
    let mut new = intent(&[3]);
    (new.at, new.request.account, new.request.promo) = (at(60), AccountName::new("yp-2"), None);
    let new = ledger.reserve(&new, &[]).unwrap().unwrap();
    let ids = |filter: IntentFilter| -> Vec<String> {
        ledger.intents(&filter).unwrap().into_iter().map(|p| p.id.to_string()).collect()
    };
    let any = IntentFilter::default;
    assert_eq!(ids(any()), [new.as_str(), old.as_str()]);
    assert_eq!(ids(IntentFilter { since: Some(at(60).wall), ..any() }), [new.as_str()]);
    assert_eq!(ids(IntentFilter { account: Some(acct()), ..any() }), [old.as_str()]);
    assert_eq!(ids(IntentFilter { states: vec![State::Unknown, State::Accepted], ..any() }), [old.as_str()]);
    assert_eq!(ids(IntentFilter { spend_since: Some(at(1)), ..any() }), [old.as_str()]);
    assert_eq!(ids(IntentFilter { spend_since: Some(at(2)), ..any() }), Vec::<String>::new());
    // The wall clock was set forward by a day since it was sent: the boot clock still knows that it was a second ago.
    let set = Moment { wall: at(86_400).wall, ..at(1) };
    for account in [None, Some(acct())] {
        let since =
            |mark: Moment| IntentFilter { spend_since: Some(mark), account: account.clone(), ..any() };
        assert_eq!(ids(since(set.clone())), [old.as_str()]);
        assert_eq!(ids(since(Moment { boot_id: "another".into(), ..set.clone() })), Vec::<String>::new());
        assert_eq!(ids(since(Moment::by_wall(set.wall))), Vec::<String>::new());
    }

    let both = ledger.intents(&any()).unwrap();
    assert_eq!(both[1].request, intent(&[1, 2]).request);
    assert_eq!(both[1].reads, [read.clone(), read]);
    assert_eq!((both[0].request.leases.len(), both[0].request.promo.clone()), (1, None));
}

#[test]
fn a_record_tells_how_it_came_to_rest() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let record = |lease: usize, state| {
        let id = in_state(&ledger, &[lease], state);
        ledger.intent(&id).unwrap()
    };
    let never = record(1, State::NotApplied);
    assert!(never.never_sent && !never.was_refused && never.settled_at == Some(at(2).wall));
    let refused = record(2, State::Refused);
    assert!(refused.was_refused && !refused.never_sent && refused.settled_at.is_some());
    let asked = record(3, State::NeedsOperator);
    assert_eq!((asked.settled_at, asked.operator_spoke), (None, false));
    let words = EventDetail { charged: Some(money("2.65")), ..crate::support::said("saw the invoice") };
    ledger.append(&asked.id, State::NeedsOperator, Event::OperatorCharged, &words, &at(40)).unwrap();
    let settled = ledger.intent(&asked.id).unwrap();
    assert!(settled.operator_spoke && settled.settled_at == Some(at(40).wall));
    assert_eq!(settled.detail, words);
    // A charge that lands late is recorded; the first rest stays.
    walk(&ledger, &refused.id, &[Event::EndsMoved]);
    let late = ledger.intent(&refused.id).unwrap();
    assert_eq!((late.state, late.settled_at), (State::Confirmed, refused.settled_at));
    assert!(late.was_refused);
}

#[test]
fn the_newest_word_on_each_detail_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = in_state(&ledger, &[1], State::SpendStarted);
    let first = EventDetail {
        balance_after: Some(money("97.35")),
        code: Some("200".to_owned()),
        message: Some("first".to_owned()),
        ..EventDetail::default()
    };
    ledger.append(&id, State::SpendStarted, Event::Accepted, &first, &at(2)).unwrap();
    let second = EventDetail {
        charged: Some(money("2.65")),
        expires_after: Some(at(43_200).wall),
        message: Some("second".to_owned()),
        ..EventDetail::default()
    };
    ledger.append(&id, State::Accepted, Event::EndsMoved, &second, &at(3)).unwrap();
    let expected = EventDetail { balance_after: first.balance_after, code: first.code, ..second };
    assert_eq!(ledger.intent(&id).unwrap().detail, expected);
}

/// Looked up lease by lease; a walk through all payments must say the same.
fn last_prices(ledger: &SqliteLedger) -> HashMap<LeaseId, LastPrice> {
    let one_by_one = ledger.last_prices(&acct()).unwrap();
    let walked = ledger.prices(&acct()).unwrap();
    for known in ledger.known_leases(&acct()).unwrap() {
        assert_eq!(walked.of(&known.lease), one_by_one.get(&known.lease.id), "{}", known.lease.id);
    }
    one_by_one
}

#[test]
fn the_last_price_of_a_lease_is_its_share_of_the_newest_confirmed_payment() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = in_state(&ledger, &[1, 2, 3], State::Accepted);
    let charged = EventDetail { charged: Some(money("8.00")), ..EventDetail::default() };
    ledger.append(&id, State::Accepted, Event::EndsMoved, &charged, &at(5)).unwrap();
    in_state(&ledger, &[4], State::Unknown);
    let price = |text: &str| Some(LastPrice { amount: money(text), period_days: 30, currency: "USD".into() });
    let prices = last_prices(&ledger);
    let of = |n: usize| prices.get(&lease("yp", n).id).cloned();
    assert_eq!([of(1), of(2), of(3), of(4)], [price("2.67"), price("2.67"), price("2.66"), None]);

    let mut next = intent(&[1]);
    next.request.leases[0].expires_at =
        next.request.leases[0].expires_at.checked_add(SignedDuration::from_hours(30 * 24)).unwrap();
    let mut moved = lease("yp", 1);
    moved.expires_at = Some(next.request.leases[0].expires_at);
    let now = crate::support::inventory(vec![moved, lease("yp", 2)]);
    ledger.record_inventory(&crate::support::yp(), &acct(), at(50).wall, &now).unwrap();
    let id = ledger.reserve(&next, &[]).unwrap().unwrap();
    ledger.start_spend(&id, &at(60)).unwrap();
    walk(&ledger, &id, &[Event::Accepted, Event::EndsMoved]);
    let prices = last_prices(&ledger);
    assert_eq!(prices.get(&lease("yp", 1).id).cloned(), price("2.65"), "the quote, where no charge is known");
    assert_eq!(prices.len(), 2, "of the leases that are still there");
}

#[test]
fn a_lease_that_got_another_id_keeps_its_last_price() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    in_state(&ledger, &[1], State::Confirmed);
    let mut renamed = lease("yp", 1);
    renamed.id = "another".into();
    let now = crate::support::inventory(vec![renamed, lease("yp", 2)]);
    ledger.record_inventory(&crate::support::yp(), &acct(), at(50).wall, &now).unwrap();
    let price = last_prices(&ledger).get(&"another".into()).map(|p| p.amount);
    assert_eq!(price, Some(money("2.65")), "a cap on price jumps must not end with the id");
}
