//! Every key there is: its shape, its default and an example. The one list behind strict reading, defaults, the
//! environment and "did you mean".
//!
//! Not responsible for how values relate to each other (`cross.rs`).
use std::collections::BTreeMap;

use super::formats;
use super::hook_words;
use super::log_words;
use super::tree::{Node, Place};
use super::values as v;
use crate::policy::{Key as MatchKey, Pattern};

/// Answers with what is wrong with a text.
pub(super) type Check = fn(&str) -> Result<(), String>;

/// What a key's value looks like.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Text that passes the check.
    Text(Check),
    /// A list of such texts.
    List(Check),
    /// Either; a list must not be empty.
    TextOrList(Check),
    /// A whole number from … to ….
    Integer(i64, i64),
    /// `true` or `false`.
    Bool,
    /// `{ file = … }`, `{ env = … }` or `{ credential = … }`.
    Secret,
    /// A table that is handed on as it stands.
    Table,
}

/// Whether a key has to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Taken as shown where it is not given.
    Default,
    /// An error where its table lacks it.
    Required,
    /// Off where it is not given.
    Optional,
}

/// One key.
#[derive(Clone, Copy)]
pub(super) struct Key {
    /// Dotted, from the file's root or, in a repeated table, from that table.
    pub name: &'static str,
    pub shape: Shape,
    pub role: Role,
    /// The default or an example, as TOML.
    pub shown: &'static str,
}

/// A repeated table, such as `[[policy]]`.
pub(super) struct Rows {
    pub name: &'static str,
    pub keys: &'static [Key],
    /// Tables that repeat within one of these.
    pub rows: &'static [Rows],
}

const fn rows(name: &'static str, keys: &'static [Key]) -> Rows {
    Rows { name, keys, rows: &[] }
}

const fn with(name: &'static str, shape: Shape, role: Role, shown: &'static str) -> Key {
    Key { name, shape, role, shown }
}

const fn default(name: &'static str, shape: Shape, shown: &'static str) -> Key {
    with(name, shape, Role::Default, shown)
}

const fn required(name: &'static str, shape: Shape, shown: &'static str) -> Key {
    with(name, shape, Role::Required, shown)
}

const fn optional(name: &'static str, shape: Shape, shown: &'static str) -> Key {
    with(name, shape, Role::Optional, shown)
}

const SPAN: Shape = Shape::Text(|t| v::span(t).map(drop));
const SPAN_OR_ZERO: Shape = Shape::Text(|t| v::parse_duration(t).map(drop));
const LINE: Shape = Shape::Text(|t| v::line(t).map(drop));
const SHARE: Shape = Shape::Text(|t| v::share(t).map(drop));
const PART: Shape = Shape::Text(|t| v::part(t).map(drop));
const PERCENT: Shape = Shape::Text(|t| v::percent(t).map(drop));
const PRICE: Shape = Shape::Text(|t| v::price(t).map(drop));
const AMOUNT: Shape = Shape::Text(|t| v::amount(t).map(drop));
const MAILBOX: Shape = Shape::Text(|t| v::mailbox(t).map(drop));
const MAILBOXES: Shape = Shape::List(|t| v::mailbox(t).map(drop));
const NAMES: Shape = Shape::List(|t| v::line(t).map(drop));
const ACCOUNTS: Shape = Shape::List(|t| matches(MatchKey::Account, t));
const PROVIDERS: Shape = Shape::List(|t| v::provider(t).map(drop));
const KINDS: Shape = Shape::List(|t| matches(MatchKey::Kind, t));
const COUNTRIES: Shape = Shape::List(|t| matches(MatchKey::Country, t));
const OPERATORS: Shape = Shape::List(|t| matches(MatchKey::Operator, t));
const NETS: Shape = Shape::List(|t| matches(MatchKey::Ip, t));
const TAGS: Shape = Shape::List(|t| matches(MatchKey::Tag, t));
const ORDERS: Shape = Shape::List(|t| matches(MatchKey::Order, t));
const LEASES: Shape = Shape::List(|t| matches(MatchKey::Lease, t));
const LABELS: Shape = Shape::List(|t| matches(MatchKey::Label, t));

