//! Makes accounts, policies, budgets and routes of their checked tables.
//!
//! Not responsible for how rows refer to each other (`cross.rs`).
use super::fields::Fields;
use super::load::{secret, secret_place};
use super::secret::Vault;
use super::values as v;
use super::{Account, Route};
use crate::budget::Budget;
use crate::domain::{AccountName, ProviderName};
use crate::policy::{Clause, Key, Matcher, Pattern, Policy};

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
    let api_key = secret(row, "api_key", vault);
    let provider = row.text("provider")?;
    let usual = row.read("provider", v::provider)?;
    let base_url =
        if row.given("base_url") { row.read("base_url", v::base_url)? } else { v::base_url(usual).ok()? };
    Some(Account {
        name: row.read("name", v::account_name)?,
        was: row.list("was", v::account_name),
        provider: ProviderName::new(provider),
        base_url,
        api_key: api_key?,
        api_key_at: secret_place(row, "api_key")?,
        max_requests_per_minute: row.integer("max_requests_per_minute")?,
        keep_balance: row.read("keep_balance", v::amount)?,
        batch: row.integer("batch")?,
    })
}

pub(super) fn policy(row: &Fields<'_>) -> Option<Policy> {
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
        window: row.read("window", v::window),
        until: row.read("until", v::date),
    })
}

/// An empty list is as if the key were not there.
fn matcher(row: &Fields<'_>) -> Matcher {
    let clause = |key: Key| {
        let name = format!("match.{}", key.as_str());
        let any = row.list(&name, |text| Pattern::parse(key, text));
        (!any.is_empty()).then_some(Clause { key, any })
    };
    Matcher { all: Key::ALL.into_iter().filter_map(clause).collect() }
}

pub(super) fn budget(row: &Fields<'_>) -> Option<Budget> {
    Some(Budget {
        name: row.read("name", v::line)?,
        accounts: names(row),
        policies: row.list("policy", v::line),
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
