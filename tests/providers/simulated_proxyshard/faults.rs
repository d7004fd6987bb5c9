//! Each fault does to the socket what it says, and to the books what it says.
use std::io::ErrorKind;
use std::time::Duration;

use renewd::simulator::proxyshard::{Endpoint, EntryKind, Status};
use renewd::simulator::{Aim, Answer, Effect, Fault, When};
use serde_json::{Value, json};

use super::{Bench, DC, TOKEN, dc, hours, money, save10, start};

fn on(call: Endpoint) -> Fault<Endpoint> {
    Fault::on(Aim::Endpoint(call))
}

/// Renews an order on hold under one fault: what came back, how the connection ended, and the bench.
async fn renew_under(effect: Effect, answer: Answer) -> (String, Option<ErrorKind>, Bench, String) {
    let bench = Bench::new("10.00").await;
    let id = bench.add(&dc(-1));
    let fault = bench.handle.inject(Fault::on(Aim::Money).effect(effect).answer(answer));
    let head = format!(
        "POST /user/api/orders/{id}/renew HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\
         Authorization: Bearer {TOKEN}\r\nContent-Length: 2\r\n\r\n"
    );
    let (bytes, ended) = bench.raw(&head, "{}").await;
    assert_eq!((bench.handle.struck(fault), bench.handle.count(Endpoint::Renew)), (1, 1));
    let text = String::from_utf8_lossy(&bytes).into_owned();
    (text, ended.err().map(|error| error.kind()), bench, id)
}

