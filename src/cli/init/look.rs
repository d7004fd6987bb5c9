//! A look at an account that nobody has configured yet: which kinds of leases it has, for which term they can be renewed, and at
//! what price. Only free questions; what pays is not even built. Not responsible for what is made of it (`text.rs`).
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::cli::context::{Context, Failure};
use crate::cli::init::answers::Answers;
use crate::cli::init::found::{Found, Kindred};
use crate::cli::init::place::{Draft, Place};
use crate::cli::init::text;
use crate::cli::output;
use crate::domain::{
    AccountName, Bundle, Capabilities, Kind, Lease, Method, Money, OrderState, RenewalRequest,
};
use crate::engine::Viewer;
use crate::providers::{Purpose, Reader};
use crate::settings::{self, Sources};

/// Price questions in all: a look may not take long.
const MOST: usize = 12;
/// The term that is bought where it is on offer; of others the next longer one, else the longest.
const WANTED: u32 = 30;

/// Reads the account. That it does not answer is a result; a wrong flag or an unreadable key is a failure.
pub(super) async fn account(answers: &Answers, place: &Place) -> Result<Found, Failure> {
    let draft = Draft::of("")?;
    let look = text::look(answers, place, draft.folder());
    // The folder is where the request limit is counted.
    fs::create_dir(draft.folder().join("state"))
        .and_then(|()| fs::write(&draft.path, text::with_typed(answers, &look, place)))
        .map_err(|e| Failure::failed(format!("a temporary file cannot be written: {e}")))?;
    let sources = Sources { files: vec![draft.path.clone()], ..answers.sources() };
    let settings = settings::load(&sources).map_err(|problems| {
        Failure::config(problems.into_iter().map(|p| draft.as_of(p, &place.config)).collect())
    })?;
    let ctx = Context::of(settings, false)?;
    let viewer = ctx.viewer(ctx.reading()?)?;
    let name = AccountName::from(answers.name.as_str());
    let Some(reader) = viewer.readers.get(&name) else {
        return Err(Failure::failed("there is no such account"));
    };
    output::note(&format!("renewd: reading account {name}; nothing is paid"));
    Ok(read(&viewer, reader.as_ref(), &name).await)
}

async fn read(viewer: &Viewer, reader: &dyn Reader, name: &AccountName) -> Found {
    let inventory = match reader.inventory(Purpose::Routine).await {
        Ok(inventory) => inventory,
        Err(e) => return Found { trouble: Some(e.to_string()), ..Found::default() },
    };
    let leases = inventory.leases.to_vec();
    let can = reader.capabilities();
    let mut left = MOST;
    let mut kinds = Vec::new();
    let named: BTreeSet<&Kind> = leases.iter().map(|l| &l.kind).collect();
    for kind in named {
        let of: Vec<&Lease> = leases.iter().filter(|l| &l.kind == kind).collect();
        let periods = match can.sells_cycles {
            true => Vec::new(),
            false => reader.periods(kind).await.unwrap_or_default(),
        };
        (viewer.beat)();
        let question = Question { reader, account: name, can, kind, of: &of };
        let (days, price) = question.answer(&periods, &mut left).await;
        kinds.push(Kindred { kind: kind.to_string(), leases: of.len(), days, price });
    }
    Found {
        trouble: None,
        balance: Some(inventory.balance.clone()),
        leases: leases.len(),
        cycles: can.sells_cycles,
        kinds,
    }
}

struct Question<'a> {
    reader: &'a dyn Reader,
    account: &'a AccountName,
    can: &'a Capabilities,
    kind: &'a Kind,
    of: &'a [&'a Lease],
}

impl Question<'_> {
    /// The term, and the highest price of one lease among the countries of this kind.
    async fn answer(&self, periods: &[u32], left: &mut usize) -> (Option<u32>, Option<Money>) {
        let wanted = if self.can.sells_cycles { vec![WANTED] } else { order(periods) };
        for days in wanted {
            let mut highest: Option<Money> = None;
            for sample in self.samples() {
                if *left == 0 {
                    break;
                }
                *left -= 1;
                highest = highest.max(self.price(&sample, days).await);
            }
            if highest.is_some() || *left == 0 {
                return (self.told(days), highest);
            }
        }
        (periods.first().copied().filter(|_| !self.can.sells_cycles), None)
    }

    fn told(&self, days: u32) -> Option<u32> {
        (!self.can.sells_cycles).then_some(days)
    }

    /// One payment's worth of leases for each country: a lease, or a whole order where those are paid whole.
    fn samples(&self) -> Vec<Vec<&Lease>> {
        let mut first: BTreeMap<Option<&str>, &Lease> = BTreeMap::new();
        let usable = |l: &&&Lease| l.expires_at.is_some() && !matches!(l.state, OrderState::Other(_));
        for lease in self.of.iter().filter(usable) {
            first.entry(lease.country.as_deref()).or_insert(lease);
        }
        let whole = self.can.bundle(self.kind) == Bundle::Order;
        let all = |lease: &Lease| self.of.iter().filter(|l| l.order == lease.order).copied().collect();
        first.into_values().map(|lease| if whole { all(lease) } else { vec![lease] }).collect()
    }

    async fn price(&self, sample: &[&Lease], days: u32) -> Option<Money> {
        let leases: Option<Vec<_>> = sample.iter().map(|l| l.reference()).collect();
        let request = RenewalRequest {
            account: self.account.clone(),
            kind: self.kind.clone(),
            leases: leases.filter(|l| !l.is_empty())?,
            period_days: days,
            cycle: sample.first().and_then(|l| l.cycle.clone()),
            promo: None,
            method: Method::Leases,
        };
        match self.reader.quote(&request).await {
            // Warnings stop a payment, not a look: mostly they say that funds are short, or that it is early.
            Ok(quote) => {
                quote.price.shares(request.leases.len()).into_iter().max().filter(|p| p.is_positive())
            }
            Err(e) => {
                tracing::debug!("no price for {} and {days} days: {e}", self.kind);
                None
            }
        }
    }
}

/// Terms in the order in which they are tried: the usual one, then longer ones, then shorter ones. Few are: not every day from one
/// to a year.
fn order(periods: &[u32]) -> Vec<u32> {
    if periods.contains(&WANTED) {
        return vec![WANTED];
    }
    let (mut shorter, mut longer): (Vec<u32>, Vec<u32>) = periods.iter().partition(|days| **days < WANTED);
    longer.sort_unstable();
    shorter.sort_unstable_by(|a, b| b.cmp(a));
    let mut all: Vec<u32> = longer.into_iter().chain(shorter).take(3).collect();
    if all.is_empty() {
        all.push(WANTED);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::usual(&[7, 30, 90], &[30])]
    #[case::longer_first(&[7, 14, 60, 90], &[60, 90, 14])]
    #[case::only_shorter(&[1, 7, 14], &[14, 7, 1])]
    #[case::not_told(&[], &[30])]
    fn terms_are_tried_from_the_usual_one(#[case] periods: &[u32], #[case] wanted: &[u32]) {
        assert_eq!(order(periods), wanted);
    }
}
