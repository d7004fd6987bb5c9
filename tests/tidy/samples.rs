//! Bad samples: each rule is shown to fail where it should, and to hold its peace where it should.
use std::path::Path;

use super::arrows::{check, check_calls, check_floats, check_names};
use super::paths::Source;
use super::text::{check_links, check_shape, check_words};

fn source(name: &str, text: &str) -> Source {
    Source::read(name, text)
}

/// How many arrows this text breaks.
fn broken(name: &str, text: &str) -> usize {
    check(&source(name, text)).len()
}

#[test]
fn an_arrow_that_points_up_is_found_however_it_is_written() {
    for text in [
        "use crate::engine::Payer;",
        "use crate::{domain::Money, engine::{Payer, Viewer as V}};",
        "use super::super::engine::Payer;",
        "use super::{super::engine};",
        "fn f() -> crate::engine::Payer { todo() }",
        "fn f() { g(&[vec![crate::engine::X]]) }",
        "fn f() { assert!(crate::engine::ready()); }",
        "mod inner { use super::super::super::engine::Payer; }",
        "#[derive(Debug)] pub(crate) struct A(crate::r#engine::P);",
    ] {
        assert!(broken("crates/core/src/policy/rule.rs", text) > 0, "{text}");
    }
}

#[test]
fn comments_strings_and_tests_break_no_arrow() {
    for text in [
        "//! see crate::engine::Payer\n/// and [`crate::engine`]\nfn f() { g(\"crate::engine::Payer\") }",
        "#[cfg(test)]\nmod tests { use crate::engine::Payer; use tokio::time; }",
        "#[cfg(test)]\nuse crate::engine::Payer;\nuse crate::domain::Money;",
        "use super::rule::Policy; use self::x::Y;",
        "mod engine_room; use crate::domain::engine_like;",
    ] {
        assert_eq!(broken("crates/core/src/policy/rule.rs", text), 0, "{text}");
    }
    assert_eq!(broken("src/providers/youproxy/map_tests.rs", "use crate::settings::Settings;"), 0);
}

#[test]
fn code_after_a_test_item_is_still_seen() {
    let text = "#[cfg(test)]\nmod tests;\n#[cfg(test)]\nfn t() {}\nuse crate::engine::Payer;";
    assert_eq!(broken("crates/core/src/policy/rule.rs", text), 1);
}

#[test]
fn the_core_stays_pure() {
    for text in [
        "use std::fs;",
        "use std::{fmt, fs::File};",
        "use std::net::TcpStream;",
        "async fn f() { tokio::time::sleep(d).await }",
        "fn f() { tracing::info!(\"x\") }",
        "use crate::clock::Clock;",
        "use rusqlite::Connection;",
    ] {
        for file in [
            "crates/core/src/domain/money.rs",
            "crates/core/src/planner/mod.rs",
            "crates/core/src/evidence/renewal.rs",
            "crates/core/src/redact.rs",
        ] {
            assert_eq!(broken(file, text), 1, "{file}: {text}");
        }
        assert_eq!(broken("src/daemon/run.rs", text), 0, "{text}");
    }
    assert_eq!(
        broken("crates/core/src/domain/ids.rs", "use std::net::IpAddr; use std::collections::BTreeMap;"),
        0
    );
}

