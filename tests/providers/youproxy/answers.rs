//! The tables of answers: each proves exactly one thing, whatever call it is for.
use std::collections::BTreeMap;

use renewd::domain::{Doubt, Kind, Method, PromoStatus, PurchaseAuth, PurchaseRequest, Quote, QuoteError};
use renewd::providers::youproxy::reply::{judge, judge_purchase};
use renewd::providers::{PaymentReply, Purpose, ReadError, Words};
use renewd::redact::Redactor;
use secrecy::SecretString;

use super::{BALANCE, KEY, bench, error, request};

pub fn purchase(kind: &str) -> PurchaseRequest {
    let text = |t: &str| Some(t.to_owned());
    PurchaseRequest {
        account: "yp".into(),
        kind: Kind::from(kind),
        country: text("USA"),
        quantity: 2,
        period_days: Some(30),
        cycle: None,
        promo: text("SAVE10"),
        goal: text("shop"),
        auth: Some(PurchaseAuth::Login),
        protocol: (kind == "IPv6").then(|| "http".to_owned()),
        operator: (kind == "MOBILE").then(|| "vodafone".to_owned()),
        rotation: (kind == "MOBILE").then_some(600),
        auto_renewal: None,
        addons: Vec::new(),
        mark: None,
    }
}

/// `accepted PROMO BALANCE | refused CODE | unknown CODE`, as the table has it.
fn verdict(reply: PaymentReply) -> String {
    match reply {
        PaymentReply::Accepted { balance, promo, order, .. } => {
            let balance = balance.map_or("-".to_owned(), |b| format!("{} {}", b.amount, b.currency));
            let order = order.map(|o| format!(" {o}")).unwrap_or_default();
            format!("accepted {} {balance}{order}", promo.map_or("-", PromoStatus::as_str))
        }
        PaymentReply::Refused { code, .. } => format!("refused {code}"),
        PaymentReply::Unknown { code, message } => {
            assert!(!message.is_empty());
            format!("unknown {}", code.map_or("-".to_owned(), |code| code.to_string()))
        }
        PaymentReply::NeverSent(_) => "never sent".to_owned(),
        PaymentReply::Ends { .. } => panic!("its answers tell no ends"),
    }
}

/// A byte order mark is written as `\ufeff` in the tables.
fn spelled(body: &str) -> String {
    body.replace("\\ufeff", "\u{feff}")
}

#[test]
fn every_answer_to_a_payment_proves_what_the_table_says() {
    let words = Words::new(Redactor::default(), &SecretString::from(KEY));
    let request = request("IPv4", Some("SAVE10"), Method::Leases);
    let rows: Vec<&str> = include_str!("../../replies/youproxy/payments.table")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect();
    assert!(rows.len() >= 40);
    for row in rows {
        let mut cells = row.splitn(4, '|');
        let mut cell = || cells.next().unwrap().trim();
        let (want, status, what) = (cell(), cell().parse().unwrap(), cell());
        let body = spelled(cell());
        assert_eq!(verdict(judge(&request, status, body.as_bytes(), &words)), want, "{what}: {body}");
    }
}

#[test]
fn every_code_outside_the_closed_list_is_unknown() {
    let closed = [2, 4, 6, 7, 8, 10, 11, 13, 14, 16, 19, 23, 24, 25, 28, 29];
    let words = Words::new(Redactor::default(), &SecretString::from(KEY));
    for code in -5..200 {
        let want = if closed.contains(&code) { "refused" } else { "unknown" };
        let reply = judge(&request("IPv4", None, Method::Leases), 200, error(code).as_bytes(), &words);
        assert_eq!(verdict(reply), format!("{want} {code}"));
    }
}

