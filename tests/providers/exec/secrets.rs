//! A key that a program prints, in whatever form, is kept nowhere.
use renewd::providers::{PaymentReply, Purpose};

use super::bench::{Bench, KEY};

fn is_clean(text: &str) {
    let lower = text.to_lowercase();
    for form in ["sk~very", "secret 77", "sk~very%2fsecret%2077", "very%2fsecret", "secret+77"] {
        assert!(!lower.contains(form), "{text}");
    }
    // Of "Sk~very/secret 77" in base64.
    assert!(!lower.contains(&"U2t+dmVyeS9zZWNyZXQgNz".to_lowercase()), "{text}");
}

#[tokio::test]
async fn a_program_that_prints_its_key_leaves_no_trace_of_it_in_errors() {
    let b = Bench::new();
    let forms = [
        KEY.to_owned(),
        KEY.to_uppercase(),
        "Sk~very%2Fsecret%2077".to_owned(),
        "sk~very%2fsecret+77".to_owned(),
        "U2t+dmVyeS9zZWNyZXQgNzc=".to_owned(),
    ];
    let reader = b.reader();
    for form in &forms {
        b.on("balance", &format!("say '\"error\":{{\"kind\":\"bug\",\"text\":\"at {form} end\"}}'; exit 1"));
        let said = reader.balance(Purpose::Money).await.unwrap_err().to_string();
        is_clean(&said);
        assert!(said.contains("[redacted]"), "{said}");
    }
    for form in &forms {
        let b = Bench::new();
        b.on("extend", &format!("say '\"outcome\":\"{form}\"'"));
        let PaymentReply::Unknown { message, .. } = b.pay().await else { panic!("not unknown") };
        is_clean(&message);
    }
}

#[tokio::test]
async fn the_key_is_in_no_argument_and_only_then_in_the_environment_when_the_config_says_so() {
    let mut b = Bench::new();
    let look = "tr '\\0' '\\n' < /proc/$$/cmdline > \"$here/argv\"; env > \"$here/env\"; say '\"balance\":\"1.00\",\"currency\":\"USD\"'";
    b.on("balance", look);
    b.reader().balance(Purpose::Money).await.unwrap();
    let read = |b: &Bench, name: &str| std::fs::read_to_string(b.path(name)).unwrap();
    assert!(!read(&b, "argv").contains(KEY) && !read(&b, "env").contains(KEY));
    assert_eq!(b.input("balance")["secret"]["api_key"], KEY);
    b.secret_env = Some("MY_KEY");
    b.reader().balance(Purpose::Money).await.unwrap();
    assert!(read(&b, "env").contains(&format!("MY_KEY={KEY}")));
    assert!(b.input("balance").get("secret").is_none());
}
