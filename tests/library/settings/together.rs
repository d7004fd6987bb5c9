//! Values that contradict each other, and what is merely warned of.
use std::os::unix::fs::PermissionsExt;

use renewd::settings::{examine, load_as_of};
use rstest::rstest;

use crate::settings::{Desk, LEAST, told};

const MAIL: &str =
    "[alerts.email]\nhost = \"mail.example.org\"\nfrom = \"a@example.org\"\nto = [\"a@example.org\"]\n";

#[rstest]
#[case("username = \"u\"", "alerts.email.username: needs `alerts.email.password`")]
#[case("password = { file = \"yp.key\" }", "alerts.email.password: needs `alerts.email.username`")]
#[case("tls = \"none\"", "this machine only")]
#[case("port = 70000", "from 1 to 65535")]
fn mail_settings_must_fit_together(#[case] line: &str, #[case] part: &str) {
    let told = told(&format!("{LEAST}{MAIL}{line}\n"));
    assert!(told.contains(part), "{told}");
    assert!(told.starts_with("renewd.toml:13:"), "{told}");
}

#[test]
fn a_route_without_a_mail_server_is_told() {
    let told = told(&format!("{LEAST}[[alerts.route]]\nto = [\"a@example.org\"]\n"));
    assert!(told.contains("renewd.toml:10: alerts.route[1].to: nothing can be sent there"), "{told}");
}

#[test]
fn routes_are_read_with_empty_meaning_any() {
    let route =
        "[[alerts.route]]\nseverity = [\"urgent\"]\naccount = []\nto = [\"Oncall <oncall@example.org>\"]\n";
    let settings = Desk::with(&format!("{LEAST}{MAIL}{route}")).settings();
    let found = &settings.alerts.routes[0];
    assert_eq!(found.severity, [renewd::domain::Severity::Urgent]);
    assert!(found.accounts.is_empty());
    assert_eq!(found.to, ["Oncall <oncall@example.org>"]);
}

#[test]
fn a_policy_behind_a_catch_all_is_warned_of_with_its_line() {
    let settings =
        Desk::with(&format!("{LEAST}{MAIL}[[policy]]\nname = \"late\"\naction = \"watch\"\n")).settings();
    let warning = &settings.warnings[0];
    assert_eq!((warning.line, warning.key.as_str()), (Some(13), "policy[2].match"));
    assert!(warning.message.contains("policy `all` before it matches every lease"));
    assert_eq!(settings.warnings.len(), 1);
}

#[rstest]
#[case("cycle = \"montly\"", "policy[1].cycle: `montly` is not a billing cycle")]
#[case("match.country = [\"Germany\"]", "policy[1].match.country: `Germany` is not a country code")]
#[case("until = \"2020-06-30\"", "policy[1].until: 2020-06-30 is over")]
fn a_slip_of_the_pen_in_a_policy_is_warned_of_with_its_line(#[case] line: &str, #[case] part: &str) {
    let desk = Desk::with(&format!("{LEAST}{line}\n{MAIL}"));
    let warnings = load_as_of(&desk.sources, "2026-11-21T12:00:00Z".parse().unwrap()).unwrap().warnings;
    let told = desk.shown(&warnings);
    assert!(told.starts_with("renewd.toml:9: ") && told.contains(part) && warnings.len() == 1, "{told}");
}

#[rstest]
#[case("before = \"180d\"", "180d is longer than the period of 30d")]
#[case("before = \"2d\"\nperiod = [\"30d\", \"1d\"]", "2d is longer than the period of 1d")]
fn a_before_that_is_longer_than_the_period_is_warned_of(#[case] lines: &str, #[case] part: &str) {
    let desk = Desk::with(&format!("{LEAST}{lines}\n{MAIL}"));
    let told = desk.shown(&desk.settings().warnings);
    assert!(told.starts_with("renewd.toml:9: policy[1].before: ") && told.contains(part), "{told}");
}

#[rstest]
#[case(
    "spread = \"72h\"",
    "72h is longer than the time from due (`before`) to urgent (`urgent`): orders are spread over 2d 12h only"
)]
#[case("spread = \"5h\"\nbefore = \"6h\"", "orders are spread over 0s only")]
fn a_spread_that_would_lead_into_the_urgent_stage_is_warned_of(#[case] lines: &str, #[case] part: &str) {
    let desk = Desk::with(&format!("{LEAST}{lines}\n{MAIL}"));
    let told = desk.shown(&desk.settings().warnings);
    assert!(told.starts_with("renewd.toml:9: policy[1].spread: ") && told.contains(part), "{told}");
    let fits = Desk::with(&format!("{LEAST}spread = \"60h\"\n{MAIL}"));
    assert_eq!(fits.settings().warnings.len(), 0);
}

#[test]
fn warnings_are_told_beside_an_error() {
    let desk = Desk::with(&format!("{LEAST}before = \"180d\"\nurgent = \"soon\"\n{MAIL}"));
    let found = examine(&desk.sources, "2026-11-21T12:00:00Z".parse().unwrap());
    assert!(found.settings.is_none());
    assert!(desk.shown(&found.errors).contains("policy[1].urgent"), "{}", desk.shown(&found.errors));
    assert!(desk.shown(&found.warnings).contains("180d is longer"), "{}", desk.shown(&found.warnings));
}

