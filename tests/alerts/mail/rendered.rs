//! Mails as they are read: subject, text and HTML of a representative set. `scripts/screenshot-mails` shoots these snapshots.
use std::sync::Mutex;

use jiff::Timestamp;
use renewd::alerting::{Occasion, Told};
use renewd::domain::alert::AlertRow;
use renewd::domain::{AccountName, Alert, AlertKey, Currency, Money, Severity};
use renewd::ledger::{AlertChange, ChainHead, Channel, QueuedMail};
use renewd::notify::digest::{self, Ahead, Digest, Open, Spent, Standing, Unsettled};
use renewd::notify::{self, Attempt, Courier, Letterhead, SendError, pump};
use rstest::rstest;

use crate::mail::office::{HOUR, Office, alert, email, start};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn office() -> Office {
    Office::new(|_| email(1, ""))
}

fn letterhead(office: &Office) -> Letterhead {
    Letterhead::new(
        &office.viewer.settings.alerts,
        &jiff::tz::TimeZone::get("Europe/Berlin").unwrap(),
        start(),
    )
    .on("box")
}

fn row(what: &str, ends: &str, amount: &str, note: &str) -> AlertRow {
    AlertRow {
        stage: None,
        what: what.to_owned(),
        ends: Some(at(ends)),
        amount: (!amount.is_empty()).then(|| amount.to_owned()),
        note: note.to_owned(),
    }
}

fn plain(key: AlertKey, severity: Severity, title: &str, text: &str) -> Alert {
    Alert {
        key,
        severity,
        title: title.to_owned(),
        text: text.to_owned(),
        actions: Vec::new(),
        rows: Vec::new(),
        deadline: None,
        grade: 0,
        parts: Vec::new(),
        labels: Vec::new(),
        leases: Vec::new(),
        once: false,
        account: Some(AccountName::from("yp")),
    }
}

fn short_funds() -> Alert {
    Alert {
        rows: vec![
            row(
                "IPv4 203.0.113.7",
                "2026-12-03T08:00:00Z",
                "2.65 USD",
                "short_funds: 2.65 USD needed, 3.00 USD free",
            ),
            row(
                "MOBILE 203.0.113.141",
                "2026-12-03T08:00:00Z",
                "81.90 USD",
                "short_funds: 81.90 USD needed, 0.35 USD free",
            ),
            row("IPv6 2001:db8:85a3:8d3:1319:8a2e:370:7348", "2026-12-03T10:30:00Z", "2.65 USD", ""),
        ],
        actions: vec!["top up at least 84.20 USD at the provider".into(), "renewd plan".into()],
        deadline: Some(at("2026-12-03T08:00:00Z")),
        ..plain(
            AlertKey::account("short_funds", "yp"),
            Severity::Warning,
            "Top up 84.20 USD at yp: 3 leases are due but not covered",
            "The balance was 3.00 USD. What is due but not covered costs 87.20 USD, and 3.00 USD is free for it, so 84.20 USD is \
             missing. Not covered: 1 of priority 100, 2 of priority 0.",
        )
    }
}

fn needs_operator() -> Alert {
    Alert {
        rows: vec![row(
            "IPv4 203.0.113.7",
            "2026-11-26T15:00:00Z",
            "2.65 USD",
            "p-000042, asked 2 hours ago",
        )],
        actions: vec![
            "renewd history --state needs_operator".into(),
            "renewd resolve p-000042 --charged 2.65 --note \"in the panel, order 123\"".into(),
            "renewd resolve p-000042 --not-charged --note \"not in the panel, support confirms\"".into(),
        ],
        deadline: Some(at("2026-11-26T15:00:00Z")),
        ..plain(
            AlertKey::order("needs_operator", "yp", "1234567"),
            Severity::Urgent,
            "Payment p-000042 needs your decision",
            "The balance fell by 2.65 USD, but the lease still ends when it did.\nLook into the provider's panel for a charge at that time \
             & say what you saw.",
        )
    }
}

fn lapsed() -> Alert {
    Alert {
        rows: vec![row(
            "ISP 198.51.100.4",
            "2026-11-26T03:55:00Z",
            "",
            "keep-us: paid too late or not at all",
        )],
        once: true,
        ..plain(
            AlertKey::order("lapsed", "yp", "2026-11-26"),
            Severity::Urgent,
            "1 lease of account yp has lapsed",
            "It is past its end and is not paid any more: <who> may have it next?",
        )
    }
}

fn clock() -> Alert {
    Alert {
        account: None,
        ..plain(
            AlertKey::account("clock", "*"),
            Severity::Urgent,
            "The clock cannot be trusted, so payments wait",
            "It stepped by 2h 3m between two ticks.",
        )
    }
}

