//! One whole reading: details where they are needed, orders that move or that nobody knows, counts that do not fit.
use std::sync::atomic::Ordering;

use jiff::SignedDuration;
use renewd::domain::{Inventory, OrderId};
use renewd::providers::{Purpose, ReadError};

use crate::proxyshard::bench::{Answer, Asked, me, ok, serve};
use crate::proxyshard::lists::{Shop, detail, full, sparse};

fn rows(inventory: &Inventory) -> Vec<String> {
    let text = |t: Option<&str>| t.unwrap_or("-").to_owned();
    let row = |l: renewd::domain::LeaseView<'_>| {
        let end = l.expires_at.map_or("-".to_owned(), |end| end.to_string());
        let price = l.price.map_or("-".to_owned(), |price| price.to_string());
        let flag = l.provider_renews.map_or("-".to_owned(), |on| on.to_string());
        format!(
            "{} {} {} {end} {flag} {price} {} {}",
            l.id,
            l.state.as_str(),
            l.kind,
            text(l.tag),
            text(l.cycle)
        )
    };
    inventory.leases.iter().map(row).collect()
}

fn details(lines: &[String]) -> usize {
    lines.iter().filter(|line| line.starts_with("GET orders/")).count()
}

#[tokio::test]
async fn an_account_is_read_whole() {
    let shop = Shop { active: vec![full("a-1")], on_hold: vec![sparse("h-1")], ..Shop::default() };
    let b = serve(move |asked| shop.answer(asked)).await;
    let inventory = b.reader.inventory(Purpose::Routine).await.unwrap();
    assert_eq!(
        rows(&inventory),
        [
            "a-1 active ISP Proxy 2026-12-01T00:00:00Z false 9.00 - monthly",
            "h-1 on-hold ISP Proxy 2026-11-20T00:00:00Z false 9.00 prod monthly",
        ]
    );
    assert_eq!(
        (inventory.balance.amount.to_string(), inventory.balance.currency.as_str()),
        ("25.00".to_owned(), "USD")
    );
    assert_eq!(inventory.clock_skew, Some(SignedDuration::from_secs(10)));
    assert_eq!(inventory.oddities, ["orders that have an end without a time zone, taken as UTC: 1"]);
    assert_eq!(b.lines().last().unwrap(), "GET me", "the wallet is read after the lists");
    let tokens = b.limiter.0.lock().unwrap().clone();
    assert!(tokens.iter().all(|token| *token == (1, Purpose::Routine)), "{tokens:?}");
}

#[tokio::test]
async fn an_order_that_moves_while_pages_are_read_is_settled_by_its_detail() {
    let mut shop = Shop { active: vec![full("ends")], on_hold: vec![full("renewed")], ..Shop::default() };
    let b = serve(move |asked| {
        let answer = shop.answer(asked);
        // Between the list of active orders and that of orders on hold, one ends and another is renewed.
        if asked.param("status") == Some("active") {
            (shop.active, shop.on_hold) = (vec![full("renewed")], vec![full("ends")]);
        }
        answer
    })
    .await;
    let inventory = b.reader.inventory(Purpose::Routine).await.unwrap();
    let states: Vec<String> =
        inventory.leases.iter().map(|l| format!("{} {}", l.id, l.state.as_str())).collect();
    assert_eq!(states, ["ends on-hold", "renewed active"]);
    assert_eq!(inventory.doubt, None);
}

