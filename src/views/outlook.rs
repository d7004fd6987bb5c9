//! What the newest cycle saw ahead, as `status`, the page and `/metrics` show it: a few rows of the ledger instead of a forecast over
//! every lease. The cycle makes them of the forecast that it tells people by; under another config they say nothing, and a forecast is
//! made instead. Not responsible for what is shown of them.
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::time::words;
use crate::domain::{AccountName, Currency, Money};
use crate::engine::{CycleReport, keeps};
use crate::hex::hex;
use crate::ledger::{AccountDecisions, AccountFacts, Decisions, Ledger, LedgerError, Outlook};
use crate::policy::{Decision, Keeps, Word};
use crate::settings::Settings;

use super::days::Days;
use super::forecast::{Foresight, foresee};
use super::held::{HeldGroup, grouped};
use super::value;
use super::warnings::{Warning, warnings};

/// Days of which it is kept what falls due.
pub const DAYS: i64 = 30;

/// How long a balance lasts, over `alerts.runway` ahead: the one forecast, in short.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Runway {
    /// The day it stops covering what falls due; null if it lasts.
    pub until: Option<String>,
    /// The cost of all that falls due.
    pub need: Money,
    /// What the balance lacks for it.
    pub short_by: Money,
    /// The first payment that could not be made; null if all can.
    pub top_up_by: Option<Timestamp>,
    /// Leases that fall due and have no known price: `need` lacks them.
    pub unpriced: usize,
    /// `need` and `short_by` are for all that falls due up to here: `alerts.runway` after `outlook_at`.
    pub to: Timestamp,
    /// The amount to top up together with the time that it is for, in words.
    pub text: String,
}

/// An amount to top up means nothing without the time that it is for: it is said in these words wherever one is shown.
#[must_use]
pub fn top_up_words(short_by: Money, currency: Option<&Currency>, ahead: SignedDuration) -> String {
    let ahead = words(ahead);
    if !short_by.is_positive() {
        return format!("covers the next {ahead}");
    }
    let currency = currency.map(|c| format!(" {c}")).unwrap_or_default();
    format!("short by {short_by}{currency} for the next {ahead}")
}

/// What is ahead of one account.
#[derive(Debug, Clone, Default)]
pub struct Ahead {
    /// When that was looked at; `None` where it never was.
    pub at: Option<Timestamp>,
    /// Leases by their decision; `None` before the first cycle.
    pub decisions: Option<Decisions>,
    /// When the next lease falls due.
    pub next_due_at: Option<Timestamp>,
    /// When the first lease ends of those that had not ended at `at`.
    pub earliest_end_at: Option<Timestamp>,
    /// How long the balance lasts; `None` while that is not known.
    pub runway: Option<Runway>,
    /// What cannot be renewed as configured.
    pub warnings: Vec<Warning>,
    /// How many leases are held, by the word of the reason; `None` before the first cycle.
    pub held_words: Option<BTreeMap<String, usize>>,
    /// The same, by what stands against them.
    pub held: Vec<HeldGroup>,
    /// What falls due within [`DAYS`].
    pub days: Days,
}

/// A warning as it is stored: its account is that of the row.
#[derive(Serialize, Deserialize, schemars::JsonSchema)]
struct StoredWarning {
    word: String,
    leases: usize,
    first_end: Option<Timestamp>,
    text: String,
}

/// Names the part of the configuration that decides what is ahead, and what an operator keeps in spite of it.
fn fingerprint(settings: &Settings, kept: &Keeps) -> String {
    let accounts: Vec<_> =
        settings.accounts.iter().map(|a| (&a.name, &a.provider, &a.keep_balance, a.batch)).collect();
    let what = (
        accounts,
        &settings.policies,
        &settings.budgets,
        (settings.alerts.runway, kept.all()),
        (&settings.timezone_name, &settings.schedule.cycle, env!("CARGO_PKG_VERSION")),
    );
    hex(&Sha256::digest(format!("{what:?}")))
}

/// The rows that a cycle keeps of what it saw. `decided`: it looked at every lease.
#[must_use]
pub fn outlooks(seen: &Foresight, settings: &Settings, decided: Option<&CycleReport>) -> Vec<Outlook> {
    let config = fingerprint(settings, &seen.kept);
    let soon = seen.from.checked_add(SignedDuration::from_hours(24 * DAYS)).unwrap_or(Timestamp::MAX);
    let near = seen.until(settings, soon);
    let warnings = warnings(seen, settings);
    let one = |n: usize| {
        let account = seen.name(n);
        let runway = &seen.forecast.runways[n];
        let mine = warnings.iter().filter(|w| w.account == account).map(|w| StoredWarning {
            word: w.word.to_owned(),
            leases: w.leases,
            first_end: w.first_end,
            text: w.text.clone(),
        });
        let days = Days::of(seen, &near, n, settings);
        Outlook {
            at: seen.from,
            config: config.clone(),
            decided: decided.map(|report| of_account(report, &account)),
            next_due_at: runway.next_due_at,
            need: runway.need,
            short_by: runway.short_by,
            until: runway.until,
            top_up_by: runway.top_up_by,
            unpriced: runway.unpriced,
            warnings: text(&mine.collect::<Vec<_>>()),
            days: text(&days),
            account,
        }
    };
    (0..seen.accounts.len()).map(one).collect()
}

