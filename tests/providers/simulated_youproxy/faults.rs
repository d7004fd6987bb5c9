//! Each fault does to the socket what it says, and to the books what it says.
use std::io::ErrorKind;
use std::time::Duration;

use renewd::simulator::{Aim, Answer, Effect, Endpoint, Fault, Promo, When};
use serde_json::{Value, json};

use super::{Bench, IPS, KEY, money, start};

/// Pays for the first lease under one fault: what came back, how the connection ended, how many charges there are.
async fn pay_under(effect: Effect, answer: Answer) -> (Vec<u8>, Option<ErrorKind>, usize) {
    let bench = Bench::new("10.00").await;
    let fault = bench.handle.inject(Fault::on(Aim::Money).effect(effect).answer(answer));
    let body = bench.extension(&IPS[..1]).to_string();
    let (bytes, ended) = bench.raw("POST", &format!("{KEY}/extend"), &body).await;
    assert_eq!(bench.handle.struck(fault), 1);
    assert_eq!(bench.requests(Endpoint::Extend), 1);
    (bytes, ended.err().map(|error| error.kind()), bench.charges())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn a_lost_answer_says_nothing_about_the_charge() {
    for (effect, charges) in [(Effect::Nothing, 0), (Effect::Process, 1)] {
        assert_eq!(pay_under(effect.clone(), Answer::Close).await, (vec![], None, charges));
        let (bytes, ended, charged) = pay_under(effect.clone(), Answer::Reset).await;
        assert_eq!((bytes.len(), ended, charged), (0, Some(ErrorKind::ConnectionReset), charges));
        let (bytes, ended, charged) = pay_under(effect.clone(), Answer::Hang).await;
        assert_eq!((bytes.len(), ended, charged), (0, Some(ErrorKind::TimedOut), charges));
    }
}

#[tokio::test]
async fn half_a_body_promises_more_than_it_brings() {
    let (bytes, ended, charges) = pay_under(Effect::Process, Answer::HalfBody).await;
    assert_eq!((ended, charges), (None, 1));
    let text = text(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let promised = head.split("Content-Length: ").nth(1).unwrap().trim().parse::<usize>().unwrap();
    assert_eq!(body.len(), promised / 2);
}

#[tokio::test]
async fn replies_that_are_no_json_or_no_http_look_so() {
    let (bytes, _, charges) = pay_under(Effect::Process, Answer::Garbage).await;
    assert!(!bytes.is_empty() && !bytes.starts_with(b"HTTP/"));
    assert_eq!(charges, 1);
    for (answer, status, kind) in [
        (Answer::TruncatedJson, "200 ", "application/json"),
        (Answer::NotJson, "200 ", "application/json"),
        (Answer::Html(200), "200 ", "text/html"),
        (Answer::Html(502), "502 ", "text/html"),
        (Answer::TooMany(17), "429 ", "retry-after: 17"),
        (Answer::Redirect("http://127.0.0.1:1/".into()), "302 ", "location: http://127.0.0.1:1/"),
    ] {
        let (bytes, ended, charges) = pay_under(Effect::Nothing, answer.clone()).await;
        let text = text(&bytes);
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{answer:?}: {text}");
        assert!(text.contains(kind), "{answer:?}: {text}");
        let body = text.split_once("\r\n\r\n").unwrap().1;
        assert!(serde_json::from_str::<Value>(body).is_err(), "{answer:?}");
        assert_eq!((ended, charges), (None, 0));
    }
}

#[tokio::test]
async fn a_5xx_can_look_like_a_clean_refusal_and_have_charged() {
    let refusal = Answer::Refusal { status: 503, code: 16, message: "Insufficient funds".into() };
    for (effect, charged) in [(Effect::Nothing, 0), (Effect::Process, 1)] {
        let (bytes, _, charges) = pay_under(effect, refusal.clone()).await;
        let text = text(&bytes);
        assert!(text.starts_with("HTTP/1.1 503 "));
        let body: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!((&body["success"], &body["quantity"]), (&json!(false), &json!(0)));
        assert_eq!((&body["ipAddressIds"], &body["error"]["code"]), (&json!([]), &json!(16)));
        assert_eq!(charges, charged);
    }
    let (bytes, _, charges) = pay_under(Effect::Process, Answer::Status(500)).await;
    assert!(text(&bytes).starts_with("HTTP/1.1 500 ") && text(&bytes).contains(r#""success":true"#));
    assert_eq!(charges, 1);
}

#[tokio::test]
async fn honest_looking_replies_can_be_for_something_else() {
    let bench = Bench::new("10.00").await;
    let body = bench.extension(&IPS[..1]);
    let once = |aim, answer| bench.handle.inject(Fault::on(aim).answer(answer));
    once(Aim::Money, Answer::OtherIds(vec!["42".into()]));
    assert_eq!(bench.post("extend", &body).await["ipAddressIds"], json!(["42"]));
    once(Aim::Quotes, Answer::Warning { code: 99, message: "new rule".into() });
    let quote = bench.post("calculate/extend", &body).await;
    assert_eq!(quote["warnings"], json!([{"code": 99, "message": "new rule"}]));
    once(Aim::Endpoint(Endpoint::Balance), Answer::Currency("EUR".into()));
    assert_eq!(bench.get("balance").await["currencyCode"], "EUR");
    once(Aim::Quotes, Answer::Currency("EUR".into()));
    assert_eq!(bench.post("calculate/extend", &body).await["currency"], "EUR");
    once(Aim::Reads, Answer::ContentType("text/plain".into()));
    let (head, _) = bench.exchange("GET", &format!("{KEY}/ipAddress"), "").await;
    assert!(head.contains("content-type: text/plain"), "{head}");
}

#[tokio::test]
async fn the_price_can_change_between_quote_and_payment() {
    let bench = Bench::new("10.00").await;
    let body = bench.extension(&IPS[..1]);
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::Surcharge(money("0.10"))));
    assert_eq!(bench.post("calculate/extend", &body).await["price"].to_string(), "2.65");
    assert_eq!(bench.post("extend", &body).await["balance"].to_string(), "7.25");
}

#[tokio::test]
async fn a_good_promo_code_can_be_taken_for_a_bad_one_at_full_price() {
    let bench = Bench::new("10.00").await;
    let promo = Promo { code: "SAVE10".into(), percent: 10, starts: start(), ends: None };
    bench.handle.with(|world| world.account_mut(KEY).unwrap().promos.push(promo));
    let mut body = bench.extension(&IPS[..1]);
    body["promoCode"] = json!("SAVE10");
    assert_eq!(bench.post("calculate/extend", &body).await["promoCodeStatus"], "VALID");
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::RejectPromo));
    assert_eq!(bench.post("extend", &body).await["promoCodeStatus"], "NO_VALID");
    assert_eq!(bench.balance(), "7.35");
}