#[test]
fn an_order_with_more_leases_than_were_known_is_not_accepted() {
    let words = Words::new(Redactor::default(), &SecretString::from(KEY));
    let reply = |ids: &str, quantity: usize| {
        let body = format!(
            r#"{{"success":true,"proxyType":"IPv6","rentPeriodDays":30,"quantity":{quantity},"ipAddressIds":[{ids}],"error":null}}"#
        );
        verdict(judge(&request("IPv6", None, Method::Order), 200, body.as_bytes(), &words))
    };
    assert_eq!(reply(r#""101","102""#, 2), "accepted - -");
    assert_eq!(reply(r#""101","102","103""#, 3), "unknown -");
}

fn of_read<T>(read: Result<T, ReadError>, good: impl FnOnce(T) -> String) -> String {
    match read {
        Ok(value) => good(value),
        Err(ReadError::WrongKey { .. }) => "wrong key".to_owned(),
        Err(ReadError::Refused { code, .. }) => format!("refused {code}"),
        Err(ReadError::NoAnswer(_)) => "no answer".to_owned(),
        Err(ReadError::Unreadable(_)) => "unreadable".to_owned(),
    }
}

fn of_quote(quote: Result<Quote, QuoteError>) -> String {
    match quote {
        Ok(q) => {
            let promo = q.promo.map_or("-", PromoStatus::as_str);
            format!("{} {promo} {} warnings", q.price, q.warnings.len())
        }
        Err(QuoteError::Refused { code, .. }) => format!("refused {code}"),
        Err(QuoteError::NotSold { days, .. }) => format!("not sold {days}"),
        Err(QuoteError::NoAnswer(_)) => "no answer".to_owned(),
        Err(QuoteError::Unreadable(_)) => "unreadable".to_owned(),
    }
}

async fn verdict_of(call: &str, status: u16, body: &str) -> String {
    let b = match call {
        // A passing trouble is tried three times; the balance comes after a list that was read.
        "list" if status == 200 && !body.contains("\"code\":3,") => {
            bench(&[(status, body), (200, BALANCE)]).await
        }
        _ => bench(&[(status, body); 3]).await,
    };
    match call {
        "list" => of_read(b.reader.inventory(Purpose::Routine).await, |i| {
            let part = if matches!(i.doubt, Some(Doubt::Part(_))) { " a part" } else { "" };
            format!("{} leases {} unreadable{part}", i.leases.len(), i.unreadable)
        }),
        "balance" => {
            of_read(b.reader.balance(Purpose::Routine).await, |b| format!("{} {}", b.amount, b.currency))
        }
        "quote" => of_quote(b.reader.quote(&request("IPv4", Some("SAVE10"), Method::Leases)).await),
        "price" => of_quote(b.reader.quote_purchase(&purchase("IPv4")).await),
        "purchase" => {
            let words = Words::new(Redactor::default(), &SecretString::from(KEY));
            verdict(judge_purchase(&purchase("IPv4"), status, body.as_bytes(), &words))
        }
        other => panic!("the table names the call `{other}`"),
    }
}

#[tokio::test]
async fn every_answer_to_every_call_has_one_verdict() {
    let table = include_str!("../../replies/youproxy/answers.table");
    let rows: Vec<&str> = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    assert!(rows.len() >= 60, "{}", rows.len());
    let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        let mut cells = row.splitn(5, '|').map(str::trim);
        let mut cell = || cells.next().unwrap();
        let (call, want, status, what) = (cell(), cell(), cell().parse().unwrap(), cell());
        let body = &spelled(cell());
        *calls.entry(call).or_default() += 1;
        assert_eq!(verdict_of(call, status, body).await, want, "{call}, {what}: {body}");
    }
    assert!(calls.values().all(|n| *n >= 5), "{calls:?}");
}

#[test]
fn every_code_outside_the_closed_list_leaves_a_purchase_unknown() {
    let closed = [2, 4, 6, 7, 8, 10, 11, 13, 14, 16, 19, 23, 24, 25, 28, 29];
    let words = Words::new(Redactor::default(), &SecretString::from(KEY));
    for code in -5..200 {
        let want = if closed.contains(&code) { "refused" } else { "unknown" };
        let reply = judge_purchase(&purchase("IPv4"), 200, error(code).as_bytes(), &words);
        assert_eq!(verdict(reply), format!("{want} {code}"));
    }
}
