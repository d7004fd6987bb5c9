//! Everything wrong at once, as an operator sees it.
use crate::settings::{Desk, LEAST};

#[test]
fn a_terrible_config_is_told_whole_in_one_go() {
    let mut desk = Desk::new();
    desk.secret("open.key", "key-of-open-1234", 0o644);
    desk.secret("empty.key", "\n", 0o600);
    desk.config("1.toml", include_str!("terrible-1.toml"));
    desk.config("2.toml", include_str!("terrible-2.toml"));
    desk.config("3-broken.toml", "[timing\nlag_window = \"15m\"\n[http]\nlisten = 'x\n");
    desk.sources.files.push(desk.path().join("4-missing.toml"));
    desk.env("RENEWD__TIMING__LAG_WINDOWS", "15m")
        .env("RENEWD__TIMING__SETTLE_READS", "three")
        .env("RENEWD__GUARD__MAX_FLEET_SHARE", "0%")
        .env("RENEWD__ALERTS__EMAIL__TO", "a@example.org")
        .env("RENEWD__ACCOUNT__0__NAME", "x")
        .env("RENEWD_LOG", "debug");
    insta::assert_snapshot!(desk.told());
}

#[test]
fn names_that_nobody_has_are_told_where_they_are_used() {
    let mut desk = Desk::with(LEAST);
    desk.secret("same.key", "key-of-yp-1234", 0o600);
    desk.config("more.toml", include_str!("dangling.toml"));
    insta::assert_snapshot!(desk.told());
}

#[test]
fn nothing_at_all_says_what_is_needed() {
    insta::assert_snapshot!(Desk::with("").told());
    assert!(Desk::new().told().contains("there is no config file: name one with --config"));
}