fn text(document: &impl Serialize) -> String {
    value(document).to_string()
}

fn of_account(report: &CycleReport, account: &AccountName) -> AccountDecisions {
    let mut decisions = Decisions::default();
    // What is idle is held by nothing.
    let idle = report.lists.iter().filter(|list| &list.account == account).flat_map(|list| &list.idle);
    idle.for_each(|idle| *decisions.of(idle.decision()) += 1);
    let mine = || report.items.iter().filter(|i| &i.lease.account == account);
    mine().for_each(|item| *decisions.of(item.decision()) += 1);
    let held = grouped(mine().filter(|item| item.decision() == Decision::Hold));
    AccountDecisions { decisions, held: text(&held) }
}

/// What is ahead of each configured account, in the order of the config. `facts` is what the ledger knows of accounts.
///
/// # Errors
/// The ledger's.
pub fn ahead(
    ledger: &dyn Ledger,
    settings: &Settings,
    facts: &[AccountFacts],
    now: Timestamp,
) -> Result<Vec<Ahead>, LedgerError> {
    // A config that can be used has a policy. Without one nothing is known of what is wanted: neither that it lasts, nor that it will
    // lapse.
    if settings.policies.is_empty() {
        return Ok(vec![Ahead::default(); settings.accounts.len()]);
    }
    let (mut stored, config) = (ledger.outlooks()?, fingerprint(settings, &keeps(ledger, settings)?));
    stored.retain(|outlook| outlook.config == config);
    let was_read = |name: &AccountName| facts.iter().any(|f| &f.account == name && f.read_at.is_some());
    let is_kept = |name: &AccountName| stored.iter().any(|o| &o.account == name);
    if !settings.accounts.iter().all(|a| is_kept(&a.name) || !was_read(&a.name)) {
        let to = now.checked_add(settings.alerts.runway).unwrap_or(Timestamp::MAX);
        stored = outlooks(&foresee(ledger, settings, now, to)?, settings, None);
    }
    let of = |name: &AccountName| {
        let currency = facts.iter().find(|f| &f.account == name).and_then(|f| f.currency.as_ref());
        let mine = stored.iter().find(|o| &o.account == name);
        mine.map_or_else(Ahead::default, |o| Ahead::of(o, currency, settings.alerts.runway))
    };
    Ok(settings.accounts.iter().map(|a| of(&a.name)).collect())
}

impl Ahead {
    fn of(stored: &Outlook, currency: Option<&Currency>, ahead: SignedDuration) -> Self {
        let held = stored.decided.as_ref().and_then(|d| serde_json::from_str::<Vec<HeldGroup>>(&d.held).ok());
        let told: Vec<StoredWarning> = serde_json::from_str(&stored.warnings).unwrap_or_default();
        let warning = |w: StoredWarning| {
            let word = Word::ALL.iter().find(|word| word.as_str() == w.word)?.as_str();
            let account = stored.account.clone();
            Some(Warning { word, account, leases: w.leases, first_end: w.first_end, text: w.text })
        };
        let days: Days = serde_json::from_str(&stored.days).unwrap_or_default();
        Self {
            at: Some(stored.at),
            earliest_end_at: days.first_end,
            decisions: stored.decided.as_ref().map(|d| d.decisions),
            next_due_at: stored.next_due_at,
            runway: stored.short_by.map(|short_by| Runway {
                until: stored.until.map(|day| day.to_string()),
                need: stored.need,
                short_by,
                top_up_by: stored.top_up_by,
                unpriced: stored.unpriced,
                to: stored.at.checked_add(ahead).unwrap_or(Timestamp::MAX),
                text: top_up_words(short_by, currency, ahead),
            }),
            warnings: told.into_iter().filter_map(warning).collect(),
            held_words: held.as_ref().map(|groups| by_word(groups)),
            held: held.unwrap_or_default(),
            days,
        }
    }
}

fn by_word(groups: &[HeldGroup]) -> BTreeMap<String, usize> {
    let mut words = BTreeMap::new();
    groups.iter().for_each(|g| *words.entry(g.word.clone()).or_default() += g.leases);
    words
}
