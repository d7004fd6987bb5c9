//! The inventory: every nesting and date form is whole JSON with the same leases, and lists can lag or be wrong.
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use renewd::simulator::{DateForm, Distortion, LetterCase, ListStyle, Product, Shape};
use serde_json::{Value, json};

use super::{Bench, IPS, KEY, end, records};

fn shapes() -> Vec<Shape> {
    let mut shapes = vec![Shape::Flat, Shape::Orders("ips".into()), Shape::Orders("proxies".into())];
    for case in [LetterCase::AsSent, LetterCase::Lower, LetterCase::Upper] {
        shapes.push(Shape::Grouped(case, "ipAddressList".into()));
        shapes.push(Shape::GroupedFlat(case));
        shapes.push(Shape::Nested(case));
    }
    shapes
}

#[tokio::test]
async fn every_shape_lists_the_same_leases_in_all_and_by_type() {
    let bench = Bench::new("10.00").await;
    for shape in shapes() {
        bench.handle.with(|world| world.list.shape = shape.clone());
        let mut ips: Vec<Value> = records(&bench.get("ipAddress").await)
            .iter()
            .map(|record| record["ipAddressIp"].clone())
            .collect();
        ips.sort_by_key(ToString::to_string);
        assert_eq!(json!(ips), json!(["2001:db8::1", "2001:db8::2", IPS[0], IPS[1], IPS[2]]), "{shape:?}");
        let one = bench.get("ipAddress?proxyType=IPv6").await;
        assert_eq!((records(&one).len(), &one["success"]), (2, &json!(true)), "{shape:?}");
        assert_eq!(bench.get("ipAddress?proxyType=ipv6").await["error"]["code"], 4);
    }
}

#[tokio::test]
async fn every_date_form_says_the_same_instant() {
    let bench = Bench::new("10.00").await;
    let expected = [
        "2026-11-22T10:00:00.000+00:00",
        "2026-11-22T10:00:00+00:00",
        "2026-11-22T10:00:00Z",
        "2026-11-22T10:00:00.000Z",
        "2026-11-22T10:00:00+0000",
        "2026-11-22T10:00:00.000+0000",
        "2026-11-22T10:00:00",
    ];
    for (form, text) in DateForm::ALL.into_iter().zip(expected) {
        bench.handle.with(|world| world.list.dates = form);
        let list = records(&bench.get("ipAddress").await);
        assert!(list.iter().all(|record| record["dateEnd"] == text), "{form:?}: {}", list[0]["dateEnd"]);
    }
}

async fn listed_end(bench: &Bench, ip: &str) -> Option<Timestamp> {
    let list = records(&bench.get("ipAddress").await);
    let record = list.iter().find(|record| record["ipAddressIp"] == ip)?;
    record["dateEnd"].as_str()?.parse().ok()
}

#[tokio::test]
async fn the_list_lags_behind_a_payment_and_the_balance_only_when_told() {
    let bench = Bench::new("10.00").await;
    bench.handle.set_lag(Duration::from_secs(600));
    bench.post("extend", &bench.extension(&IPS[..1])).await;
    bench.advance(599);
    assert_eq!(listed_end(&bench, IPS[0]).await, Some(end()));
    assert_eq!(bench.get("balance").await["balance"].to_string(), "7.35");
    bench.advance(1);
    let renewed = end().checked_add(SignedDuration::from_hours(720)).ok();
    assert_eq!(listed_end(&bench, IPS[0]).await, renewed);

    bench.handle.set_balance_lag(Duration::from_secs(30));
    let body = bench.extension(&IPS[1..2]);
    assert_eq!(bench.post("extend", &body).await["balance"].to_string(), "4.7");
    assert_eq!(bench.get("balance").await["balance"].to_string(), "7.35");
    assert_eq!(bench.post("calculate/extend", &body).await["balance"].to_string(), "7.35");
    bench.advance(30);
    assert_eq!(bench.get("balance").await["balance"].to_string(), "4.7");
}

#[tokio::test]
async fn a_lease_paid_just_before_its_end_stays_listed_with_the_old_end() {
    let bench = Bench::new("10.00").await;
    bench.handle.set_lag(Duration::from_secs(600));
    bench.advance(48 * 3600 - 1);
    bench.post("extend", &bench.extension(&IPS[..1])).await;
    bench.advance(60);
    assert_eq!(listed_end(&bench, IPS[0]).await, Some(end()));
    assert_eq!(records(&bench.get("ipAddress").await).len(), 1);
}

#[tokio::test]
async fn ids_rotate_on_renewal_where_told_and_the_old_id_is_gone() {
    let bench = Bench::new("10.00").await;
    bench.handle.with(|world| world.rotate_ids = true);
    let body = bench.extension(&IPS[..1]);
    let reply = bench.post("extend", &body).await;
    assert_eq!(reply["ipAddressIds"], body["ipAddressIds"]);
    assert_ne!(json!([bench.id(IPS[0])]), body["ipAddressIds"]);
    assert_eq!(bench.post("extend", &body).await["error"]["code"], 24);
}

#[tokio::test]
async fn lists_can_be_wrong_in_every_way() {
    let bench = Bench::new("10.00").await;
    let wrong = async |wrong: Distortion, shape: Shape| {
        bench.handle.with(|world| {
            world.list = ListStyle { shape, dates: DateForm::Zulu, wrong: vec![wrong] };
        });
        records(&bench.get("ipAddress").await)
    };
    for shape in shapes() {
        let ip = || IPS[1].to_owned();
        assert!(wrong(Distortion::Empty, shape.clone()).await.is_empty());
        assert_eq!(wrong(Distortion::KeepFirst(2), shape.clone()).await.len(), 2);
        assert_eq!(wrong(Distortion::Hide(ip()), shape.clone()).await.len(), 4);
        assert_eq!(wrong(Distortion::Duplicates, shape.clone()).await.len(), 10);
        let without = wrong(Distortion::NoId(ip()), shape.clone()).await;
        assert_eq!(without.iter().filter(|record| record["ipAddressId"] == Value::Null).count(), 1);
        let ends = |list: Vec<Value>| {
            let read = |r: &Value| r["dateEnd"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
            list.iter().filter(|record| read(record).is_none()).count()
        };
        assert_eq!(ends(wrong(Distortion::UnreadableEnd(ip()), shape.clone()).await), 1);
        assert_eq!(ends(wrong(Distortion::NoEnd(ip()), shape.clone()).await), 1);
    }
}

#[tokio::test]
async fn lists_carry_logins_and_reboot_links() {
    let bench = Bench::new("10.00").await;
    bench.handle.with(|world| world.add_order(KEY, Product::Mobile, "POL", &["192.0.2.7"], end()).unwrap());
    let list = records(&bench.get("ipAddress?proxyType=MOBILE").await);
    let id = bench.id("192.0.2.7");
    assert_eq!(list[0]["authInfo"]["password"], format!("sim-password-{id}"));
    assert!(list[0]["rebootLink"].as_str().unwrap().contains("sim-reboot-"));
    assert_eq!(list[0]["extendInfo"], json!({"autoExtend": false, "extendDays": 30}));
}