/// As its end is told: what was paid, by which evidence.
fn paid() -> Alert {
    Alert {
        title: "yp has enough funds again".to_owned(),
        text: "The balance is 71.42 USD now.".to_owned(),
        actions: Vec::new(),
        rows: vec![AlertRow {
            stage: None,
            what: "Payment p-000042 of 203.0.113.7".to_owned(),
            ends: Some(at("2027-01-02T08:00:00Z")),
            amount: Some("charged 28.58 USD".to_owned()),
            note: "confirmed: the end moved by 30 days, and the balance fell by the quote".to_owned(),
        }],
        ..short_funds()
    }
}

/// As `alerting` words it.
fn comes_and_goes() -> Alert {
    let alert = clock();
    let text = "This comes and goes: it is back within an hour of its end. You hear of it again when it gets worse, or once it has \
                held, or stayed away, for an hour.\n\n";
    Alert {
        title: format!("{} (comes and goes)", alert.title),
        text: format!("{text}{}", alert.text),
        ..alert
    }
}

fn mail(alert: Alert, occasion: Occasion) -> QueuedMail {
    let office = office();
    let since = if occasion == Occasion::Raised { start() } else { at("2026-11-24T22:10:00Z") };
    let told = Told {
        changes: vec![AlertChange::Close(alert.key.clone())],
        occasion: Some(occasion),
        alert,
        since,
        until: None,
        reminder: None,
    };
    notify::render(
        &office.viewer.settings.alerts,
        &letterhead(&office),
        &told,
        occasion,
        &notify::ToldOf::default(),
    )
    .remove(0)
}

/// Without what changes with every release.
fn shown(text: &str) -> String {
    text.replace(&format!("renewd {}", env!("CARGO_PKG_VERSION")), "renewd VERSION")
}

fn assert_mail(name: &str, mail: &QueuedMail) {
    insta::assert_snapshot!(
        format!("{name}.txt"),
        shown(&format!("Subject: {}\n\n{}", mail.subject, mail.text))
    );
    insta::assert_snapshot!(format!("{name}.html"), shown(&mail.html));
}

#[rstest]
#[case::short_funds("short_funds", short_funds(), Occasion::Raised)]
#[case::needs_operator("needs_operator", needs_operator(), Occasion::Escalated)]
#[case::lapsed("lapsed", lapsed(), Occasion::Raised)]
#[case::clock("clock", clock(), Occasion::Repeated)]
#[case::resolved("resolved", paid(), Occasion::Resolved)]
#[case::flapping("flapping", comes_and_goes(), Occasion::Flapping)]
fn an_alert_says_what_when_and_what_to_do(
    #[case] name: &str,
    #[case] alert: Alert,
    #[case] occasion: Occasion,
) {
    assert_mail(name, &mail(alert, occasion));
}

#[test]
fn strangers_words_are_escaped_in_html_and_not_in_text() {
    let mail = mail(lapsed(), Occasion::Raised);
    assert!(mail.html.contains("&lt;who&gt;") && !mail.html.contains("<who>"));
    assert!(mail.text.contains("<who>"));
}

#[test]
fn a_subject_says_the_account_and_is_one_line_whatever_the_title() {
    let titled = |title: &str| {
        mail(Alert { title: title.into(), deadline: None, ..needs_operator() }, Occasion::Raised).subject
    };
    assert_eq!(
        titled("Payment p-1 needs your decision"),
        "[renewd URGENT] yp: Payment p-1 needs your decision"
    );
    assert_eq!(titled("Account yp: p-1 waits"), "[renewd URGENT] Account yp: p-1 waits");
    assert_eq!(titled("yp\r\nBcc: x"), "[renewd URGENT] yp Bcc: x");
}

fn account(name: &str) -> AccountName {
    AccountName::from(name)
}

fn standings() -> Vec<Standing> {
    vec![
        Standing {
            account: account("yp"),
            balance: Some("3.00 USD".to_owned()),
            leases: 240,
            runway: "covers until 2026-12-03, 84.20 USD short".to_owned(),
            trouble: None,
        },
        Standing {
            account: account("yp-scrapers"),
            balance: Some("412.00 USD".to_owned()),
            leases: 31,
            runway: "covers what falls due".to_owned(),
            trouble: Some("cannot be read now".to_owned()),
        },
    ]
}

fn unsettled() -> Vec<Unsettled> {
    vec![
        Unsettled {
            id: "p-000042".into(),
            state: "needs_operator",
            account: account("yp"),
            amount: "2.65 USD".into(),
        },
        Unsettled {
            id: "p-000057".into(),
            state: "unknown",
            account: account("yp-scrapers"),
            amount: "5.30 USD".into(),
        },
    ]
}