#[tokio::test]
async fn an_answer_lost_before_or_after_the_charge_looks_the_same() {
    for (effect, charges) in [(Effect::Nothing, 0), (Effect::Process, 1)] {
        for (answer, end) in [
            (Answer::Close, None),
            (Answer::Reset, Some(ErrorKind::ConnectionReset)),
            (Answer::Hang, Some(ErrorKind::TimedOut)),
        ] {
            let (text, ended, bench, id) = renew_under(effect.clone(), answer).await;
            assert_eq!((text.as_str(), ended), ("", end));
            assert_eq!(bench.books().charges_after(&id, hours(-1)).count(), charges);
        }
        let (text, ended, bench, _) = renew_under(effect.clone(), Answer::HalfBody).await;
        let body = text.split_once("\r\n\r\n").unwrap().1;
        assert!(body.starts_with(r#"{"success":true"#) && serde_json::from_str::<Value>(body).is_err());
        assert_eq!((ended, bench.books().entries.len()), (None, charges));
    }
}

#[tokio::test]
async fn a_refusal_under_any_status_may_have_charged() {
    for status in [200, 400, 401, 403, 404, 409, 422, 500, 503] {
        for (effect, charges) in [(Effect::Nothing, 0), (Effect::Process, 1)] {
            let answer = Answer::Refusal { status, code: 0, message: "Insufficient balance".into() };
            let (text, _, bench, id) = renew_under(effect, answer).await;
            assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
            let body: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
            assert_eq!(body, json!({"success": false, "message": "Insufficient balance"}));
            assert_eq!(bench.books().entries.len(), charges);
            assert_eq!(bench.order(&id).status == Status::Active, charges == 1);
        }
    }
}

#[tokio::test]
async fn pages_for_browsers_and_too_many_requests_are_no_json() {
    for (answer, first, holds) in [
        (Answer::Html(502), "502", "text/html"),
        (Answer::Html(200), "200", "text/html"),
        (Answer::TooMany(17), "429", "retry-after: 17"),
        (Answer::NotJson, "200", "application/json"),
        (Answer::Redirect("http://127.0.0.2:1/".into()), "302", "location: http://127.0.0.2:1/"),
    ] {
        let (text, _, bench, _) = renew_under(Effect::Process, answer.clone()).await;
        assert!(text.starts_with(&format!("HTTP/1.1 {first}")) && text.contains(holds), "{answer:?}: {text}");
        assert!(serde_json::from_str::<Value>(text.split_once("\r\n\r\n").unwrap().1).is_err());
        assert_eq!(bench.books().entries.len(), 1);
    }
    let (text, _, bench, _) = renew_under(Effect::Process, Answer::Status(500)).await;
    assert!(text.starts_with("HTTP/1.1 500 ") && text.contains(r#""success":true"#), "{text}");
    assert_eq!(bench.books().entries.len(), 1);
}

#[tokio::test]
async fn a_success_can_say_that_it_was_none() {
    let field = Answer::Field("success".into(), json!(false));
    let (text, _, bench, _) = renew_under(Effect::Process, field).await;
    assert!(
        text.starts_with("HTTP/1.1 200 ") && text.contains(r#"{"success":false,"message":"Order renewed"}"#)
    );
    assert_eq!(bench.books().entries.len(), 1);
    let (text, _, _, _) = renew_under(Effect::Process, Answer::Without("success".into())).await;
    assert!(text.ends_with(r#"{"message":"Order renewed"}"#), "{text}");
}

#[tokio::test]
async fn more_can_be_charged_than_was_asked() {
    let (_, _, bench, id) = renew_under(Effect::Surcharge(money("0.75")), Answer::Honest).await;
    assert_eq!(bench.balance(), "6.75");
    assert_eq!(bench.detail(&id).await["price_paid"], 325);
}

#[tokio::test]
async fn money_can_be_taken_for_nothing() {
    let (text, _, bench, id) = renew_under(Effect::ChargeOnly, Answer::Honest).await;
    assert!(text.starts_with("HTTP/1.1 200 "));
    let entry = bench.books().entries.remove(0);
    assert_eq!((entry.end_before, entry.end_after), (Some(hours(-1)), Some(hours(-1))));
    assert_eq!((bench.order(&id).status, bench.balance().as_str()), (Status::OnHold, "7.50"));
    bench.pass_minutes(1);
    assert_eq!(bench.renew(&id).await.0, 200);
    assert_eq!(bench.books().paid_twice(), [id]);
}

#[tokio::test]
async fn a_charge_can_land_late_and_then_comes_on_top_of_any_other() {
    let late = Effect::After(Duration::from_secs(1200));
    let (text, _, bench, id) = renew_under(late, Answer::Close).await;
    assert!(text.is_empty());
    bench.pass_minutes(19);
    assert_eq!((bench.books().entries.len(), bench.order(&id).status), (0, Status::OnHold));
    assert_eq!(bench.renew(&id).await.0, 200);
    let once = bench.order(&id).expires_at;
    bench.pass_minutes(5);
    let entries = bench.books().entries;
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1].at.duration_since(start()).as_secs(), 1200);
    assert_eq!((entries[1].end_before, entries[1].kind), (once, EntryKind::Renewal));
    assert_eq!(bench.books().paid_twice(), [id]);
}

#[tokio::test]
async fn what_was_refused_when_it_came_does_not_land_later() {
    let bench = Bench::new("10.00").await;
    let id = bench.add(&dc(1));
    let late = Effect::After(Duration::from_secs(7_200));
    bench.handle.inject(Fault::on(Aim::Money).effect(late));
    assert_eq!(bench.renew(&id).await.0, 400, "still active");
    bench.pass_minutes(130);
    assert_eq!(bench.order(&id).status, Status::OnHold);
    assert!(bench.books().entries.is_empty());
}

#[tokio::test]
async fn somebody_else_can_spend_from_the_same_wallet_and_pay_into_it() {
    let (_, _, bench, _) = renew_under(Effect::ForeignSpend(money("1.10")), Answer::Close).await;
    let kinds: Vec<_> = bench.books().entries.iter().map(|entry| (entry.kind, entry.amount)).collect();
    assert_eq!(kinds, [(EntryKind::Renewal, money("2.50")), (EntryKind::Foreign, money("1.10"))]);
    assert_eq!(bench.get("me").await["wallet_balance"], 640);
    let left = bench.world(|world| world.spend_elsewhere(start(), TOKEN, money("0.40")));
    assert_eq!(left, Some(money("6.00")));
    assert_eq!(bench.world(|world| world.spend_elsewhere(start(), TOKEN, money("6.01"))), None);
    assert_eq!(bench.handle.top_up(TOKEN, money("4.00")), Some(money("10.00")));
    assert_eq!(bench.handle.top_up("nobody", money("4.00")), None);
    assert_eq!(money("10.00").plus(bench.books().net(TOKEN).unwrap()), Some(money("10.00")));
}

#[tokio::test]
async fn a_key_can_be_refused_at_will_and_nothing_happens() {
    let bench = Bench::new("10.00").await;
    let id = bench.add(&dc(-1));
    for status in [401, 403, 409, 422] {
        bench.handle.inject(Fault::status(Aim::Any, status));
        assert_eq!(bench.refused("POST", &format!("orders/{id}/renew"), Some(&json!({}))).await, status);
        bench.handle.inject(Fault::status(Aim::Reads, status));
        assert_eq!(bench.refused("GET", "me", None).await, status);
    }
    assert!(bench.books().entries.is_empty());
}

#[tokio::test]
async fn purchases_can_be_lost_partly_delivered_or_named_wrongly() {
    let bench = Bench::new("100.00").await;
    let body = json!({"product": DC, "location": "DE", "cycle": "monthly", "quantity": 5});
    bench.handle.inject(on(Endpoint::Purchase).effect(Effect::FirstLeases(2)));
    let id = bench.post("orders/purchase", &body).await["order_id"].as_str().unwrap().to_owned();
    assert_eq!((bench.order(&id).addresses.len(), bench.balance().as_str()), (2, "95.00"));
    bench.handle.inject(on(Endpoint::Purchase).answer(Answer::OtherIds(vec!["77".into()])));
    assert_eq!(bench.post("orders/purchase", &body).await["order_id"], "77");
    bench.handle.inject(on(Endpoint::Purchase).effect(Effect::ChargeOnly));
    bench.post("orders/purchase", &body).await;
    assert_eq!((bench.page("status=all").await.len(), bench.balance().as_str()), (2, "70.00"));
    bench.world(|world| world.account_mut(TOKEN).unwrap().promos.push(save10()));
    bench.handle.inject(on(Endpoint::Purchase).effect(Effect::RejectPromo));
    let promo = json!({"product": DC, "location": "DE", "cycle": "monthly", "promo_code": "SAVE10"});
    bench.post("orders/purchase", &promo).await;
    assert_eq!(bench.balance(), "67.50");
}

#[tokio::test]
async fn faults_strike_what_they_are_aimed_at() {
    let bench = Bench::new("10.00").await;
    let id = bench.add(&dc(-1));
    let price = format!("orders/calculate?product={}&location=DE&cycle=monthly", DC.replace(' ', "+"));
    for (aim, struck) in [
        (Aim::Quotes, [false, true, false]),
        (Aim::Reads, [true, false, false]),
        (Aim::Money, [false, false, true]),
    ] {
        bench.handle.clear_faults();
        bench.handle.inject(Fault::status(aim, 409).when(When::Always));
        let path = format!("/user/api/orders/{id}/renew");
        let seen = [
            bench.ask("GET", "/user/api/me", None).await.0,
            bench.ask("GET", &format!("/user/api/{price}"), None).await.0,
            bench.ask("POST", &path, Some(&json!({}))).await.0,
        ];
        assert_eq!(seen.map(|status| status == 409), struck, "{aim:?}");
    }
    let other = Fault::status(Aim::Any, 401).account("someone-else");
    bench.handle.clear_faults();
    bench.handle.inject(other);
    bench.get("me").await;
}