#[test]
fn adapters_keep_apart_but_for_their_ports() {
    for (file, text, breaches) in [
        ("src/providers/youproxy/spend.rs", "use crate::ledger::SpendPermit;", 0),
        ("src/providers/youproxy/spend.rs", "use crate::ledger::{Ledger, SpendPermit};", 1),
        ("src/providers/youproxy/spend.rs", "use crate::settings::Account;", 1),
        ("src/providers/wiring.rs", "use crate::settings::Account;", 0),
        ("src/providers/wiring.rs", "use crate::ledger::Ledger;", 1),
        ("src/notify/outbox.rs", "use crate::ledger::{Ledger, OutboxMail}; use crate::settings::Email;", 0),
        ("src/notify/outbox.rs", "use crate::ledger::sqlite::Sqlite;", 1),
        ("src/http/mod.rs", "use crate::ledger::Ledger;", 1),
        ("crates/simulator/src/server.rs", "use renewd::providers::youproxy::wire::Reply;", 1),
        ("src/settings/mod.rs", "use crate::planner::Guard;", 0),
        ("src/ledger/sqlite/mod.rs", "use crate::daemon::logging;", 1),
        ("src/engine/mod.rs", "use crate::ledger::Ledger; use crate::providers::Reader;", 0),
        ("src/engine/mod.rs", "use crate::cli::output;", 1),
        ("src/engine/cycle.rs", "use crate::alerts::rules;", 1),
        ("src/alerts/tell.rs", "use crate::engine::CycleReport; use crate::views::Plan;", 0),
        ("src/alerts/tell.rs", "use crate::daemon::run::Daemon;", 1),
        ("src/views/plan.rs", "use crate::daemon::run::Daemon;", 1),
        ("crates/core/src/domain/lease.rs", "use crate::policy::Policy;", 1),
        ("crates/core/src/policy/rule.rs", "use crate::planner::Guard;", 1),
        ("crates/core/src/alerting.rs", "use crate::record::{AlertChange, OpenAlert};", 0),
        ("crates/core/src/alerting.rs", "use crate::ledger::{Ledger, OpenAlert};", 2),
        ("crates/core/src/evidence/renewal.rs", "use crate::ledger::OpenAlert;", 1),
        ("crates/core/src/record/payment.rs", "use crate::ledger::Ledger;", 1),
        ("crates/core/src/domain/lease.rs", "use crate::record::Purpose;", 1),
        ("src/providers/wiring.rs", "use renewd_core::record::LastLook; use renewd_simulator::Fault;", 1),
        ("src/ledger/mod.rs", "use renewd_simulator::Fault;", 1),
        ("crates/simulator/src/server.rs", "use crate::{ledger, site}; use renewd_core::domain::Money;", 0),
    ] {
        assert_eq!(broken(file, text), breaches, "{file}: {text}");
    }
}

#[test]
fn a_second_reader_of_the_clock_and_a_hidden_exit_are_found() {
    for text in [
        "fn f() { let t = std::time::Instant::now(); }",
        "fn f() { tokio::time::Instant::now(); }",
        "fn f() { Timestamp::now() }",
        "fn f() { std::process::exit(2) }",
        "use std::process; fn f() { process::abort() }",
    ] {
        assert_eq!(check_calls(&source("src/engine/mod.rs", text)).len(), 1, "{text}");
    }
    assert!(check_calls(&source("src/clock.rs", "fn f() { Timestamp::now() }")).is_empty());
    assert!(check_calls(&source("src/engine/mod.rs", "fn f(c: &dyn Clock) { c.now() }")).is_empty());
    assert_eq!(check_calls(&source("src/clock.rs", "fn f() { std::process::exit(1) }")).len(), 1);
}

#[test]
fn a_float_near_money_is_found() {
    assert_eq!(
        check_floats(&source("crates/core/src/record/payment.rs", "struct A { cost: Option<f64> }")).len(),
        1
    );
    assert_eq!(check_floats(&source("crates/core/src/budget.rs", "fn f(x: u8) { x as f32 }")).len(), 1);
    assert!(check_floats(&source("src/http/metrics.rs", "fn f(x: f64) {}")).is_empty());
}