#[tokio::test]
async fn a_batch_can_be_applied_in_part_and_its_answer_lost() {
    let bench = Bench::new("10.00").await;
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::FirstLeases(2)).answer(Answer::Close));
    let body = bench.extension(&IPS).to_string();
    assert!(bench.raw("POST", &format!("{KEY}/extend"), &body).await.0.is_empty());
    assert_eq!(bench.balance(), "4.70");
    let ends = bench.handle.with(|world| {
        IPS.map(|ip| world.account(KEY).unwrap().rental(ip).unwrap().end.duration_since(start()).as_hours())
    });
    assert_eq!(ends, [768, 768, 48]);
}

#[tokio::test]
async fn a_charge_can_land_later_than_its_request() {
    let bench = Bench::new("10.00").await;
    let late = Effect::After(Duration::from_secs(1200));
    bench.handle.inject(Fault::on(Aim::Money).effect(late).answer(Answer::Close));
    let body = bench.extension(&IPS[..1]).to_string();
    assert!(bench.raw("POST", &format!("{KEY}/extend"), &body).await.0.is_empty());
    bench.advance(1199);
    assert_eq!(bench.charges(), 0);
    bench.advance(3600);
    let at = bench.handle.with(|world| world.books().entries[0].at);
    assert_eq!(at.duration_since(start()).as_secs(), 1200);
}

#[tokio::test]
async fn codes_on_demand_change_nothing_else() {
    let bench = Bench::new("10.00").await;
    let body = bench.extension(&IPS[..1]);
    for code in [2, 3, 7, 25, 35] {
        bench.handle.inject(Fault::code(Aim::Any, code));
        let reply = bench.post("extend", &body).await;
        assert_eq!((&reply["success"], &reply["error"]["code"]), (&json!(false), &json!(code)));
        assert_eq!(reply["balance"] == Value::Null, code == 2);
    }
    assert_eq!((bench.balance().as_str(), bench.charges()), ("10.00", 0));
    bench.handle.with(|world| world.account_mut(KEY).unwrap().down = Some((3, "Service unavailable".into())));
    assert_eq!(bench.get("ipAddress").await["error"]["code"], 3);
}

#[tokio::test]
async fn faults_strike_the_calls_they_are_aimed_at() {
    let bench = Bench::new("10.00").await;
    let hits = async |fault: Fault| {
        bench.handle.clear_faults();
        bench.handle.inject(fault);
        let mut hits = Vec::new();
        for n in 1..=20 {
            if bench.get("balance").await["success"] == false {
                hits.push(n);
            }
        }
        hits
    };
    let balance = || Fault::code(Aim::Endpoint(Endpoint::Balance), 3);
    assert_eq!(hits(balance().when(When::Nth(3))).await, [3]);
    assert_eq!(hits(balance().when(When::Next(2))).await, [1, 2]);
    assert_eq!(hits(balance().when(When::Always)).await.len(), 20);
    assert!(hits(balance().when(When::Always).account("other")).await.is_empty());
    assert!(hits(Fault::code(Aim::Money, 3).when(When::Always)).await.is_empty());
    let chance = || balance().when(When::Chance { percent: 40, seed: 5 });
    let (one, two) = (hits(chance()).await, hits(chance()).await);
    assert_eq!(one, two);
    assert!((1..20).contains(&one.len()), "{one:?}");
}

#[tokio::test]
async fn money_can_be_taken_for_nothing_and_somebody_else_can_spend_meanwhile() {
    let bench = Bench::new("10.00").await;
    let body = bench.extension(&IPS[..1]);
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::ChargeOnly));
    assert_eq!(bench.post("extend", &body).await["balance"].to_string(), "7.35");
    let line = bench.handle.with(|world| world.books().entries[0].lines[0].clone());
    assert_eq!(line.end_before, Some(line.end_after));
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::ForeignSpend(money("1.00"))));
    assert_eq!(bench.post("extend", &body).await["success"], true);
    assert_eq!((bench.balance().as_str(), bench.charges()), ("3.70", 3));
}

#[tokio::test]
async fn a_reply_can_gain_and_lose_a_field() {
    let bench = Bench::new("10.00").await;
    bench.handle.inject(Fault::on(Aim::Any).answer(Answer::Field("success".into(), json!(false))));
    assert_eq!(bench.get("balance").await["success"], false);
    bench.handle.inject(Fault::on(Aim::Any).answer(Answer::Without("balance".into())));
    assert!(bench.get("balance").await.get("balance").is_none());
}
