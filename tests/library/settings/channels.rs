//! `[[alerts.channel]]` and `http.hosts`: what each kind of service needs, and what is told where it is missing.
use rstest::rstest;
use secrecy::ExposeSecret;

use crate::settings::{Desk, LEAST, told};

fn desk(rest: &str) -> Desk {
    let mut desk = Desk::new();
    desk.secret("yp.key", "key-of-yp-1234", 0o600);
    desk.secret("chat.url", "https://chat.example.org/base", 0o600);
    desk.secret("chat.token", "token-1234", 0o600);
    desk.config("renewd.toml", &format!("{LEAST}[[alerts.channel]]\nname = \"c\"\n{rest}"));
    desk
}

const URL: &str = "url = { file = \"chat.url\" }\n";
const TOKEN: &str = "token = { file = \"chat.token\" }\n";

#[rstest]
#[case("slack", URL, "")]
#[case("discord", URL, "")]
#[case("teams", URL, "")]
#[case("json", URL, "")]
#[case("json", URL, TOKEN)]
#[case("ntfy", URL, "")]
#[case("ntfy", URL, TOKEN)]
#[case("gotify", URL, TOKEN)]
#[case("pagerduty", "", TOKEN)]
#[case("telegram", "chat = \"-1\"\n", TOKEN)]
#[case("matrix", "url = { file = \"chat.url\" }\nchat = \"!a:example.org\"\n", TOKEN)]
fn each_format_is_taken_with_what_it_needs(#[case] format: &str, #[case] url: &str, #[case] token: &str) {
    let settings = desk(&format!("format = \"{format}\"\n{url}{token}")).settings();
    let [channel] = settings.alerts.channels.as_slice() else { panic!("not one") };
    assert_eq!(channel.format.as_str(), format);
    assert!(channel.url.expose_secret().starts_with("https://"));
    assert!(settings.warnings.is_empty(), "somebody is told: {:?}", settings.warnings);
}

#[rstest]
#[case("format = \"slack\"\n", "alerts.channel[1].url: is missing")]
#[case("format = \"gotify\"\nurl = { file = \"chat.url\" }\n", "alerts.channel[1].token: is missing: gotify")]
#[case(
    "format = \"telegram\"\ntoken = { file = \"chat.token\" }\n",
    "alerts.channel[1].chat: is missing: telegram"
)]
#[case("format = \"slack\"\nurl = { file = \"chat.url\" }\nchat = \"x\"\n", "slack has no such thing")]
#[case(
    "format = \"slack\"\nurl = { file = \"chat.url\" }\ntoken = { file = \"chat.token\" }\n",
    "slack has no such thing"
)]
#[case(
    "format = \"matrix\"\nurl = { file = \"chat.url\" }\ntoken = { file = \"chat.token\" }\nchat = \"#a:b\"\n",
    "begins with `!`"
)]
#[case("format = \"mattermost\"\nurl = { file = \"chat.url\" }\n", "alerts.channel[1].format")]
#[case(
    "format = \"slack\"\nurl = { file = \"chat.url\" }\naccount = [\"yq\"]\n",
    "alerts.channel[1].account"
)]
#[case(
    "format = \"slack\"\nurl = { file = \"chat.url\" }\n[[alerts.channel]]\nname = \"C\"\nformat = \"slack\"\nurl = { file = \"chat.url\" }\n",
    "alerts.channel[2].name"
)]
fn what_is_missing_or_too_much_is_told_with_its_place(#[case] rest: &str, #[case] part: &str) {
    let desk = desk(rest);
    let problems = renewd::settings::load(&desk.sources).unwrap_err();
    let told = desk.shown(&problems);
    assert!(told.contains(part), "{told}");
}

#[test]
fn the_topic_of_ntfy_is_in_the_address_or_beside_it() {
    let bare = desk("format = \"ntfy\"\nurl = { file = \"chat.url\" }\n");
    bare.secret("chat.url", "https://ntfy.example.org/", 0o600);
    let problems = renewd::settings::load(&bare.sources).unwrap_err();
    assert!(bare.shown(&problems).contains("names no topic"), "{problems:?}");
}

#[rstest]
#[case("mail")]
#[case("webhook")]
#[case("a b")]
fn a_name_that_means_something_else_is_refused(#[case] name: &str) {
    let text = format!("{LEAST}[[alerts.channel]]\nname = \"{name}\"\nformat = \"slack\"\n");
    assert!(told(&text).contains("alerts.channel[1].name"), "{}", told(&text));
}

#[test]
fn a_plain_address_on_the_network_is_refused_without_showing_it() {
    let desk = desk("format = \"slack\"\nurl = { file = \"chat.url\" }\n");
    desk.secret("chat.url", "http://chat.example.org/secret-4711", 0o600);
    let problems = renewd::settings::load(&desk.sources).unwrap_err();
    let told = desk.shown(&problems);
    assert!(told.contains("https") && !told.contains("4711"), "{told}");
}

#[test]
fn a_name_for_the_page_needs_a_token_and_makes_the_links() {
    let text = format!("{LEAST}[http]\nhosts = [\"renewd.example.org\"]\n");
    assert!(told(&text).contains("http.hosts: lets others ask by that name"), "{}", told(&text));
    let page = |rest: &str| {
        let desk = Desk::with(&format!("{LEAST}{rest}"));
        desk.secret("chat.token", "token-1234", 0o600);
        desk.settings().alerts.page
    };
    assert_eq!(page("").as_deref(), Some("http://127.0.0.1:9787/"));
    let named = "[http]\nhosts = [\"renewd.example.org\"]\ntoken = { file = \"chat.token\" }\n";
    assert_eq!(page(named).as_deref(), Some("https://renewd.example.org/"));
    assert_eq!(page("[http]\nlisten = \"\"\n"), None, "a page that is off has no address");
    let everywhere = "[http]\nlisten = \"0.0.0.0:9787\"\ntoken = { file = \"chat.token\" }\n";
    assert_eq!(page(everywhere), None, "everywhere is nowhere");
}
