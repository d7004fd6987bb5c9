//! The table of answers: every shape that a body may have, and the one thing that the adapter makes of it.
use renewd::domain::{Change, ChangeRequest, LeaseId, OrderId, PurchaseRequest, QuoteError};
use renewd::providers::proxyshard::reply;
use renewd::providers::{ChangeReply, PaymentReply, Purpose, ReadError, Words};
use renewd::redact::Redactor;
use secrecy::SecretString;

use crate::proxyshard::bench::{Asked, KEY, me, ok, purchase, serve};

fn words() -> Words {
    Words::new(Redactor::default(), &SecretString::from(KEY))
}

fn code(code: Option<i64>) -> String {
    code.map_or("-".to_owned(), |code| code.to_string())
}

fn paid(reply: PaymentReply) -> String {
    match reply {
        PaymentReply::Accepted { balance: None, charged: None, promo: None, order } => {
            order.map_or("accepted".to_owned(), |order| format!("accepted {order}"))
        }
        PaymentReply::Refused { code, .. } => format!("refused {code}"),
        PaymentReply::Unknown { code: seen, message } => {
            assert!(!message.is_empty());
            format!("unknown {}", code(seen))
        }
        other => panic!("{other:?}"),
    }
}

fn changed(what: Change, status: u16, body: &str) -> String {
    let request = ChangeRequest {
        account: "ps".into(),
        kind: "ISP Proxy".into(),
        order: OrderId::from("o-1"),
        leases: vec![LeaseId::from("o-1")],
        what,
    };
    match reply::change(&request, status, body.as_bytes(), &words()) {
        ChangeReply::Done { message, price } => {
            let price = price.map(|price| format!(" at {price}")).unwrap_or_default();
            let message = message.map(|message| format!(", {message}")).unwrap_or_default();
            format!("done{price}{message}")
        }
        ChangeReply::Refused { code, .. } => format!("refused {code}"),
        ChangeReply::Unknown { code: seen, message } => {
            assert!(!message.is_empty());
            format!("unknown {}", code(seen))
        }
        other => panic!("{other:?}"),
    }
}

fn unread(error: &ReadError) -> String {
    match error {
        ReadError::WrongKey { code, .. } => format!("wrong key {code}"),
        ReadError::Refused { code, .. } => format!("error {code}"),
        ReadError::NoAnswer(_) => "no answer".to_owned(),
        ReadError::Unreadable(_) => "unreadable".to_owned(),
    }
}

async fn balance(status: u16, body: &str) -> String {
    let body = body.to_owned();
    let b = serve(move |_| (status, body.clone())).await;
    match b.reader.balance(Purpose::Routine).await {
        Ok(balance) => format!("{} {}", balance.amount, balance.currency),
        Err(error) => unread(&error),
    }
}

/// The leases of a reading in which one answer is the given one and nothing else is there.
async fn leases(at: &'static str, status: u16, body: &str) -> String {
    let body = body.to_owned();
    let held = || ok(r#"{"success":true,"orders":[{"order_id":"o-1"}]}"#);
    let b = serve(move |asked: &Asked| {
        match (asked.path.as_str(), asked.param("status"), asked.param("offset")) {
            ("orders", Some("active"), Some("0")) if at == "list" => (status, body.clone()),
            ("orders", Some("on-hold"), Some("0")) if at == "detail" => held(),
            ("orders", ..) => ok(r#"{"success":true,"orders":[]}"#),
            ("me", ..) => ok(r#"{"wallet_balance":0}"#),
            _ if at == "detail" => (status, body.clone()),
            _ => (400, "not here".to_owned()),
        }
    })
    .await;
    match b.reader.inventory(Purpose::Routine).await {
        Ok(inventory) => {
            let mut rows: Vec<String> = inventory
                .leases
                .iter()
                .map(|l| {
                    let end = l.expires_at.map_or("no end".to_owned(), |end| end.to_string());
                    let flag = l.provider_renews.map_or("-", |on| if on { "auto" } else { "by hand" });
                    let price = l.price.map_or("-".to_owned(), |price| price.to_string());
                    format!("{} {}, {end}, {flag}, {price}", l.id, l.state.as_str())
                })
                .collect();
            if inventory.unreadable > 0 {
                rows.push(format!("{} unreadable", inventory.unreadable));
            }
            if matches!(inventory.doubt, Some(renewd::domain::Doubt::Part(_))) {
                rows.push("a part".to_owned());
            }
            if rows.is_empty() { "nothing".to_owned() } else { rows.join("; ") }
        }
        Err(error) => unread(&error),
    }
}

async fn price(status: u16, body: &str) -> String {
    let body = body.to_owned();
    let b = serve(move |asked: &Asked| if asked.path == "me" { me(5000, 0) } else { (status, body.clone()) })
        .await;
    let request = PurchaseRequest { addons: Vec::new(), promo: None, ..purchase() };
    match b.reader.quote_purchase(&request).await {
        Ok(quote) => quote.price.to_string(),
        Err(QuoteError::Refused { code, .. }) => format!("error {code}"),
        Err(QuoteError::NotSold { days, .. }) => format!("not sold {days}"),
        Err(QuoteError::NoAnswer(_)) => "no answer".to_owned(),
        Err(QuoteError::Unreadable(_)) => "unreadable".to_owned(),
    }
}

async fn verdict(question: &str, status: u16, body: &str) -> String {
    let auto = Change::AutoRenewal { on: true, period_days: 30, whole_order: true };
    match question {
        "renew" => paid(reply::renewal(&OrderId::from("o-1"), status, body.as_bytes(), &words())),
        "purchase" => paid(reply::purchase(status, body.as_bytes(), &words())),
        "auto" => changed(auto, status, body),
        "cycle" => changed(Change::Cycle("quarterly".to_owned()), status, body),
        "tag" => changed(Change::Tag(None), status, body),
        "me" => balance(status, body).await,
        "list" => leases("list", status, body).await,
        "detail" => leases("detail", status, body).await,
        "calculate" => price(status, body).await,
        other => panic!("question {other}"),
    }
}

#[tokio::test]
async fn every_answer_is_what_the_table_says() {
    let rows: Vec<&str> = include_str!("../../replies/proxyshard/answers.table")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect();
    assert!(rows.len() >= 100, "{}", rows.len());
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