#[test]
fn a_key_of_a_policy_is_found_by_its_line_or_by_its_table() {
    let desk = Desk::with(&format!("{LEAST}max_price = \"3.00\"\n{MAIL}"));
    let places = desk.settings().places;
    assert!(places.find("policy", "all", "max_price").unwrap().ends_with("renewd.toml:9"));
    assert!(places.find("policy", "all", "window").unwrap().contains("renewd.toml:"));
    assert_eq!(places.find("policy", "other", "window"), None);
}

#[rstest]
fn what_may_well_be_meant_is_not_warned_of(
    #[values(
        "cycle = \"3 Months\"",
        "cycle = \"lifetime\"",
        "match.country = [\"deu\"]",
        "until = \"2026-11-21\"",
        "until = \"2027-06-30\""
    )]
    line: &str,
) {
    let desk = Desk::with(&format!("{LEAST}{line}\n{MAIL}"));
    let warnings = load_as_of(&desk.sources, "2026-11-21T12:00:00Z".parse().unwrap()).unwrap().warnings;
    assert!(warnings.is_empty(), "{}", desk.shown(&warnings));
}

#[test]
fn places_with_names_of_their_own_are_no_slip_where_cycles_are_sold() {
    let config = LEAST.replace("youproxy", "proxyshard");
    let desk = Desk::with(&format!("{config}match.country = [\"Germany\"]\n{MAIL}"));
    assert!(desk.settings().warnings.is_empty());
}

#[test]
fn silence_by_mail_and_short_money_timeouts_are_warned_of() {
    let desk = Desk::with(&format!("{LEAST}[timing]\nmoney_timeout = \"20s\"\n"));
    let told = desk.shown(&desk.settings().warnings);
    assert!(told.contains("alerts.email: alerts reach nobody"), "{told}");
    assert!(told.contains("renewd.toml:10: timing.money_timeout: a payment cut off early"), "{told}");
}

#[test]
fn a_webhook_alone_is_enough_to_be_told() {
    let mut desk = Desk::with(&format!("{LEAST}[alerts.webhook]\nurl = {{ env = \"HOOK\" }}\n"));
    desk.env("HOOK", "https://hook.example.org/abc?room=1");
    let settings = desk.settings();
    assert!(settings.warnings.is_empty(), "{:?}", settings.warnings);
    assert!(settings.alerts.webhook.is_some_and(|hook| hook.secret.is_none()));
}

#[test]
fn a_config_that_others_may_change_is_warned_of() {
    let desk = Desk::with(&format!("{LEAST}{MAIL}"));
    assert!(desk.settings().warnings.is_empty());
    let file = &desk.sources.files[0];
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o664)).unwrap();
    let warnings = desk.settings().warnings;
    assert!(warnings.len() == 1 && warnings[0].message.contains("chmod go-w"), "{warnings:?}");
}

#[rstest]
#[case::its_own(
    "[[policy]]\nname = \"p\"\nwas = [\"p\"]\naction = \"watch\"\n",
    11,
    "policy[2].was: `p` is its name now"
)]
#[case::anothers(
    "[[policy]]\nname = \"p\"\nwas = [\"ALL\"]\naction = \"watch\"\n",
    11,
    "policy[2].was: `ALL` is another policy's name now"
)]
#[case::twice(
    "[[budget]]\nname = \"b\"\nwas = [\"x\", \"x\"]\nper = \"day\"\nlimit = \"1.00\"\ncurrency = \"USD\"\n",
    11,
    "budget[1].was: `x` is claimed twice"
)]
#[case::an_account(
    "[[account]]\nname = \"ps\"\nwas = [\"yp\"]\nprovider = \"proxyshard\"\napi_key = { env = \"PS\" }\n",
    11,
    "account[2].was: `yp` is another account's name now"
)]
fn an_old_name_that_is_no_ones_to_claim_is_told_with_its_line(
    #[case] more: &str,
    #[case] line: usize,
    #[case] part: &str,
) {
    let told = told(&format!("{LEAST}{more}"));
    assert!(told.contains(&format!("renewd.toml:{line}: {part}")), "{told}");
}

#[test]
fn budgets_count_what_was_paid_under_the_old_names_of_their_policies() {
    let more = "[[policy]]\nname = \"new\"\nwas = [\"old\", \"older\"]\naction = \"watch\"\n[[budget]]\nname = \"b\"\nwas = [\"a\"]\n\
                policy = [\"new\"]\nper = \"day\"\nlimit = \"1.00\"\ncurrency = \"USD\"\n";
    let settings = Desk::with(&format!("{LEAST}{more}")).settings();
    assert_eq!(settings.budgets[0].policies, ["new", "old", "older"]);
    assert_eq!(settings.budget_names, [("a".to_owned(), "b".to_owned())]);
}

#[test]
fn systemds_runtime_folder_comes_before_the_default_and_after_the_config() {
    let mut desk = Desk::with(LEAST);
    assert_eq!(desk.settings().runtime_dir, std::path::Path::new("/run/renewd"));
    desk.sources.environment.push(("RUNTIME_DIRECTORY".to_owned(), "/run/one:/run/two".to_owned()));
    assert_eq!(desk.settings().runtime_dir, std::path::Path::new("/run/one"));
    desk.sources.environment.push(("RENEWD__RUNTIME_DIR".to_owned(), "/run/three".to_owned()));
    assert_eq!(desk.settings().runtime_dir, std::path::Path::new("/run/three"));
}
