//! What falls due by label, for the forecast. Not responsible for which labels a lease has (`policy`), nor for what falls due.
use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use crate::domain::{AccountName, Currency, LeaseId, LeaseView, Money};
use crate::engine::outlook::Foresight;
use crate::forecast::{Day, Due, PriceSource};
use crate::policy::Policies;
use crate::settings::Settings;

/// What falls due on a day of the leases of one label.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct LabelDay {
    /// The label, as the config has it now.
    pub label: String,
    /// How many leases.
    pub due: usize,
    /// Null where no price is known.
    pub amount: Option<Money>,
}

/// What falls due up to `to` of the leases of one label; one with several counts for each of them.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct LabelDoc {
    /// The label, as the config has it now.
    pub label: String,
    /// In what; null where that was never read.
    pub currency: Option<Currency>,
    /// How many renewals.
    pub due: usize,
    /// Of those whose price is known.
    pub amount: Money,
    /// Those whose price is not known.
    pub unpriced: usize,
}

/// The labels of the leases of a forecast.
pub(super) struct Labelled<'a> {
    seen: &'a Foresight,
    settings: &'a Settings,
    policies: Policies<'a>,
}

/// A row of the forecast: date, account, and how sure its price is.
type Place = (Date, usize, PriceSource);

/// What falls due by day and label.
#[derive(Default)]
pub(super) struct ByDay(BTreeMap<(Place, String), (usize, Option<Money>)>);

impl ByDay {
    /// Of that row.
    pub fn of(&self, day: &Day) -> Vec<LabelDay> {
        let place: Place = (day.date, day.account, day.source);
        let from = self.0.range((place, String::new())..).take_while(|((at, _), _)| *at == place);
        from.map(|((_, label), (due, amount))| LabelDay { label: label.clone(), due: *due, amount: *amount })
            .collect()
    }
}

impl<'a> Labelled<'a> {
    pub fn new(seen: &'a Foresight, settings: &'a Settings) -> Self {
        Self { seen, settings, policies: settings.policies(seen.from, seen) }
    }

    /// The labels of the n-th lease of an account.
    pub fn of(&self, account: usize, lease: usize) -> Vec<String> {
        self.view(self.seen.accounts[account].leases.view(lease))
    }

    /// The same by names; none where it is not on the list any more.
    pub fn called(&self, account: &AccountName, lease: &LeaseId) -> Vec<String> {
        let known = self.seen.accounts.iter().find(|k| &k.account.name == account);
        known.and_then(|k| k.leases.get(lease.as_str())).map(|l| self.view(l)).unwrap_or_default()
    }

    fn view(&self, lease: LeaseView<'_>) -> Vec<String> {
        self.policies.labels_of(lease).iter().map(ToString::to_string).collect()
    }

    /// By day and label, and by label alone.
    pub fn sums(&self) -> (ByDay, Vec<LabelDoc>) {
        let (mut days, mut all) = (ByDay::default(), BTreeMap::new());
        for due in &self.seen.forecast.dues {
            let currency = self.seen.forecast.runways[due.account].currency.as_ref();
            let shares = due.amount.map(|amount| amount.shares(due.leases.len()));
            for (seq, &lease) in due.leases.iter().enumerate() {
                let share = shares.as_ref().and_then(|shares| shares.get(seq).copied());
                for label in self.of(due.account, lease) {
                    add(all.entry((label.clone(), currency.cloned())).or_default(), share);
                    let row = days.0.entry((self.place(due), label)).or_insert((0, Some(Money::ZERO)));
                    row.0 += 1;
                    row.1 = row.1.zip(share).and_then(|(sum, more)| sum.plus(more));
                }
            }
        }
        (days, all.into_iter().map(|((label, currency), sum)| sum.named(label, currency)).collect())
    }

    fn place(&self, due: &Due) -> Place {
        (due.at.to_zoned(self.settings.timezone.clone()).date(), due.account, due.source)
    }
}

/// A sum over renewals.
#[derive(Default)]
struct Sum {
    due: usize,
    amount: Money,
    unpriced: usize,
}

fn add(sum: &mut Sum, share: Option<Money>) {
    sum.due += 1;
    match share {
        Some(share) => sum.amount = sum.amount.plus(share).unwrap_or(sum.amount),
        None => sum.unpriced += 1,
    }
}

impl Sum {
    fn named(self, label: String, currency: Option<Currency>) -> LabelDoc {
        let Self { due, amount, unpriced } = self;
        LabelDoc { label, currency, due, amount, unpriced }
    }
}
