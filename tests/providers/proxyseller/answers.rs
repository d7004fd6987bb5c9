//! The table of answers: each proves exactly one thing, whatever call it is for.
use std::collections::BTreeMap;

use renewd::domain::{Doubt, Quote, QuoteError};
use renewd::providers::proxyseller::reply::{judge, judge_purchase};
use renewd::providers::{Concern, PaymentReply, Purpose, ReadError, Words};
use renewd::redact::Redactor;
use secrecy::SecretString;

use super::{BALANCE, KEY, bench, read, request};

fn verdict(reply: PaymentReply) -> String {
    match reply {
        PaymentReply::Accepted { balance, promo, order, .. } => {
            assert_eq!(promo, None);
            let balance = balance.map_or("-".to_owned(), |b| b.amount.to_string());
            format!("accepted {balance}{}", order.map(|o| format!(" {o}")).unwrap_or_default())
        }
        PaymentReply::Refused { code, message, concerns } => {
            assert!(!message.to_lowercase().contains("very-secret"), "{message}");
            let wanted = match code {
                503 => Concern::Access,
                16 => Concern::Account,
                _ => Concern::Lease,
            };
            assert_eq!(concerns, wanted, "{message}");
            format!("refused {code}")
        }
        PaymentReply::Unknown { code, message } => {
            assert!(!message.is_empty() && !message.to_lowercase().contains("very-secret"), "{message}");
            format!("unknown {}", code.map_or("-".to_owned(), |code| code.to_string()))
        }
        PaymentReply::Ends { .. } => panic!("it tells no ends"),
        PaymentReply::NeverSent(_) => "never sent".to_owned(),
    }
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
        Ok(q) => format!("{} {} warnings", q.price, q.warnings.len()),
        Err(QuoteError::Refused { code, .. }) => format!("refused {code}"),
        Err(QuoteError::NotSold { days, .. }) => format!("{days} days are not sold"),
        Err(QuoteError::NoAnswer(_)) => "no answer".to_owned(),
        Err(QuoteError::Unreadable(_)) => "unreadable".to_owned(),
    }
}

async fn verdict_of(call: &str, status: u16, body: &str) -> String {
    let words = Words::new(Redactor::default(), &SecretString::from(KEY));
    match call {
        "pay" => verdict(judge(status, body.as_bytes(), &words)),
        "buy" => verdict(judge_purchase(status, body.as_bytes(), &words)),
        "list" => {
            let b = bench(&[(status, body)]).await;
            // A passing trouble is tried three times; the balance comes after a list that was read.
            (0..2).for_each(|_| if status == 200 { b.then(200, BALANCE) } else { b.then(status, body) });
            of_read(b.reader.inventory(Purpose::Routine).await, |i| {
                let part = if matches!(i.doubt, Some(Doubt::Part(_))) { " a part" } else { "" };
                format!("{} leases {} unreadable{part}", i.leases.len(), i.unreadable)
            })
        }
        "balance" => {
            let b = bench(&[(status, body); 3]).await;
            of_read(b.reader.balance(Purpose::Routine).await, |b| b.amount.to_string())
        }
        "quote" => {
            let b = read().await;
            (0..3).for_each(|_| b.then(status, body));
            of_quote(b.reader.quote(&request("IPv4")).await)
        }
        other => panic!("the table names the call `{other}`"),
    }
}

#[tokio::test]
async fn every_answer_to_every_call_has_one_verdict() {
    let table = include_str!("../../replies/proxyseller/answers.table");
    let rows: Vec<&str> = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        let mut cells = row.splitn(5, '|').map(str::trim);
        let mut cell = || cells.next().unwrap();
        let (call, want, status, what) = (cell(), cell(), cell().parse().unwrap(), cell());
        let body = &cell().replace("\\ufeff", "\u{feff}");
        *calls.entry(call).or_default() += 1;
        assert_eq!(verdict_of(call, status, body).await, want, "{call}, {what}: {body}");
    }
    assert!(calls["pay"] >= 60 && calls.values().all(|n| *n >= 9), "{calls:?}");
}

/// Whatever arrives: no panic, and no success that the answer does not plainly say.
#[test]
fn any_bytes_are_no_success() {
    let words = Words::new(Redactor::default(), &SecretString::from(KEY));
    let good = br#"{"status":"success","data":{"orderId":"","balance":40.4},"errors":[]}"#;
    let mut dice = fastrand::Rng::with_seed(7);
    for _ in 0..4_000 {
        let mut bytes = good.to_vec();
        for _ in 0..dice.usize(1..4) {
            let at = dice.usize(0..bytes.len().max(1));
            match dice.u8(0..3) {
                0 => bytes.truncate(at),
                1 if !bytes.is_empty() => bytes[at] = dice.u8(..),
                _ => bytes.insert(at.min(bytes.len()), dice.u8(..)),
            }
        }
        if let PaymentReply::Accepted { .. } = judge(200, &bytes, &words) {
            let text = std::str::from_utf8(&bytes).unwrap();
            let json: serde_json::Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
            assert!(json["status"] == "success" && json["data"].is_object(), "{text}");
        }
    }
}

#[test]
fn what_an_answer_says_that_it_cost_is_kept() {
    let words = Words::new(Redactor::default(), &SecretString::from(KEY));
    let body = br#"{"status":"success","data":{"orderId":"7","total":"9.00","balance":91},"errors":[]}"#;
    for reply in [judge(200, body, &words), judge_purchase(200, body, &words)] {
        let PaymentReply::Accepted { charged, .. } = reply else { panic!("{reply:?}") };
        assert_eq!(charged.unwrap().to_string(), "9.00");
    }
}
