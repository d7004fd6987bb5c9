//! One kind of value after the other.
use jiff::SignedDuration;
use renewd::domain::{Money, Percent};
use renewd::policy::Before;
use renewd::settings::parse_duration;
use rstest::rstest;

use crate::settings::{Desk, LEAST, told};

#[rstest]
#[case("90s", 90)]
#[case("15m", 900)]
#[case("36h", 129_600)]
#[case("3d", 259_200)]
#[case("0s", 0)]
#[case("3650d", 315_360_000)]
fn a_duration_is_a_number_and_one_unit(#[case] text: &str, #[case] seconds: i64) {
    assert_eq!(parse_duration(text), Ok(SignedDuration::from_secs(seconds)));
}

#[rstest]
fn a_nonsense_duration_is_refused_with_an_example(
    #[values(
        "", "d", "3", "3 d", "3D", "-3d", "+3d", "1.5h", "1h30m", "3w", "3days", "1_0m", "٣d", "3é", "é",
        "3d "
    )]
    text: &str,
) {
    let message = parse_duration(text).unwrap_err();
    assert!(message.contains("\"36h\""), "{message}");
}

#[rstest]
fn a_duration_beyond_all_sense_is_refused(
    #[values("3651d", "99999999999999999999d", "2147483647d")] text: &str,
) {
    assert!(parse_duration(text).unwrap_err().contains("ten years"));
}

/// `[section] key = value` alone is wrong, and the message says so.
#[rstest]
#[case("schedule", r#"cycle = """#, "not a cron expression")]
#[case("schedule", r#"cycle = ", * * * * *""#, "not a cron expression: `,` is wrong as its seconds")]
#[case("schedule", r#"cycle = "0 0 8 * *""#, "seconds")]
#[case("schedule", r#"cycle = "0 0 0 30 2 *""#, "never comes up")]
#[case("schedule", r#"cycle = "61 * * * * *""#, "not a cron expression: `61` is wrong as its seconds")]
#[case("schedule", r#"cycle = "0 99 * * * *""#, "`99` is wrong as its minutes, which take 0 to 59")]
#[case("schedule", r#"cycle = "0 0 8 * * Mom""#, "`Mom` is wrong as its day of the week")]
#[case("schedule", r#"cycle = "0 0 8 * *""#, "it has 5 fields: write six")]
#[case("timing", r#"read_timeout = "0s""#, "not above zero")]
#[case("timing", "read_timeout = 30", "write read_timeout = \"30s\"")]
#[case("timing", "settle_reads = 0", "from 1 to 100")]
#[case("timing", "settle_reads = \"3\"", "a whole number without quotes")]
#[case("timing", "settle_reads = 99999999999999999999", "a whole number")]
#[case("guard", "max_fleet_share = 50", "write max_fleet_share = \"50%\"")]
#[case("guard", r#"max_fleet_share = "0%""#, "more than \"0%\"")]
#[case("guard", r#"hold_on_shrink = "-1%""#, "not a percentage")]
#[case("http", r#"listen = "0.0.0.0:9787""#, "add `token`")]
#[case("http", r#"listen = "127.0.0.1""#, "not an address with a port")]
#[case("alerts", "runway = true", "takes text in quotes, this is true or false")]
#[case("alerts.heartbeat", "", "is missing: write url")]
#[case("alerts.email", "", "is missing: write host")]
fn a_wrong_scalar_says_what_to_write(#[case] section: &str, #[case] line: &str, #[case] part: &str) {
    let told = told(&format!("{LEAST}\n[{section}]\n{line}\n"));
    assert!(told.contains(part), "{told}");
    assert!(told.contains(section), "{told}");
}

