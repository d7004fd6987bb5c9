//! Makes accounts, policies, budgets and routes of their checked tables.
//!
//! Not responsible for how rows refer to each other (`cross.rs`).
use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::draft::{secret, secret_place};
use super::fields::Fields;
use super::secret::Vault;
use super::values as v;
use super::{Account, Route, program_keys};
use crate::budget::Budget;
use crate::domain::{AccountName, OwnerSays, ProviderName};
use crate::policy::{Bound, Clause, Key, Matcher, Pattern, Policy, Terms, Windows};

/// A table and what was made of it; nothing where it is wrong.
pub(super) struct Row<'r, 'p, T> {
    pub fields: &'r Fields<'p>,
    pub made: Option<T>,
}

/// Makes each one, wrong ones included.
pub(super) fn all<'r, 'p: 'r, T>(
    rows: impl Iterator<Item = &'r Fields<'p>>,
    make: impl Fn(&Fields<'p>) -> Option<T>,
) -> Vec<Row<'r, 'p, T>> {
    rows.map(|fields| Row { fields, made: make(fields) }).collect()
}

/// All of them, if all could be made.
pub(super) fn made<T>(rows: Vec<Row<'_, '_, T>>) -> Option<Vec<T>> {
    rows.into_iter().map(|row| row.made).collect()
}

pub(super) fn account(row: &Fields<'_>, vault: &Vault<'_>) -> Option<Account> {
    let provider = row.text("provider")?;
    let usual = row.read("provider", v::provider)?;
    let program = program_keys::of(row, provider);
    let api_key = match program.is_some() && !row.given("api_key") {
        true => Some(String::new().into()),
        false => secret(row, "api_key", vault),
    };
    if !row.given("api_key") && provider != v::PROGRAM {
        let shown = row.key("api_key").map_or("", |key| key.shown);
        row.tell("api_key", format!("is missing: write api_key = {shown}"));
    }
    let base_url = match (&program, row.given("base_url")) {
        (Some(program), _) => program.address(row.given("api_key")),
        (None, true) => row.read("base_url", v::base_url)?,
        (None, false) => v::base_url(usual).ok()?,
    };
    if provider == v::PROGRAM && program.is_none() {
        return None;
    }
    Some(Account {
        name: row.read("name", v::account_name)?,
        was: row.list("was", v::account_name),
        provider: ProviderName::new(provider),
        base_url,
        api_key: api_key?,
        api_key_at: if row.given("api_key") { secret_place(row, "api_key")? } else { String::new() },
        max_requests_per_minute: match v::usual_rate(provider) {
            Some(usual) if !row.given("max_requests_per_minute") => usual,
            _ => row.integer("max_requests_per_minute")?,
        },
        keep_balance: row.read("keep_balance", v::amount)?,
        batch: row.integer::<usize>("batch")?.min(v::most_at_once(provider).unwrap_or(usize::MAX)),
        owner_says: owner_says(row)?,
        program,
    })
}

/// `None` where it is wrong.
fn owner_says(row: &Fields<'_>) -> Option<OwnerSays> {
    let renews_off = row.read("provider_renews", v::provider_renews).is_some();
    if !row.given("version") {
        return Some(OwnerSays { renews_off, version: None });
    }
    let version = row.integer::<u8>("version")?;
    if !v::VERSIONS.contains(&version) {
        row.tell(
            "version",
            format!("{version} is nothing that renewd renews: write 4 (IPv4), 3 (IPv4, shared) or 6 (IPv6)"),
        );
        return None;
    }
    Some(OwnerSays { renews_off, version: Some(version) })
}

/// `zone` holds where the policy names none.
pub(super) fn policy(row: &Fields<'_>, zone: &TimeZone) -> Option<Policy> {
    let periods = row.list("period", v::days);
    if periods.is_empty() {
        return None;
    }
    Some(Policy {
        name: row.read("name", v::line)?,
        matches: matcher(row),
        action: row.read("action", v::action)?,
        before: row.read("before", v::before)?,
        urgent: row.read("urgent", v::span)?,
        periods,
        cycle: row.read("cycle", v::line),
        promo_code: row.read("promo_code", v::line),
        promo_required: row.flag("promo_required")?,
        priority: row.integer("priority")?,
        max_price: row.read("max_price", v::price),
        max_price_jump: row.read("max_price_jump", v::percent),
        pay_by: row.read("pay_by", v::pay_by)?,
        take_over: row.flag("take_over")?,
        on_short_funds: row.read("on_short_funds", v::on_short_funds)?,
        on_unknown: row.read("on_unknown", v::on_unknown)?,
        window: Windows::new(row.list("window", v::window), row.list("except", v::date)),
        timezone: if row.given("timezone") { row.read("timezone", v::zone)?.1 } else { zone.clone() },
        spread: row.read("spread", v::span).unwrap_or(SignedDuration::ZERO),
        until: row.read("until", v::date),
        approval: row.flag("approval")?,
        notice: row.read("notice", v::span),
    })
}

pub(super) fn matcher(row: &Fields<'_>) -> Matcher {
    let not = terms(row, "match.not.");
    Matcher {
        all: terms(row, "match."),
        not: (not != Terms::default()).then_some(not),
        any: row.rows("match.any").map(|one| terms(one, "")).collect(),
    }
}

fn terms(row: &Fields<'_>, prefix: &str) -> Terms {
    let at = |key: &str| format!("{prefix}{key}");
    let bounds = [
        row.read(&at("min_age"), v::span).map(Bound::MinAge),
        row.read(&at("max_age"), v::span).map(Bound::MaxAge),
        row.read(&at("min_last_price"), v::price).map(Bound::MinLastPrice),
        row.read(&at("max_last_price"), v::price).map(Bound::MaxLastPrice),
    ];
    Terms { clauses: clauses(row, prefix, &Key::ALL), bounds: bounds.into_iter().flatten().collect() }
}

/// An empty list is as if the key were not there.
pub(super) fn clauses(row: &Fields<'_>, prefix: &str, keys: &[Key]) -> Vec<Clause> {
    let clause = |&key: &Key| {
        let any = row.list(&format!("{prefix}{}", key.as_str()), |text| Pattern::parse(key, text));
        (!any.is_empty()).then_some(Clause { key, any })
    };
    keys.iter().filter_map(clause).collect()
}

pub(super) fn budget(row: &Fields<'_>) -> Option<Budget> {
    Some(Budget {
        name: row.read("name", v::line)?,
        accounts: names(row),
        policies: row.list("policy", v::line),
        labels: row.list("label", v::line),
        per: row.read("per", v::per)?,
        limit: row.read("limit", v::amount)?,
        currency: row.read("currency", v::currency)?,
        warn_at: row.read("warn_at", v::share),
    })
}

pub(super) fn route(row: &Fields<'_>) -> Option<Route> {
    let to = row.list("to", v::mailbox);
    (!to.is_empty()).then(|| Route { severity: row.list("severity", v::severity), accounts: names(row), to })
}

fn names(row: &Fields<'_>) -> Vec<AccountName> {
    row.list("account", |text| Ok(AccountName::new(text)))
}
