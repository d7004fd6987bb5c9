//! The key appears in no error, no inventory, no verdict and no log line, however the provider spells it where it repeats it; nor do the
//! logins of what is rented.
use renewd::providers::px6::reply;
use renewd::providers::{Purpose, Words};
use renewd::redact::Redactor;
use secrecy::SecretString;

use crate::log::logged;
use crate::px6::bench::{KEY, purchase, renewal, serve};

/// The key as given, in another letter case, and encoded in either.
fn spellings() -> [String; 4] {
    [KEY.to_owned(), KEY.to_lowercase(), KEY.to_uppercase(), KEY.replace('~', "%7e")]
}

/// Answers that repeat the key in every place that is kept.
fn parrot(key: &str) -> Vec<(u16, String)> {
    let row = format!(
        r#"{{"id":"11","ip":"{key}","user":"login-of-11","pass":"pass-of-11","country":"{key}","descr":"d {key}","version":"{key}","active":"{key}","unixtime_end":"{key}"}}"#
    );
    let good = format!(
        r#"{{"status":"yes","user_id":"{key}","balance":"1.00","currency":"USD","list_count":1,"list":{{"11":{row}}},"price":1,"count":2,"period":30}}"#
    );
    let refusal = |code: &str| format!(r#"{{"status":"no","error_id":{code},"error":"Error key {key}"}}"#);
    vec![
        (200, good),
        (200, refusal("100")),
        (200, refusal("30")),
        (200, refusal(&format!("\"{key}\""))),
        (200, format!(r#"{{"status":"yes","{key}":1,"{key}":2}}"#)),
        (200, format!(r#"{{"status":"yes","balance":"{key}","currency":"{key}"}}"#)),
        (500, format!("<html>{key}")),
        (200, key.to_owned()),
    ]
}

fn leaks(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains("very-secret") || text.contains("login-of") || text.contains("pass-of")
}

#[test]
fn the_key_is_in_no_error_and_no_log() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let log = logged(|| {
        for answer in spellings().iter().flat_map(|key| parrot(key)) {
            let shown = runtime.block_on(async move {
                let b = serve(move |_| answer.clone()).await;
                let r = &b.reader;
                format!(
                    "{:?} {:?} {:?} {:?} {:?}",
                    r.inventory(Purpose::Routine).await,
                    r.balance(Purpose::Routine).await,
                    r.quote(&renewal()).await,
                    r.quote_purchase(&purchase()).await,
                    r.catalogue().await,
                )
            });
            assert!(!leaks(&shown), "{shown}");
        }
    });
    assert!(log.contains("a call to the provider failed"), "the log was not caught");
    assert!(!leaks(&log), "the key is in the log");
}

#[test]
fn the_key_is_in_no_verdict() {
    let words = Words::new(Redactor::default(), &SecretString::from(KEY));
    for (status, body) in spellings().iter().flat_map(|key| parrot(key)) {
        let shown = format!(
            "{:?} {:?}",
            reply::judge(&renewal(), status, body.as_bytes(), &words),
            reply::judge_purchase(&purchase(), status, body.as_bytes(), &words)
        );
        assert!(!leaks(&shown), "{shown}");
    }
}
