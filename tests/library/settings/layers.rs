//! Which layer wins, and what appends.
use jiff::SignedDuration;
use renewd::settings::Tls;
use rstest::rstest;

use crate::settings::{Desk, LEAST};

#[test]
fn the_least_config_gets_the_documented_defaults() {
    let s = Desk::with(LEAST).settings();
    assert_eq!((s.state_dir.to_str(), s.timezone_name.as_str()), (Some("/var/lib/renewd"), "UTC"));
    assert_eq!((s.schedule.cycle.as_str(), s.schedule.report.as_str()), ("0 */10 * * * *", "0 0 8 * * Mon"));
    assert_eq!(s.schedule.jitter, SignedDuration::from_secs(60));
    assert_eq!(s.timing.read_timeout, SignedDuration::from_secs(30));
    assert_eq!(s.timing.money_timeout, SignedDuration::from_secs(120));
    assert_eq!(s.timing.lag_window, SignedDuration::from_mins(15));
    assert_eq!(s.timing.settle_reads, 3);
    assert_eq!(s.guard.max_payments_per_cycle, 200);
    assert_eq!(
        (s.guard.max_fleet_share.to_string(), s.guard.hold_on_shrink.to_string()),
        ("50%".into(), "30%".into())
    );
    let account = &s.accounts[0];
    assert_eq!((account.max_requests_per_minute, account.batch), (60, 20));
    assert_eq!(
        (account.keep_balance.to_string().as_str(), account.base_url.as_str()),
        ("0.00", "https://youproxy.io/")
    );
    let policy = &s.policies[0];
    assert_eq!(policy.before, renewd::policy::Before::Span(SignedDuration::from_hours(72)));
    assert_eq!((policy.urgent, policy.periods.as_slice()), (SignedDuration::from_hours(12), [30].as_slice()));
    assert_eq!((policy.promo_required, policy.priority), (false, 0));
    assert_eq!(policy.on_short_funds, renewd::policy::OnShortFunds::Partial);
    assert_eq!(policy.on_unknown, renewd::policy::OnUnknown::Hold);
    assert_eq!(
        (s.alerts.runway, s.alerts.repeat),
        (SignedDuration::from_hours(336), SignedDuration::from_hours(24))
    );
    assert_eq!(s.alerts.max_mails_per_day, 6);
    assert!(s.alerts.email.is_none() && s.alerts.heartbeat.is_none() && s.alerts.routes.is_empty());
    assert_eq!(s.http.listen.map(|a| a.to_string()).as_deref(), Some("127.0.0.1:9787"));
    assert!(s.http.token.is_none() && s.budgets.is_empty());
}

#[test]
fn of_scalars_the_later_file_wins_and_the_environment_comes_last() {
    let mut desk = Desk::with(&format!(
        "timezone = \"Europe/Berlin\"\n[timing]\nlag_window = \"10m\"\nsettle_reads = 5\n{LEAST}"
    ));
    desk.config("b.toml", "[timing]\nlag_window = \"20m\"\nread_timeout = \"10s\"\n");
    desk.env("RENEWD__TIMING__READ_TIMEOUT", "11s").env("RENEWD__STATE_DIR", "/srv/renewd");
    desk.env("RENEWD__GUARD__MAX_PAYMENTS_PER_CYCLE", "7").env("RENEWD__HTTP__LISTEN", "");
    let s = desk.settings();
    assert_eq!(s.timezone_name, "Europe/Berlin");
    assert_eq!(s.timing.lag_window, SignedDuration::from_mins(20));
    assert_eq!(s.timing.settle_reads, 5);
    assert_eq!(s.timing.read_timeout, SignedDuration::from_secs(11));
    assert_eq!(s.state_dir.to_str(), Some("/srv/renewd"));
    assert_eq!(s.guard.max_payments_per_cycle, 7);
    assert!(s.http.listen.is_none());
}

#[test]
fn tables_append_in_file_order() {
    let mut desk = Desk::with(LEAST);
    desk.secret("b.key", "key-of-b-1234", 0o600);
    desk.config(
        "b.toml",
        "[[account]]\nname = \"b\"\nprovider = \"youproxy\"\napi_key = { file = \"b.key\" }\n[[policy]]\nname = \"rest\"\naction = \"watch\"\n",
    );
    let s = desk.settings();
    let names: Vec<&str> = s.accounts.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["yp", "b"]);
    assert_eq!(s.policies.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["all", "rest"]);
}

#[test]
fn a_name_repeated_in_another_file_names_both_places() {
    let mut desk = Desk::with(LEAST);
    desk.config("b.toml", "[[policy]]\naction = \"watch\"\nname = \"ALL\"\n");
    let told = desk.told();
    assert!(
        told.starts_with(
            "b.toml:3: policy[1].name: `ALL` is also the name of the policy in renewd.toml line 7"
        ),
        "{told}"
    );
}

