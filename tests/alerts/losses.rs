//! A kept address that is gone is told, whichever reading saw it first, once, and also after a crash.
use renewd::domain::{Event, State};
use renewd::ledger::{AlertLog, Cycles, EventDetail, Inventories, Ledger};

use crate::shop::{Shop, far, mails};
use crate::support::{acct, at, intent, inventory, lease, yp};

/// Leases 1 to 4, far from their ends, as the last cycle knew them.
fn known(shop: &Shop) -> std::sync::Arc<renewd::ledger::sqlite::SqliteLedger> {
    let ledger = shop.ledger();
    ledger.start_cycle(&at(0)).unwrap();
    let leases = shop.provider.shelf.lock().unwrap().leases.clone();
    ledger.record_inventory(&yp(), &acct(), at(0).wall, &inventory(leases)).unwrap();
    ledger
}

fn quiet_shop() -> Shop {
    Shop::new((1..=6).chain([9]).map(|n| far(lease("yp", n))).collect())
}

fn takes_away(shop: &Shop, n: usize) {
    shop.provider.shelf.lock().unwrap().leases.retain(|l| l.id != lease("yp", n).id);
}

fn unknown_payment(ledger: &dyn Ledger) {
    let id = ledger.reserve(&intent(&[1]), &[]).unwrap().unwrap();
    let _permit = ledger.start_spend(&id, &at(1));
    let lost = EventDetail::default();
    ledger.append(&id, State::SpendStarted, Event::AnswerLost, &lost, &at(2)).unwrap();
}

/// A payment is unknown, and a settling read is the first to miss lease 2.
async fn missed_by_a_settling_read() -> (Shop, std::sync::Arc<renewd::ledger::sqlite::SqliteLedger>) {
    let shop = quiet_shop();
    shop.provider.shelf.lock().unwrap().leases[0].expires_at = lease("yp", 1).expires_at;
    let ledger = known(&shop);
    unknown_payment(ledger.as_ref());
    takes_away(&shop, 2);
    shop.minute(5);
    shop.settle(&shop.payer(&ledger)).await;
    (shop, ledger)
}

#[tokio::test]
async fn what_a_settling_read_misses_the_next_cycle_tells_once() {
    let (shop, ledger) = missed_by_a_settling_read().await;
    let payer = shop.payer(&ledger);
    let report = shop.cycle(&payer, 10).await;
    assert_eq!(report.lost.iter().map(|l| l.id.as_str()).collect::<Vec<_>>(), ["L2"]);
    assert!(ledger.open_alerts().unwrap().iter().any(|a| a.key.as_str() == "lost:yp:L2"));
    let said = mails(&ledger, "lost");
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("203.0.113.2"), "{}", said[0]);
    for minute in [20, 30, 24 * 60 * 2] {
        assert_eq!(shop.cycle(&payer, minute).await.lost, []);
    }
    assert_eq!(mails(&ledger, "lost").len(), 1, "once");
}

#[tokio::test]
async fn a_crash_between_recording_and_telling_delays_the_word_and_does_not_swallow_it() {
    let shop = quiet_shop();
    let ledger = known(&shop);
    takes_away(&shop, 2);
    shop.payer(&ledger).cycle().await.unwrap();
    drop(ledger);

    let ledger = shop.ledger();
    shop.cycle(&shop.payer(&ledger), 20).await;
    assert_eq!(mails(&ledger, "lost").len(), 1);
}

#[tokio::test]
async fn a_crash_between_the_alert_and_its_note_does_not_tell_twice() {
    let shop = quiet_shop();
    let ledger = known(&shop);
    takes_away(&shop, 2);
    let report = shop.payer(&ledger).cycle().await.unwrap();
    let notes = |sql: &str| crate::support::raw(shop.dir.path()).execute_batch(sql).unwrap();
    notes("CREATE TABLE kept AS SELECT * FROM note");
    renewd::alerts::tell::report(&shop.payer(&ledger).viewer, &report).unwrap();
    notes("INSERT OR REPLACE INTO note SELECT * FROM kept; DROP TABLE kept");

    takes_away(&shop, 3);
    shop.cycle(&shop.payer(&ledger), 20).await;
    let said = mails(&ledger, "lost");
    assert_eq!(said.len(), 2, "the second loss is news, the first alone would not have been");
    assert!(said[1].contains("203.0.113.3"), "{}", said[1]);
    shop.cycle(&shop.payer(&ledger), 30).await;
    assert_eq!(mails(&ledger, "lost").len(), 2);
}

#[tokio::test]
async fn an_address_swapped_by_the_renewal_that_was_paid_for_is_told_as_lost() {
    let shop = quiet_shop();
    shop.provider.shelf.lock().unwrap().leases[0].expires_at = lease("yp", 1).expires_at;
    let ledger = known(&shop);
    shop.provider.shelf.lock().unwrap().swaps_to = Some("198.51.100.7");
    let payer = shop.payer(&ledger);
    // Two days before its end.
    let report = shop.cycle(&payer, 60 * 21).await;
    assert_eq!(report.payments.len(), 1);
    assert_eq!(report.payments[0].state, State::Confirmed, "the money is spent, and the term is longer");
    assert_eq!(report.lost.iter().map(|l| l.ip.as_str()).collect::<Vec<_>>(), ["203.0.113.1"]);
    let said = mails(&ledger, "lost");
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("203.0.113.1"), "{}", said[0]);
    shop.cycle(&payer, 60 * 22).await;
    assert_eq!(mails(&ledger, "lost").len(), 1);
}

#[tokio::test]
async fn a_loss_seen_before_its_account_went_away_is_told_all_the_same() {
    let (shop, ledger) = missed_by_a_settling_read().await;
    shop.provider.shelf.lock().unwrap().down = true;
    shop.cycle(&shop.payer(&ledger), 10).await;
    assert_eq!(mails(&ledger, "lost").len(), 1);
}

#[tokio::test]
async fn a_silenced_loss_is_told_when_the_silence_ends() {
    let (shop, ledger) = missed_by_a_settling_read().await;
    let all = renewd::domain::KeyPattern::parse("lost:*").unwrap();
    ledger.set_silence(&all, at(15).wall, at(4).wall).unwrap();
    let payer = shop.payer(&ledger);
    shop.cycle(&payer, 10).await;
    assert_eq!(mails(&ledger, "lost").len(), 0);
    for minute in [20, 30] {
        shop.cycle(&payer, minute).await;
        assert_eq!(mails(&ledger, "lost").len(), 1);
    }
}

#[tokio::test]
async fn what_came_back_was_let_go_or_has_another_id_is_not_lost() {
    let (shop, ledger) = missed_by_a_settling_read().await;
    takes_away(&shop, 9);
    {
        let mut shelf = shop.provider.shelf.lock().unwrap();
        shelf.leases.push(far(lease("yp", 2)));
        for l in shelf.leases.iter_mut().filter(|l| l.id == lease("yp", 4).id) {
            l.id = "M4".into();
        }
        shelf.leases.sort_by(|a, b| a.id.cmp(&b.id));
    }
    let report = shop.cycle(&shop.payer(&ledger), 10).await;
    assert_eq!((report.lost, mails(&ledger, "lost").len()), (Vec::new(), 0));
    assert_eq!(shop.cycle(&shop.payer(&ledger), 20).await.lost, [], "and is not owed later");
}
