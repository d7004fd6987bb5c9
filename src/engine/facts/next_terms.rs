//! The next term of each lease, as the forecast expects it to be bought. Reads nothing that was not read for the forecast.
use super::outlook::{Facts, Foresight, looking};
use crate::forecast::{self, NextTerm};
use crate::settings::Settings;

impl Foresight {
    /// Shows those of the leases that these settings renew: the account, the place in its list, and the term.
    pub fn next_terms(&self, settings: &Settings, see: &mut dyn FnMut(usize, usize, NextTerm)) {
        let facts = Facts { known: &self.accounts, budgets: &self.budgets, kept: &self.kept };
        looking(&facts, settings, (self.from, self.to), |input| forecast::next_terms(input, see));
    }
}