#[test]
fn lists_and_secrets_of_a_section_are_replaced_whole() {
    let email = "[alerts.email]\nhost = \"localhost\"\ntls = \"none\"\nfrom = \"a@example.org\"\nto = [\"a@example.org\", \"b@example.org\"]\nusername = \"u\"\npassword = { env = \"GONE\" }\n";
    let mut desk = Desk::with(&format!("{LEAST}{email}"));
    desk.config("b.toml", "[alerts.email]\nto = [\"c@example.org\"]\npassword = { file = \"yp.key\" }\n");
    let found = desk.settings().alerts.email.unwrap();
    assert_eq!(found.to, ["c@example.org"]);
    assert_eq!((found.tls, found.port, found.host.as_str()), (Tls::None, 25, "localhost"));
}

#[rstest]
#[case("starttls", 587)]
#[case("implicit", 465)]
fn the_port_follows_tls_unless_given(#[case] tls: &str, #[case] port: u16) {
    let config = format!(
        "{LEAST}[alerts.email]\nhost = \"m.example.org\"\ntls = \"{tls}\"\nfrom = \"a@example.org\"\nto = [\"a@example.org\"]\n"
    );
    assert_eq!(Desk::with(&config).settings().alerts.email.unwrap().port, port);
    let given = Desk::with(&format!("{config}port = 2525\n")).settings();
    assert_eq!(given.alerts.email.unwrap().port, 2525);
}

#[test]
fn a_wrong_value_is_told_even_where_a_later_layer_overrides_it() {
    let mut desk = Desk::with(&format!("[timing]\nlag_window = \"soon\"\n{LEAST}"));
    desk.env("RENEWD__TIMING__LAG_WINDOW", "15m");
    assert!(desk.told().starts_with("renewd.toml:2: timing.lag_window: `soon` is not a duration"));
}

#[rstest]
#[case(
    "RENEWD__TIMING__LAG_WINDOW",
    "15",
    "environment:-: timing.lag_window: RENEWD__TIMING__LAG_WINDOW: `15` is not a duration"
)]
#[case("RENEWD__TIMING__SETTLE_READS", "3.7", "this is text")]
#[case("RENEWD__TIMING__SETTLE_READS", "0", "from 1 to 100")]
#[case("RENEWD__TIMING__LAGWINDOW", "15m", "did you mean RENEWD__TIMING__LAG_WINDOW?")]
#[case("RENEWD__timing__lag_window", "15m", "did you mean RENEWD__TIMING__LAG_WINDOW?")]
#[case("RENEWD__NONSENSE", "1", "names no key")]
#[case("RENEWD__ALERTS__EMAIL__TO", "a@example.org", "cannot override a list or a secret")]
#[case("RENEWD__ALERTS__EMAIL__PASSWORD", "hunter2", "cannot override a list or a secret")]
#[case("RENEWD__POLICY__1__ACTION", "watch", "scalars only")]
#[case("RENEWD__ALERTS__EMAIL__PORT", "25", "is missing")]
fn a_wrong_override_is_told(#[case] name: &str, #[case] text: &str, #[case] part: &str) {
    let mut desk = Desk::with(LEAST);
    desk.env(name, text);
    let told = desk.told();
    assert!(told.contains(part) && !told.contains("hunter2"), "{told}");
}

#[test]
fn other_variables_are_none_of_our_business() {
    let mut desk = Desk::with(LEAST);
    desk.env("RENEWD_LOG", "debug").env("PATH", "/bin");
    desk.settings();
}

#[test]
fn a_broken_file_hides_no_problem_of_the_others_and_invents_none() {
    let mut desk = Desk::with(
        "[timing]\nlag_window = \"soon\"\n[[budget]]\nname = \"b\"\naccount = [\"yp\"]\nper = \"day\"\nlimit = \"1\"\ncurrency = \"USD\"\n",
    );
    desk.config("b.toml", "[[account]\nname = \"yp\"\n");
    let told = desk.told();
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].starts_with("renewd.toml:2: timing.lag_window"), "{told}");
    assert!(lines[1..].iter().all(|l| l.starts_with("b.toml:1: : this is not TOML")), "{told}");
}

#[test]
fn a_config_that_is_missing_or_a_folder_says_what_to_do_about_just_that() {
    let mut desk = Desk::new();
    desk.sources.files.push(desk.path().join("none.toml"));
    let told = desk.told();
    assert!(told.contains("renewd.example.toml") && told.contains("renewd demo"), "{told}");
    desk.sources.files = vec![desk.path().to_path_buf()];
    let told = desk.told();
    assert!(told.contains("is a folder") && !told.contains("put it there"), "{told}");
}
