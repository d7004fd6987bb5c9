//! What is fuzzed and what is claimed of it: one function per target, over any bytes. A broken claim is a panic.
//!
//! The same functions run under libFuzzer (`fuzz_targets/`) and in `tests/library/corpus.rs`. Not responsible for making bytes.
#![allow(
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    reason = "a panic is a finding, and each binary uses its own part"
)]

mod free;
mod paid;
mod program;
mod texts;

pub use free::{
    proxyseller_list, proxyseller_log, proxyseller_quote, proxyshard_order, proxyshard_page,
    proxyshard_products, px6_page, youproxy_balance, youproxy_list, youproxy_quote,
};
pub use paid::{proxyseller_pay, proxyshard_renewal, px6_prolong, youproxy_pay};
pub use program::{exec_extend, exec_list, exec_quote};
pub use texts::{config, cron, dates, money, order_file, plan_file};

use renewd::providers::Words;
use renewd::redact::Redactor;
use secrecy::SecretString;

pub type Target = fn(&[u8]);

/// By name, as in `corpus/`.
pub const ALL: [(&str, Target); 23] = [
    ("youproxy_list", youproxy_list),
    ("youproxy_quote", youproxy_quote),
    ("youproxy_pay", youproxy_pay),
    ("youproxy_balance", youproxy_balance),
    ("proxyshard_page", proxyshard_page),
    ("proxyshard_order", proxyshard_order),
    ("proxyshard_renewal", proxyshard_renewal),
    ("proxyshard_products", proxyshard_products),
    ("proxyseller_list", proxyseller_list),
    ("proxyseller_quote", proxyseller_quote),
    ("proxyseller_pay", proxyseller_pay),
    ("proxyseller_log", proxyseller_log),
    ("px6_page", px6_page),
    ("px6_prolong", px6_prolong),
    ("exec_list", exec_list),
    ("exec_quote", exec_quote),
    ("exec_extend", exec_extend),
    ("config", config),
    ("money", money),
    ("dates", dates),
    ("cron", cron),
    ("plan_file", plan_file),
    ("order_file", order_file),
];

/// The key that no text may show.
pub const KEY: &str = "fuzz-key-4711-of-nobody";

pub fn words() -> Words {
    Words::new(Redactor::default(), &SecretString::from(KEY))
}

/// No text that is kept shows the key, whatever the provider echoed, in whatever letter case.
pub fn clean(text: &str) {
    assert!(!text.to_ascii_lowercase().contains(KEY), "the key is shown: {text}");
}

/// A JSON object that was cut anywhere is no answer: shown by its last byte, blanks aside.
pub fn cut(body: &[u8]) -> &[u8] {
    let whole = body.trim_ascii_end();
    &whole[..whole.len().saturating_sub(1)]
}