/// The keys that exist once; of several layers the later one wins.
pub(super) const SCALARS: &[Key] = &[
    default("state_dir", Shape::Text(|t| v::folder(t).map(drop)), r#""/var/lib/renewd""#),
    default("runtime_dir", Shape::Text(|t| v::folder(t).map(drop)), r#""/run/renewd""#),
    default("timezone", Shape::Text(|t| v::zone(t).map(drop)), r#""UTC""#),
    optional("ledger.url", Shape::Secret, r#"{ file = "/etc/renewd/ledger.url" }"#),
    default("ledger.allow_async_standby", Shape::Bool, "false"),
    default("ledger.failover_hold", SPAN, r#""2h""#),
    default("ledger.lease_ttl", SPAN, r#""30s""#),
    default("schedule.cycle", Shape::Text(|t| v::cron(t).map(drop)), r#""0 */10 * * * *""#),
    default("schedule.report", Shape::Text(|t| v::cron_or_off(t).map(drop)), r#""0 0 8 * * Mon""#),
    default("schedule.jitter", SPAN_OR_ZERO, r#""60s""#),
    default("timing.read_timeout", SPAN, r#""30s""#),
    default("timing.money_timeout", SPAN, r#""120s""#),
    default("timing.lag_window", SPAN, r#""15m""#),
    default("timing.settle_reads", Shape::Integer(1, 100), "3"),
    default("guard.max_payments_per_cycle", Shape::Integer(1, 1_000_000), "200"),
    default("guard.max_fleet_share", SHARE, r#""50%""#),
    default("guard.hold_on_shrink", PART, r#""30%""#),
    default("alerts.runway", SPAN, r#""14d""#),
    default("alerts.repeat", SPAN, r#""24h""#),
    default("alerts.max_mails_per_day", Shape::Integer(1, 1_000), "6"),
    required("alerts.email.host", Shape::Text(|t| v::host(t).map(drop)), r#""mail.example.org""#),
    optional("alerts.email.port", Shape::Integer(1, 65_535), "587"),
    default("alerts.email.tls", Shape::Text(|t| v::tls(t).map(drop)), r#""starttls""#),
    optional("alerts.email.username", LINE, r#""renewd""#),
    optional("alerts.email.password", Shape::Secret, r#"{ credential = "smtp-password" }"#),
    required("alerts.email.from", MAILBOX, r#""renewd@example.org""#),
    required("alerts.email.to", MAILBOXES, r#"["ops@example.org"]"#),
    optional("alerts.email.templates", Shape::Text(|t| v::folder(t).map(drop)), r#""/etc/renewd/templates""#),
    optional("alerts.email.helo", Shape::Text(|t| v::host(t).map(drop)), r#""renewd.example.org""#),
    optional(
        "alerts.email.ca",
        Shape::Text(|t| v::certificates(t).map(drop)),
        r#""/etc/ssl/private-ca.pem""#,
    ),
    required("alerts.webhook.url", Shape::Secret, r#"{ file = "/etc/renewd/hook.url" }"#),
    optional("alerts.webhook.secret", Shape::Secret, r#"{ file = "/etc/renewd/hook.secret" }"#),
    required("alerts.heartbeat.url", Shape::Secret, r#"{ file = "/etc/renewd/heartbeat.url" }"#),
    default("http.listen", Shape::Text(|t| v::listen(t).map(drop)), r#""127.0.0.1:9787""#),
    optional("http.token", Shape::Secret, r#"{ file = "/etc/renewd/http.token" }"#),
    optional("http.hosts", Shape::List(|t| v::host(t).map(drop)), r#"["renewd.example.org"]"#),
    default("log.level", Shape::Text(|t| log_words::log_level(t).map(drop)), r#""info""#),
    default("log.format", Shape::Text(|t| log_words::log_format(t).map(drop)), r#""auto""#),
];

/// The tables that append, file after file.
pub(super) const ROWS: &[Rows] = &[
    rows("account", ACCOUNT),
    Rows { name: "policy", keys: POLICY, rows: &[rows("match.any", ANY)] },
    rows("label", LABEL),
    rows("budget", BUDGET),
    rows("alerts.route", ROUTE),
    rows("alerts.channel", CHANNEL),
    rows("hook", HOOK),
];

const ACCOUNT: &[Key] = &[
    required("name", Shape::Text(|t| v::account_name(t).map(drop)), r#""yp""#),
    optional("was", Shape::List(|t| v::account_name(t).map(drop)), r#"["old-name"]"#),
    required("provider", Shape::Text(|t| v::provider(t).map(drop)), v::PROVIDER_EXAMPLE),
    optional("base_url", Shape::Text(|t| v::base_url(t).map(drop)), v::BASE_URL_EXAMPLE),
    optional("api_key", Shape::Secret, r#"{ file = "/etc/renewd/yp.key" }"#),
    default("max_requests_per_minute", Shape::Integer(6, 100_000), "60"),
    default("keep_balance", AMOUNT, r#""0.00""#),
    default("batch", Shape::Integer(1, 10_000), "20"),
    optional("provider_renews", Shape::Text(v::provider_renews), r#""off""#),
    optional("version", Shape::Integer(3, 6), "4"),
    optional(
        "command",
        Shape::List(|t| v::line(t).map(drop)),
        r#"["/usr/lib/renewd/providers/my-provider"]"#,
    ),
    optional("settings", Shape::Table, r#"{ base_url = "https://api.example.org" }"#),
    optional("trust_refusals", Shape::Bool, "false"),
    optional("require_check", Shape::Bool, "true"),
    optional("secret_env", Shape::Text(|t| v::variable(t).map(drop)), r#""MY_KEY""#),
];

/// The keys of `match` under a prefix: first those that a label has, too.
macro_rules! match_keys {
    ($prefix:literal) => {
        [
            optional(concat!($prefix, "account"), ACCOUNTS, r#"["yp"]"#),
            optional(concat!($prefix, "provider"), PROVIDERS, v::PROVIDERS_EXAMPLE),
            optional(concat!($prefix, "kind"), KINDS, r#"["IPv4", "ISP"]"#),
            optional(concat!($prefix, "country"), COUNTRIES, r#"["USA"]"#),
            optional(concat!($prefix, "operator"), OPERATORS, r#"["o2"]"#),
            optional(concat!($prefix, "ip"), NETS, r#"["203.0.113.0/24"]"#),
            optional(concat!($prefix, "tag"), TAGS, r#"["prod-*"]"#),
            optional(concat!($prefix, "order"), ORDERS, r#"["1234567"]"#),
            optional(concat!($prefix, "lease"), LEASES, r#"["7654321"]"#),
            optional(concat!($prefix, "label"), LABELS, r#"["client-*"]"#),
            optional(concat!($prefix, "min_age"), SPAN, r#""180d""#),
            optional(concat!($prefix, "max_age"), SPAN, r#""365d""#),
            optional(concat!($prefix, "min_last_price"), PRICE, r#""1.00""#),
            optional(concat!($prefix, "max_last_price"), PRICE, r#""3.00""#),
        ]
    };
}

/// How many of them a label has: all but labels, and numbers that change by themselves.
const OF_A_LABEL: usize = 9;

/// These lists behind each other, `N` keys in all.
const fn joined<const N: usize>(lists: &[&[Key]]) -> [Key; N] {
    let mut all = [lists[0][0]; N];
    let (mut list, mut at) = (0, 0);
    while list < lists.len() {
        let mut n = 0;
        while n < lists[list].len() {
            all[at] = lists[list][n];
            (n, at) = (n + 1, at + 1);
        }
        list += 1;
    }
    assert!(at == N, "so many keys are not there");
    all
}

const POLICY: &[Key] = &joined::<51>(&[
    &[required("name", LINE, r#""keep-us""#), optional("was", NAMES, r#"["old-name"]"#)],
    &match_keys!("match."),
    &match_keys!("match.not."),
    RULES,
]);

/// What a policy does with the leases that it matches.
const RULES: &[Key] = &[
    required("action", Shape::Text(|t| v::action(t).map(drop)), r#""renew""#),
    default("before", Shape::Text(|t| v::before(t).map(drop)), r#""3d""#),
    default("urgent", SPAN, r#""12h""#),
    default("period", Shape::TextOrList(|t| v::days(t).map(drop)), r#""30d""#),
    optional("cycle", LINE, r#""monthly""#),
    optional("promo_code", LINE, r#""SAVE10""#),
    default("promo_required", Shape::Bool, "false"),
    default("priority", Shape::Integer(-1_000_000, 1_000_000), "0"),
    optional("max_price", PRICE, r#""3.00""#),
    optional("max_price_jump", PERCENT, r#""25%""#),
    default("pay_by", Shape::Text(|t| v::pay_by(t).map(drop)), r#""renewd""#),
    default("take_over", Shape::Bool, "false"),
    default("on_short_funds", Shape::Text(|t| v::on_short_funds(t).map(drop)), r#""partial""#),
    default("on_unknown", Shape::Text(|t| v::on_unknown(t).map(drop)), r#""hold""#),
    optional("window", Shape::TextOrList(|t| v::window(t).map(drop)), r#""Mon-Fri 08:00-20:00""#),
    optional("except", Shape::List(|t| v::date(t).map(drop)), r#"["2026-12-25", "2026-12-26"]"#),
    optional("timezone", Shape::Text(|t| v::zone(t).map(drop)), r#""Europe/Berlin""#),
    optional("spread", SPAN, r#""12h""#),
    optional("until", Shape::Text(|t| v::date(t).map(drop)), r#""2027-06-30""#),
    default("approval", Shape::Bool, "false"),
    optional("notice", SPAN, r#""7d""#),
];

/// One of `match.any`.
const ANY: &[Key] = &match_keys!("");

const LABEL: &[Key] = &joined::<11>(&[
    &[optional("name", Shape::Text(|t| v::label(t).map(drop)), r#""client-a""#)],
    match_keys!("match.").split_at(OF_A_LABEL).0,
    &[optional("file", LINE, r#""/etc/renewd/clients.csv""#)],
]);

const BUDGET: &[Key] = &[
    required("name", LINE, r#""monthly""#),
    optional("was", NAMES, r#"["old-name"]"#),
    optional("account", NAMES, r#"["yp"]"#),
    optional("policy", NAMES, r#"["keep-us"]"#),
    optional("label", Shape::List(|t| v::label(t).map(drop)), r#"["client-a"]"#),
    required("per", Shape::Text(|t| v::per(t).map(drop)), r#""month""#),
    required("limit", AMOUNT, r#""500.00""#),
    required("currency", Shape::Text(|t| v::currency(t).map(drop)), r#""USD""#),
    optional("warn_at", SHARE, r#""80%""#),
];

const CHANNEL: &[Key] = &[
    required("name", Shape::Text(|t| formats::name(t).map(drop)), r#""ops-chat""#),
    required("format", Shape::Text(|t| formats::format(t).map(drop)), r#""slack""#),
    optional("url", Shape::Secret, r#"{ file = "/etc/renewd/chat.url" }"#),
    optional("token", Shape::Secret, r#"{ file = "/etc/renewd/chat.token" }"#),
    optional("chat", LINE, r#""-100123""#),
    optional("severity", Shape::List(|t| v::severity(t).map(drop)), r#"["urgent", "warning"]"#),
    optional("account", NAMES, r#"["yp"]"#),
];

const HOOK: &[Key] = &[
    required("name", Shape::Text(|t| hook_words::name(t).map(drop)), r#""pool""#),
    required("on", Shape::List(|t| hook_words::event(t).map(drop)), r#"["renewed", "lost", "replaced"]"#),
    required("command", Shape::List(|t| v::line(t).map(drop)), r#"["/etc/renewd/hooks/update-pool"]"#),
];

const ROUTE: &[Key] = &[
    optional("severity", Shape::List(|t| v::severity(t).map(drop)), r#"["urgent"]"#),
    optional("account", NAMES, r#"["yp"]"#),
    required("to", MAILBOXES, r#"["oncall@example.org"]"#),
];

fn matches(key: MatchKey, text: &str) -> Result<(), String> {
    Pattern::parse(key, text).map(drop)
}

/// The key of that dotted name.
pub(super) fn find(keys: &'static [Key], name: &str) -> Option<&'static Key> {
    keys.iter().find(|key| key.name == name)
}

/// What a dotted name's table is called; empty for the root.
pub(super) fn section(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(section, _)| section)
}

/// The defaults of a table, as if they stood where it begins.
pub(super) fn defaults(keys: &[Key], at: &Place) -> BTreeMap<&'static str, Node> {
    keys.iter()
        .filter(|key| key.role == Role::Default)
        .filter_map(|key| {
            let text = format!("it = {}", key.shown);
            let (_, node) = super::tree::parse(&text, at).ok()?.pop()?;
            Some((key.name, Node { place: at.clone(), ..node }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{EXAMPLE, tree};
    use super::*;
    use crate::settings::value_check;

    const REFERENCE: &str = include_str!("../../docs/configuration.md");

    fn every_table() -> impl Iterator<Item = (&'static str, &'static [Key])> {
        ROWS.iter().map(|rows| (rows.name, rows.keys)).chain([("", SCALARS)])
    }

    /// The part of the reference that is about one kind of table.
    fn chapter(table: &str) -> &'static str {
        let start =
            REFERENCE.find(&format!("# `[[{table}]]`")).unwrap_or_else(|| panic!("no chapter {table}"));
        let rest = &REFERENCE[start + 2..];
        &rest[..rest.find("\n#").unwrap_or(rest.len())]
    }

    #[test]
    fn every_shown_value_passes_its_own_check() {
        let at = Place { file: "schema".into(), rank: 0, line: None };
        for (table, keys) in every_table() {
            for key in keys {
                let parsed = tree::parse(&format!("it = {}", key.shown), &at);
                let (_, node) = parsed.ok().and_then(|mut all| all.pop()).unwrap();
                let wrong: Vec<String> = value_check::check(key, &node).into_iter().map(|(_, m)| m).collect();
                assert!(wrong.is_empty(), "{table} {}: {wrong:?}", key.name);
            }
        }
    }

    /// The keys of `match.not` are those of `match`, and told with it.
    fn is_of_not(key: &Key) -> bool {
        key.name.starts_with("match.not.")
    }

    #[test]
    fn not_and_any_take_the_keys_of_match() {
        let of = |prefix: &str| -> Vec<&str> {
            let keys = POLICY.iter().filter_map(|key| key.name.strip_prefix(prefix));
            keys.filter(|rest| !rest.contains('.')).collect()
        };
        let any: Vec<&str> = ANY.iter().map(|key| key.name).collect();
        assert_eq!((of("match."), of("match.")), (of("match.not."), any));
    }

    #[test]
    fn a_label_takes_the_words_of_match_but_labels() {
        let keys: Vec<&str> = LABEL.iter().filter_map(|key| key.name.strip_prefix("match.")).collect();
        let words = MatchKey::ALL.into_iter().filter(|key| *key != MatchKey::Label).map(MatchKey::as_str);
        assert_eq!(keys, words.collect::<Vec<_>>());
    }

    #[test]
    fn the_reference_tells_every_key_with_its_default() {
        for (table, keys) in every_table() {
            let text = if table.is_empty() { REFERENCE } else { chapter(table) };
            for key in keys.iter().filter(|key| !is_of_not(key)) {
                let named = format!("`{}`", key.name);
                let first = |line: &&str| line.split('|').nth(1).is_some_and(|cell| cell.contains(&named));
                let line = text.lines().filter(|line| line.starts_with("| `")).find(first);
                let line =
                    line.unwrap_or_else(|| panic!("{table} {} is not in docs/configuration.md", key.name));
                match key.role {
                    Role::Default => assert!(line.contains(&format!("| `{}` |", key.shown)), "{line}"),
                    Role::Required => assert!(line.contains("| required |"), "{line}"),
                    Role::Optional => assert!(!line.contains("| required |"), "{line}"),
                }
            }
        }
    }

    #[test]
    fn the_example_shows_every_key() {
        let mut here = String::new();
        let mut seen: Vec<(String, String)> = Vec::new();
        for line in EXAMPLE.lines().map(|line| line.trim_start_matches('#')) {
            if let Some(header) = line.strip_prefix('[') {
                here = header.trim_start_matches('[').split(']').next().unwrap_or_default().to_owned();
            } else if let Some((key, _)) = line.split_once(" = ") {
                seen.push((here.clone(), key.to_owned()));
            }
        }
        for (table, keys) in every_table() {
            // Those of `match` are shown with the policy.
            let again = |key: &Key| is_of_not(key) || (table == "label" && section(key.name) == "match");
            for key in keys.iter().filter(|key| !again(key)) {
                let wanted = match table {
                    "" => (section(key.name).to_owned(), key.name.rsplit('.').next().unwrap().to_owned()),
                    _ => (table.to_owned(), key.name.to_owned()),
                };
                assert!(seen.contains(&wanted), "{wanted:?} is not in config/renewd.example.toml");
            }
        }
    }
}