#[tokio::test]
async fn an_order_of_a_status_that_nobody_knows_is_kept_with_its_word() {
    let b = serve(|asked: &Asked| match (asked.path.as_str(), asked.param("status")) {
        ("me", _) => me(0, 0),
        ("orders", Some("all")) if asked.number("offset") == 0 => {
            ok(format!(r#"{{"success":true,"orders":[{},{},{}]}}"#, full("odd"), full("ended"), full("back")))
        }
        ("orders", _) => ok(r#"{"success":true,"orders":[]}"#),
        ("orders/odd", _) => detail("odd", " Under_Review "),
        ("orders/ended", _) => detail("ended", "Canceled"),
        _ => detail("back", " ON_HOLD"),
    })
    .await;
    let inventory = b.reader.inventory(Purpose::Routine).await.unwrap();
    let states: Vec<String> =
        inventory.leases.iter().map(|l| format!("{} {}", l.id, l.state.as_str())).collect();
    assert_eq!(states, ["back on-hold", "odd Under_Review"]);
}

/// A shop whose details come from a function.
fn with_details(
    shop: Shop,
    own: impl Fn(&str) -> Answer + Send + 'static,
) -> impl FnMut(&Asked) -> Answer + Send {
    move |asked: &Asked| match asked.path.strip_prefix("orders/") {
        Some(id) => own(id),
        None => shop.answer(asked),
    }
}

#[tokio::test]
async fn an_order_whose_detail_fails_or_is_not_there_although_it_is_listed_is_not_lost() {
    let shop = Shop {
        active: vec![sparse("a-1"), sparse("gone")],
        on_hold: vec![full("h-1")],
        told: Some(2),
        ..Shop::default()
    };
    let b = serve(with_details(shop, |id| match id {
        "gone" => (404, r#"{"success":false,"message":"Order not found"}"#.to_owned()),
        "a-1" => (500, String::new()),
        _ => (200, "<html>busy</html>".to_owned()),
    }))
    .await;
    let inventory = b.reader.inventory(Purpose::Routine).await.unwrap();
    assert_eq!(
        rows(&inventory),
        [
            "a-1 active unknown - - - - -",
            "gone active in the list and not found on its page unknown - - - - -",
            "h-1 on-hold ISP Proxy 2026-12-01T00:00:00Z false - - monthly",
        ]
    );
    let odd = inventory.oddities.join("\n");
    assert!(odd.contains("are listed, and yet there is no such order: 1"), "{odd}");
    assert!(odd.contains("could not be read one by one: they stand as the list has them: 2"), "{odd}");
}

#[tokio::test]
async fn a_page_that_is_not_there_does_not_make_an_order_vanish() {
    let shop = Shop { on_hold: vec![sparse("h-1")], ..Shop::default() };
    let b = serve(with_details(shop, |_| (404, "<html>no such page</html>".to_owned()))).await;
    let inventory = b.reader.inventory(Purpose::Routine).await.unwrap();
    assert_eq!(rows(&inventory), ["h-1 on-hold unknown - - - - -"]);
}

#[tokio::test]
async fn a_provider_that_falls_silent_is_not_asked_for_every_order() {
    let on_hold = (0..60).map(|n| full(&format!("h-{n:02}"))).collect();
    let b = serve(with_details(Shop { on_hold, ..Shop::default() }, |_| (503, String::new()))).await;
    let inventory = b.reader.inventory(Purpose::Routine).await.unwrap();
    assert_eq!(inventory.leases.len(), 60);
    let asked = details(&b.lines());
    assert!(asked <= 3 * 16, "{asked} requests although nothing answers");
}

#[tokio::test]
async fn a_key_that_is_refused_ends_the_reading_at_once() {
    for status in [401, 403] {
        let b = serve(move |_| {
            (status, r#"{"success":false,"message":"Invalid token sk-very-secret-77"}"#.to_owned())
        })
        .await;
        let error = b.reader.inventory(Purpose::Routine).await.unwrap_err();
        assert!(
            matches!(&error, ReadError::WrongKey { code, message } if *code == i64::from(status) && message == "Invalid token [redacted]"),
            "{error:?}"
        );
        assert_eq!(b.asked().len(), 1);
    }
}

#[tokio::test]
async fn passing_troubles_are_tried_three_times_each_with_a_token() {
    for status in [503, 429, 408, 500] {
        let mut n = 0;
        let b = serve(move |_| {
            n += 1;
            if n < 3 { (status, String::new()) } else { me(100, 0) }
        })
        .await;
        assert!(b.reader.balance(Purpose::Routine).await.is_ok(), "{status}");
        assert_eq!(*b.limiter.0.lock().unwrap(), [(1, Purpose::Routine); 3]);
        let b = serve(move |_| (status, String::new())).await;
        assert!(matches!(b.reader.balance(Purpose::Routine).await, Err(ReadError::NoAnswer(_))), "{status}");
        assert_eq!(b.asked().len(), 3, "{status}");
    }
}

#[tokio::test]
async fn a_count_that_does_not_fit_is_read_again_and_then_doubted() {
    let shop = Shop { active: vec![full("a-1"), full("a-2")], on_hold: vec![full("h-1")], ..Shop::default() };
    for (told, doubted) in [(2, false), (3, false), (1, true), (4, true), (0, true)] {
        let shop = Shop { told: Some(told), ..shop.clone() };
        let b = serve(move |asked| shop.answer(asked)).await;
        let inventory = b.reader.inventory(Purpose::Routine).await.unwrap();
        assert_eq!(inventory.doubt.is_some(), doubted, "{told}: {:?}", inventory.doubt);
        let times = b.lines().iter().filter(|line| *line == "GET me").count();
        assert_eq!(times, if doubted { 2 } else { 1 }, "{told}");
        assert_eq!(inventory.leases.len(), 3);
    }
}

#[tokio::test]
async fn a_count_that_fits_the_second_time_is_no_doubt() {
    let mut shop = Shop { active: vec![full("a-1")], told: Some(2), ..Shop::default() };
    let b = serve(move |asked| {
        let answer = shop.answer(asked);
        if asked.path == "me" {
            shop.active.push(full("new"));
        }
        answer
    })
    .await;
    let inventory = b.reader.inventory(Purpose::Routine).await.unwrap();
    assert_eq!((inventory.leases.len(), inventory.doubt), (2, None));
}

#[tokio::test]
async fn orders_by_traffic_are_no_leases_and_yet_counted() {
    let traffic = r#"{"order_id":"t-1","product_name":"Premium Residential Proxy","cycle_name":"lifetime","expires_at":null}"#;
    let shop = Shop { active: vec![full("a-1"), traffic.to_owned()], ..Shop::default() };
    let b = serve(move |asked| shop.answer(asked)).await;
    let inventory = b.reader.inventory(Purpose::Routine).await.unwrap();
    assert_eq!((inventory.leases.len(), inventory.doubt, inventory.oddities.len()), (1, None, 0));
    assert!(!b.lines().iter().any(|line| line.contains("orders/t-1")));
}

#[tokio::test]
async fn rows_without_an_id_are_counted_and_the_rest_is_kept() {
    let broken = [r#"{"order_id":"..","product_name":"x"}"#, r#"{"product_name":"x"}"#, "7", "null"]
        .map(str::to_owned);
    let shop =
        Shop { active: [broken.to_vec(), vec![full("a-1")]].concat(), told: Some(5), ..Shop::default() };
    let b = serve(move |asked| shop.answer(asked)).await;
    let inventory = b.reader.inventory(Purpose::Routine).await.unwrap();
    // The short page of five rows is asked for once more behind its end.
    assert_eq!((inventory.leases.len(), inventory.unreadable, inventory.doubt), (1, 4, None));
}

#[tokio::test]
async fn a_large_account_is_read_again_with_few_requests() {
    let on_hold: Vec<String> = (0..230).map(|n| sparse(&format!("h-{n:03}"))).collect();
    let active: Vec<String> = (0..150).map(|n| sparse(&format!("a-{n:03}"))).collect();
    let far = |id: &str| {
        let status = if id.starts_with('a') { "active" } else { "on-hold" };
        let (status, body) = detail(id, status);
        (status, if id.starts_with('a') { body.replace("2026-11-20", "2026-12-20") } else { body })
    };
    let b = serve(with_details(Shop { on_hold, active, ..Shop::default() }, far)).await;
    let read = async |purpose| {
        let inventory = b.reader.inventory(purpose).await.unwrap();
        assert_eq!(inventory.leases.len(), 380);
        assert!(inventory.leases.iter().all(|l| l.expires_at.is_some() && l.price.is_some()));
        let lines = b.lines();
        (details(&lines), lines.len())
    };
    assert_eq!(read(Purpose::Routine).await, (380, 393));
    assert_eq!(read(Purpose::Money).await, (8, 21));
    assert_eq!(read(Purpose::Routine).await, (30, 43));
    assert!(b.most_at_once.load(Ordering::SeqCst) <= 8);
}

#[tokio::test]
async fn an_order_that_was_paid_or_changed_is_read_anew() {
    let active = (0..3).map(|n| sparse(&format!("a-{n}"))).collect();
    let b = serve(with_details(Shop { active, ..Shop::default() }, |id| {
        let (status, body) = detail(id, "active");
        (status, body.replace("2026-11-20", "2026-12-20"))
    }))
    .await;
    b.reader.inventory(Purpose::Money).await.unwrap();
    assert_eq!(details(&b.lines()), 3);
    b.reader.forget(&[OrderId::from("a-1")]);
    b.reader.inventory(Purpose::Money).await.unwrap();
    let asked: Vec<String> = b.lines().into_iter().filter(|line| line.starts_with("GET orders/")).collect();
    assert_eq!(asked, ["GET orders/a-1"]);
}

#[tokio::test]
async fn every_request_of_a_reading_takes_one_token() {
    let on_hold: Vec<String> = (0..120).map(|n| sparse(&format!("h-{n:03}"))).collect();
    let mut n = 0;
    let shop = Shop { on_hold, active: vec![full("a-1")], told: Some(7), ..Shop::default() };
    let b = serve(move |asked| {
        n += 1;
        if n % 5 == 0 { (503, String::new()) } else { shop.answer(asked) }
    })
    .await;
    assert!(b.reader.inventory(Purpose::Routine).await.unwrap().doubt.is_some());
    let tokens: u32 = b.limiter.0.lock().unwrap().iter().map(|(n, _)| n).sum();
    assert_eq!(usize::try_from(tokens).unwrap(), b.asked().len());
    assert!(b.asked().len() > 150);
}
