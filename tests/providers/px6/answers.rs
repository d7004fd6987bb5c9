//! The table of answers: every shape that a body may have, and the one thing that is made of it.
use renewd::domain::{Balance, QuoteError, RenewalRequest};
use renewd::evidence::accepted_by_answer;
use renewd::providers::px6::reply;
use renewd::providers::{Concern, PaymentReply, Purpose, ReadError, Words};
use renewd::redact::Redactor;
use secrecy::SecretString;

use crate::px6::bench::{KEY, purchase, renewal, serve};

fn words() -> Words {
    Words::new(Redactor::default(), &SecretString::from(KEY))
}

fn shown(balance: Option<Balance>) -> String {
    balance.map_or("-".to_owned(), |balance| format!("{} {}", balance.amount, balance.currency))
}

/// What a payment's answer comes to, by the adapter and the rule of the evidence together.
pub fn paid(request: &RenewalRequest, reply: PaymentReply) -> String {
    match reply {
        PaymentReply::Ends { told, balance, .. } => {
            let ends = accepted_by_answer(request, &told);
            let accepted = request.leases.iter().zip(ends).filter(|(_, end)| end.is_some());
            let ids: Vec<&str> = accepted.map(|(lease, _)| lease.id.as_str()).collect();
            assert!(!ids.is_empty(), "a success that accepts nothing");
            format!("accepted {}, {}", ids.join(" "), shown(balance))
        }
        PaymentReply::Accepted { balance, promo: None, order: Some(order), .. } => {
            format!("bought {order}, {}", shown(balance))
        }
        PaymentReply::Refused { code, concerns, .. } => {
            let whose = if concerns == Concern::Account { "account" } else { "lease" };
            format!("refused {code} {whose}")
        }
        PaymentReply::Unknown { code, message } => {
            assert!(!message.is_empty());
            format!("unknown {}", code.map_or("-".to_owned(), |code| code.to_string()))
        }
        other => panic!("{other:?}"),
    }
}

async fn balance(status: u16, body: &str) -> String {
    let body = body.to_owned();
    let b = serve(move |_| (status, body.clone())).await;
    match b.reader.balance(Purpose::Routine).await {
        Ok(balance) => shown(Some(balance)),
        Err(ReadError::WrongKey { code, .. }) => format!("wrong key {code}"),
        Err(ReadError::Refused { code, .. }) => format!("error {code}"),
        Err(ReadError::NoAnswer(_)) => "no answer".to_owned(),
        Err(ReadError::Unreadable(_)) => "unreadable".to_owned(),
    }
}

async fn price(status: u16, body: &str) -> String {
    let body = body.to_owned();
    let b = serve(move |_| (status, body.clone())).await;
    match b.reader.quote(&renewal()).await {
        Ok(quote) => {
            let each = quote.each.map_or("-".to_owned(), |each| each.to_string());
            let sum = if quote.adds_up(2) { "" } else { ", does not add up" };
            let short = if quote.warnings.iter().any(|w| w.short_of_funds) { ", short" } else { "" };
            format!("{}, each {each}{sum}{short}", quote.price)
        }
        Err(QuoteError::Refused { code, .. }) => format!("error {code}"),
        Err(QuoteError::NotSold { days, .. }) => format!("not sold {days}"),
        Err(QuoteError::NoAnswer(_)) => "no answer".to_owned(),
        Err(QuoteError::Unreadable(_)) => "unreadable".to_owned(),
    }
}

async fn verdict(question: &str, status: u16, body: &str) -> String {
    let (bytes, words) = (body.as_bytes(), words());
    match question {
        "prolong" => paid(&renewal(), reply::judge(&renewal(), status, bytes, &words)),
        "buy" => paid(&renewal(), reply::judge_purchase(&purchase(), status, bytes, &words)),
        "balance" => balance(status, body).await,
        "price" => price(status, body).await,
        other => panic!("question {other}"),
    }
}

#[tokio::test]
async fn every_answer_is_what_the_table_says() {
    let rows: Vec<&str> = include_str!("../../replies/px6/answers.table")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect();
    let payments = rows.iter().filter(|row| row.contains("|prolong|") || row.contains("|buy|")).count();
    assert!(payments >= 60, "{payments}");
    let mut wrong = Vec::new();
    for row in rows {
        let mut cells = row.splitn(5, '|').map(str::trim);
        let mut cell = || cells.next().unwrap();
        let (want, question, status, what) = (cell(), cell(), cell().parse().unwrap(), cell());
        // A byte order mark is written as `\ufeff`.
        let body = cell().replace("\\ufeff", "\u{feff}");
        let got = verdict(question, status, &body).await;
        if got != want {
            wrong.push(format!("{question} {status}, {what}: `{got}`, not `{want}`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_an_answer_says_that_it_cost_is_kept() {
    let rows = r#"{"11":{"id":11,"unixtime_end":4102444800}}"#;
    let body = format!(r#"{{"status":"yes","count":1,"price":9.5,"period":30,"list":{rows}}}"#);
    let mut one = renewal();
    one.leases.truncate(1);
    let PaymentReply::Ends { charged, .. } = reply::judge(&one, 200, body.as_bytes(), &words()) else {
        panic!("not told by its end");
    };
    assert_eq!(charged.unwrap().to_string(), "9.50");
    let mut one = purchase();
    one.quantity = 1;
    let PaymentReply::Accepted { charged, .. } = reply::judge_purchase(&one, 200, body.as_bytes(), &words())
    else {
        panic!("not bought");
    };
    assert_eq!(charged.unwrap().to_string(), "9.50");
}