#[rstest]
#[case("name = \"all\"", "is also the name of the policy")]
#[case("max_price = 2.65", "write max_price = \"2.65\"")]
#[case("max_price = 3", "write max_price = \"3\"")]
#[case("max_price = \"2,65\"", "not an amount of money")]
#[case("max_price = \"0\"", "above zero")]
#[case("max_price_jump = \"lots\"", "not a percentage")]
#[case("before = \"0d\"", "not above zero")]
#[case("before = \"0%\"", "not a share of a period")]
#[case("before = \"101%\"", "not a share of a period")]
#[case("period = \"36h\"", "whole days")]
#[case("period = \"0d\"", "whole days")]
#[case("period = []", "empty list")]
#[case("period = 30", "text in quotes or a list of texts")]
#[case("window = \"08:00\"", "not a window")]
#[case("until = 2027-06-30", "write until = \"2027-06-30\"")]
#[case("until = \"20270630\"", "not a day of the calendar")]
#[case("until = \"2027-02-30\"", "not a day of the calendar")]
#[case("promo_required = true", "there is no `promo_code`")]
#[case("match.kind = \"IPv4\"", "write kind = [\"IPv4\"]")]
#[case("match.kind = [\"\"]", "an empty kind matches nothing")]
#[case("match.ip = [\"203.0.113\"]", "not an address or network")]
#[case("match = 1", "is a table, this is a number")]
#[case("match.kinds = [\"IPv4\"]", "did you mean `kind`?")]
#[case("winodw = \"08:00-20:00\"", "did you mean `window`?")]
#[case("lag_window = \"15m\"", "unknown key: there are")]
fn a_wrong_policy_says_what_to_write(#[case] line: &str, #[case] part: &str) {
    let name = if line.starts_with("name") { "" } else { "name = \"p\"\n" };
    let told = told(&format!("{LEAST}\n[[policy]]\naction = \"renew\"\n{name}{line}\n"));
    assert!(told.contains(part), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[rstest]
#[case("http://youproxy.io", "plain http to another machine")]
#[case("http://127.0.0.1.example.org", "plain http to another machine")]
#[case("ftp://youproxy.io", "neither https nor http")]
#[case("youproxy.io", "is not a URL")]
#[case("https://user@youproxy.io", "holds a login")]
#[case("https://:pw@youproxy.io", "holds a login")]
#[case("https://youproxy.io/?key=1", "holds a query")]
#[case("https://youproxy.io/#1", "holds a query or fragment")]
fn a_base_url_must_keep_the_key_safe(#[case] url: &str, #[case] part: &str) {
    let config = LEAST.replace("[[policy]]", &format!("base_url = \"{url}\"\n[[policy]]"));
    let told = told(&config);
    assert!(told.contains(part) && told.contains("account[1].base_url"), "{told}");
}

#[rstest]
#[case("http://127.0.0.1:8080/", "http://127.0.0.1:8080/")]
#[case("http://[::1]:8080", "http://[::1]:8080/")]
#[case("http://localhost:8080/sim/", "http://localhost:8080/sim")]
#[case("https://eu.youproxy.io/api/", "https://eu.youproxy.io/api")]
fn a_base_url_may_be_plain_on_this_machine(#[case] url: &str, #[case] read: &str) {
    let config = LEAST.replace("[[policy]]", &format!("base_url = \"{url}\"\n[[policy]]"));
    assert_eq!(Desk::with(&config).settings().accounts[0].base_url.as_str(), read);
}

#[test]
fn a_full_policy_is_read_as_written() {
    let more = r#"
        before = "50%"
        period = ["90d", "30d"]
        priority = -5
        max_price = "3.005"
        max_price_jump = "250%"
        window = "Mon-Fri 08:00-20:00"
        until = "2027-06-30"
        match = { kind = [], account = ["Yp"], tag = ["Prod-*"] }
    "#;
    let settings = Desk::with(&format!("{LEAST}{more}")).settings();
    let policy = &settings.policies[0];
    assert_eq!(policy.before, Before::Share("50%".parse::<Percent>().unwrap()));
    assert_eq!(policy.periods, [90, 30]);
    assert_eq!(policy.priority, -5);
    assert_eq!(policy.max_price, Some("3.005".parse::<Money>().unwrap()));
    assert_eq!(policy.until.map(|d| d.to_string()).as_deref(), Some("2027-06-30"));
    assert_eq!(policy.window.as_ref().map(|w| w.as_str()), Some("Mon-Fri 08:00-20:00"));
    assert_eq!(policy.matches.all.clauses.len(), 2, "an empty list is as if the key were absent");
}

#[test]
fn a_policy_has_windows_days_off_a_zone_and_a_spread_of_its_own() {
    let more = r#"
        window = ["Mon-Fri 08:00-20:00", "Sat 10:00-14:00"]
        except = ["2026-12-26", "2026-12-25"]
        timezone = "Europe/Berlin"
        spread = "12h"
        notice = "7d"
    "#;
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let own = &Desk::with(&format!("timezone = \"Asia/Tokyo\"\n{LEAST}{more}")).settings().policies[0];
    assert_eq!(
        own.window.as_ref().map(|w| w.as_str()),
        Some("Mon-Fri 08:00-20:00; Sat 10:00-14:00, not on 2026-12-25, 2026-12-26")
    );
    assert_eq!(
        (own.timezone.iana_name(), own.spread),
        (Some("Europe/Berlin"), SignedDuration::from_hours(12))
    );
    assert_eq!(own.notice, Some(SignedDuration::from_hours(7 * 24)));
    assert!(own.is_open(at("2026-12-24T18:59:00Z")) && !own.is_open(at("2026-12-24T19:00:00Z")));
    // Christmas is a Friday, the day after it a Saturday.
    assert_eq!(own.opens(at("2026-12-24T19:00:00Z")), Some(at("2026-12-28T07:00:00Z")));

    let plain = &Desk::with(&format!("timezone = \"Asia/Tokyo\"\n{LEAST}")).settings().policies[0];
    assert_eq!((plain.timezone.iana_name(), plain.spread), (Some("Asia/Tokyo"), SignedDuration::ZERO));
    assert_eq!(plain.window, None);
    for nothing in ["window = []", "except = []", "window = []\nexcept = []"] {
        assert_eq!(
            Desk::with(&format!("{LEAST}{nothing}\n")).settings().policies[0].window,
            None,
            "{nothing}"
        );
    }
    let days = &Desk::with(&format!("{LEAST}except = [\"2026-12-25\"]\n")).settings().policies[0];
    assert!(!days.is_open(at("2026-12-25T00:00:00Z")) && days.is_open(at("2026-12-26T00:00:00Z")));
}

#[rstest]
#[case(
    "window = [\"Mon-Fri 08:00-20:00\", \"Sat 10-14\"]",
    "`Sat 10-14` is not a window: write \"Mon-Fri 08:00-20:00\""
)]
#[case("except = \"2026-12-25\"", "takes a list: write except = [\"2026-12-25\"]")]
#[case("except = [\"25.12.2026\"]", "`25.12.2026` is not a day of the calendar")]
#[case("timezone = \"Berlin\"", "`Berlin` is not an IANA time zone")]
#[case("spread = \"0s\"", "`0s` is not above zero")]
fn a_window_that_cannot_be_read_is_told_with_what_to_write(#[case] line: &str, #[case] part: &str) {
    let desk = Desk::with(&format!("{LEAST}{line}\n"));
    let told = desk.told();
    assert!(told.contains(part), "{told}");
}

#[rstest]
#[case("youproxy", "https://youproxy.io/", 60)]
#[case("proxyshard", "https://user-api.proxyshard.com/", 60)]
#[case("proxyseller", "https://proxy-seller.com/", 50)]
fn a_provider_is_asked_at_its_own_address_and_pace_unless_told_otherwise(
    #[case] provider: &str,
    #[case] url: &str,
    #[case] rate: u32,
) {
    let config = LEAST.replace("youproxy", provider);
    let account = &Desk::with(&config).settings().accounts[0];
    assert_eq!((account.provider.as_str(), account.base_url.as_str()), (provider, url));
    assert_eq!(account.max_requests_per_minute, rate);
    let told = config.replace("[[account]]\n", "[[account]]\nmax_requests_per_minute = 60\n");
    assert_eq!(Desk::with(&told).settings().accounts[0].max_requests_per_minute, 60);
}