#[test]
fn a_provider_named_away_from_home_is_found() {
    for (file, text, breaches) in [
        ("src/engine/pay/lane.rs", "use crate::providers::youproxy;", 1),
        ("src/cli/plan.rs", "struct YouProxyRow;", 1),
        ("src/cli/plan.rs", "fn f() { g(\"YouProxy\") }", 1),
        ("src/cli/plan.rs", "const A: &str = r#\"https://user-api.proxyshard.com\"#;", 1),
        ("src/cli/plan.rs", "#[error(\"ask ProxyShard\")] struct A;", 1),
        ("src/cli/plan.rs", "/// As youproxy has it.\nfn f() {} // ProxyShard", 0),
        ("src/cli/plan.rs", "#[cfg(test)]\nmod tests { fn f() { g(\"youproxy\") } }", 0),
        ("crates/core/src/planner/gate.rs", "use crate::providers::proxyshard;", 1),
        ("src/providers/youproxy/mod.rs", "struct YouProxy; const A: &str = \"youproxy\";", 0),
        ("src/providers/youproxy/mod.rs", "use super::proxyshard;", 1),
        ("src/providers/proxyshard/mod.rs", "fn f() { g(\"youproxy\") }", 1),
        ("src/providers/http/mod.rs", "const A: &str = \"ProxyShard\";", 1),
        ("src/engine/pay/told_ends.rs", "const A: &str = \"px6\";", 1),
        ("src/providers/px6/mod.rs", "const A: &str = \"px6\";", 0),
        ("src/providers/wiring.rs", "use super::youproxy::YouProxy;", 0),
        ("src/settings/values.rs", "const A: &str = \"proxyshard\";", 0),
        ("src/settings/cross.rs", "const A: &str = \"proxyshard\";", 1),
        ("crates/simulator/src/server.rs", "fn proxyshard() {}", 0),
        ("src/engine/pay/lane.rs", "use crate::ledger::sqlite::open;", 1),
        ("src/engine/pay/lane.rs", "fn email() {}", 1),
        ("src/engine/pay/lane.rs", "fn f() { g(\"email\") }", 0),
        ("src/wiring.rs", "use crate::ledger::sqlite::open;", 0),
    ] {
        assert_eq!(check_names(&source(file, text)).len(), breaches, "{file}: {text}");
    }
}

#[test]
fn a_file_without_an_opening_or_an_end_is_found() {
    let long = "//! Too long by half.\n".to_owned() + &"fn f() {}\n".repeat(401);
    assert_eq!(check_shape(&source("src/a.rs", &long)).len(), 1);
    assert_eq!(check_shape(&source("src/a.rs", "fn f() {}\n")).len(), 1);
    assert_eq!(check_shape(&source("src/a.rs", "//!\nfn f() {}\n")).len(), 1);
    let tests = "//! Short, with long tests.\n#[cfg(test)]\nmod tests {\n".to_owned()
        + &"fn f() {}\n".repeat(600)
        + "}\n";
    assert!(check_shape(&source("src/a.rs", &tests)).is_empty());
    assert_eq!(source("src/a.rs", &tests).code_lines, 1);
}

#[test]
fn words_that_promise_later_work_are_found_as_words() {
    let word = ["TO", "DO"].concat();
    assert_eq!(check_words("a.rs", &format!("fine\n// {word}: later")).len(), 1);
    assert_eq!(check_words("a.rs", &format!("{word}S and my{word}")).len(), 0);
    assert_eq!(check_words("a.md", &["see /wo", "rk/x"].concat()).len(), 1);
    assert_eq!(check_words("a.md", "stubborn").len(), 0);
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let exists = |p: &Path| p == Path::new("README.md") || p == Path::new("docs/a.md");
    let text = "[a](a.md#x) [web](https://example.org/x) [here](#there)";
    assert!(check_links("docs/b.md", text, exists).is_empty());
    assert!(check_links("CHANGELOG.md", "[r](README.md)", exists).is_empty());
    assert_eq!(check_links("docs/b.md", "[out](../README.md)", exists).len(), 1);
    assert_eq!(check_links("docs/b.md", "[gone](gone.md) and [up](../docs/none.md)", exists).len(), 2);
}