fn busy_digest() -> Digest {
    let money = |text: &str| text.parse::<Money>().unwrap();
    let usd = Currency::from("USD");
    let spent = |name: &str, leases, amount: &str, unsettled: &str| Spent {
        account: account(name),
        currency: usd.clone(),
        payments: leases,
        leases,
        amount: money(amount),
        unsettled: money(unsettled),
    };
    let ahead = |day: i8, name: &str, leases, amount: Option<&str>, unpriced| Ahead {
        day: jiff::civil::date(2026, 12, day),
        account: account(name),
        leases,
        amount: amount.map(money),
        currency: Some(usd.clone()),
        unpriced,
    };
    let open = |key: &str, severity, title: &str| Open {
        key: key.to_owned(),
        severity,
        since: at("2026-11-25T21:10:00Z"),
        title: title.to_owned(),
    };
    Digest {
        since: at("2026-11-19T07:00:00Z"),
        until: start(),
        last_cycle: "attention, 4m ago: 2 paid, 3 held, 1 unknown".to_owned(),
        next_cycle: Some(at("2026-11-26T04:10:00Z")),
        spent: vec![spent("yp", 31, "82.15", "0.00"), spent("yp-scrapers", 1, "2.65", "5.30")],
        ahead: vec![
            ahead(1, "yp", 12, Some("31.80"), 0),
            ahead(3, "yp", 2, Some("5.30"), 1),
            ahead(3, "yp-scrapers", 4, None, 4),
        ],
        days: 14,
        leaving: 2,
        standings: standings(),
        open: vec![
            open("needs_operator:yp:1234567", Severity::Urgent, "yp: Payment p-000042 needs your decision"),
            open(
                "short_funds:yp",
                Severity::Warning,
                "Top up 84.20 USD at yp: 3 leases are due but not covered",
            ),
        ],
        unsettled: unsettled(),
        silences: vec!["price_cap:yp until Fri 27 Nov 2026 09:00".to_owned()],
        chain: Some(ChainHead { rows: 412, hash: [0x3f; 32] }),
        held_back: vec!["short_funds:yp: 7 more mails on Wed 25 Nov".to_owned()],
    }
}

fn quiet_digest() -> Digest {
    Digest {
        spent: Vec::new(),
        ahead: Vec::new(),
        leaving: 0,
        open: Vec::new(),
        unsettled: Vec::new(),
        silences: Vec::new(),
        chain: None,
        held_back: Vec::new(),
        ..busy_digest()
    }
}

#[rstest]
#[case::busy("digest_busy", busy_digest())]
#[case::quiet("digest_quiet", quiet_digest())]
fn a_digest_shows_the_week_on_one_page(#[case] name: &str, #[case] digest: Digest) {
    let office = office();
    let mail = digest::render(&office.viewer.settings.alerts, &letterhead(&office), &digest).remove(0);
    assert_mail(name, &mail);
}

/// Keeps what it is given.
#[derive(Default)]
struct Kept(Mutex<Vec<QueuedMail>>);

#[async_trait::async_trait]
impl Courier for Kept {
    fn channel(&self) -> Channel {
        Channel::Mail
    }

    async fn send(&self, mail: &QueuedMail, _: Timestamp, _: Timestamp) -> Result<(), SendError> {
        self.0.lock().unwrap().push(mail.clone());
        Ok(())
    }
}

#[tokio::test]
async fn a_summary_lists_what_came_and_went() {
    let office = tokio::task::spawn_blocking(office).await.unwrap();
    office.fire(&[alert("price_jump", Severity::Warning), alert("account_down", Severity::Urgent)]);
    office.pass(2 * HOUR);
    office.fire(&[]);
    let kept = Kept::default();
    let v = &office.viewer;
    let head = || letterhead(&office);
    let done = pump(v.ledger.as_ref(), &kept, v.clock.as_ref(), Attempt::Due, &head).await.unwrap();
    assert_eq!((done.delivered, done.left), (1, 0));
    assert_mail("summary", &kept.0.lock().unwrap()[0]);
    tokio::task::spawn_blocking(move || drop(office)).await.unwrap();
}

#[test]
fn the_stage_of_a_lease_stands_beside_it() {
    let alert = short_funds();
    let rows = alert.rows.iter().map(|r| AlertRow { stage: Some("urgent"), ..r.clone() }).collect();
    let mail = mail(Alert { rows, ..alert.clone() }, Occasion::Raised);
    let what = &alert.rows[0].what;
    assert!(mail.text.lines().any(|l| l.starts_with(what) && l.contains("  urgent  ")), "{}", mail.text);
    assert!(mail.html.contains(&format!("<strong>{what}</strong> · urgent")), "{}", mail.html);
}
