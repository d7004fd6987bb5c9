//! The key is a part of every path, and answers repeat it, also in lower case and with percent signs: nothing that is kept shows it.
use renewd::providers::proxyseller::reply;
use renewd::providers::{Purpose, Words};
use renewd::redact::Redactor;
use secrecy::SecretString;

use super::{BALANCE, KEY, bench, list, read, record, request};

fn shows(text: &str) -> bool {
    text.to_lowercase().contains("very-secret")
}

/// As given, in lower and in upper case, within a path.
fn spellings() -> Vec<String> {
    [KEY.to_owned(), KEY.to_lowercase(), KEY.to_uppercase()]
        .map(|key| format!("no handler for /personal/api/v2/{key}/x"))
        .into()
}

#[tokio::test]
async fn no_error_of_a_read_shows_the_key() {
    for said in spellings() {
        for (status, body) in [
            (200, format!(r#"{{"status":"error","data":null,"errors":[{{"code":1,"message":"{said}"}}]}}"#)),
            (200, format!(r#"{{"status":"success","data":{{"{said}":1,"{said}":2}},"errors":[]}}"#)),
            (200, format!(r#"{{"{said}":1,"{said}":2}}"#)),
            (200, said.clone()),
            (404, format!(r#"{{"status":404,"error":"Not Found","path":"{said}"}}"#)),
            (500, format!("<html>{said}</html>")),
        ] {
            let b = bench(&[(status, body.as_str()); 3]).await;
            let error = b.reader.inventory(Purpose::Routine).await.unwrap_err().to_string();
            assert!(!shows(&error), "{error}");
            let b = read().await;
            (0..3).for_each(|_| b.then(status, &body));
            let error = b.reader.quote(&request("IPv4")).await.unwrap_err().to_string();
            assert!(!shows(&error), "{error}");
        }
    }
}

#[tokio::test]
async fn no_warning_and_no_lease_shows_the_key() {
    for said in spellings() {
        let b = read().await;
        let quote = format!(
            r#"{{"status":"error","data":{{"warning":"{said}","balance":1,"total":2}},"errors":[]}}"#
        );
        b.then(200, &quote);
        let quote = b.reader.quote(&request("IPv4")).await.unwrap();
        assert!(!shows(&format!("{quote:?}")), "{quote:?}");
        let odd = record(1, "64af01").replace("ACTIVE", &said);
        let b = bench(&[(200, &list(&[odd])), (200, BALANCE)]).await;
        let inventory = b.reader.inventory(Purpose::Routine).await.unwrap();
        assert!(!shows(&format!("{inventory:?}")), "{inventory:?}");
    }
}

#[test]
fn a_key_that_a_url_spells_otherwise_is_hidden_in_that_spelling_too() {
    let words = Words::new(Redactor::default(), &SecretString::from("Ab/Cd 12+very-secret"));
    for path in [
        "Ab%2FCd%2012+very-secret",
        "ab%2fcd%2012+very-secret",
        "ab%2fcd%2012%2bvery-secret",
        "AB/CD 12+VERY-SECRET",
    ] {
        let body =
            format!(r#"{{"status":"error","data":null,"errors":[{{"code":57,"message":"at {path}"}}]}}"#);
        let reply = format!("{:?}", reply::judge(200, body.as_bytes(), &words));
        assert!(!shows(&reply), "{path}: {reply}");
    }
}
