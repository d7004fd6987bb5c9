//! Which account of the ledger a configured account is: by the names it had, its keys, its owner and its leases.
//!
//! Pure. What is remembered belongs to a number; a name is only what the config calls it now. Marks that contradict each other
//! stop the account's payments until an operator accepts what the config says. Not responsible for writing any of it down.
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{AccountName, LeaseId, LeaseView, Leases, OrderId, ProviderName};

/// A hash that says whether two secrets are the same and nothing else: the ledger's id keeps it from being looked up in a table.
#[must_use]
pub fn fingerprint(ledger: &str, provider: &ProviderName, base_url: &str, secret: &str) -> String {
    let mut hash = Sha256::new();
    for part in ["renewd account", ledger, provider.as_str(), base_url.trim_end_matches('/'), secret] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    crate::hex::hex(&hash.finalize())
}

/// Where a lease is: enough to know it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The provider's id.
    pub lease: LeaseId,
    /// Its order.
    pub order: OrderId,
    /// Its address; may be empty.
    pub ip: String,
}

impl Place {
    /// Of a lease.
    #[must_use]
    pub fn of(lease: &LeaseView<'_>) -> Self {
        Self { lease: LeaseId::new(lease.id), order: OrderId::new(lease.order), ip: lease.ip.to_owned() }
    }
}

/// An account as the config has it, with what was just read of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its name now.
    pub name: AccountName,
    /// Its provider.
    pub provider: ProviderName,
    /// Names that the operator says it had.
    pub was: Vec<AccountName>,
    /// The fingerprint of its key.
    pub key: String,
    /// The fingerprint of the provider's own id of its owner, where that was told.
    pub owner: Option<String>,
    /// Its list; `None` where it was not read.
    pub listed: Option<Arc<Leases>>,
}

/// An account as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbered {
    /// Never changes.
    pub number: i64,
    /// Its provider.
    pub provider: ProviderName,
    /// What it is called now.
    pub name: AccountName,
    /// What it was ever called, the present name included.
    pub names: Vec<AccountName>,
    /// Fingerprints of its keys.
    pub keys: Vec<String>,
    /// Fingerprints of its owner.
    pub owners: Vec<String>,
    /// Its leases as last known.
    pub leases: Vec<Place>,
}

/// What is known of a configured account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is known, or it is new and nothing speaks against that.
    Known,
    /// Its key is new and its list was not read: nothing can be said, and nothing be paid.
    Unproven,
    /// What is known of it contradicts itself, or its list is a stranger's.
    Changed {
        /// For people.
        why: String,
        /// Names exactly this contradiction: accepting one does not accept the next.
        mark: String,
    },
}

/// What is to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The account is called otherwise from now on. All of them happen at once: names may change hands.
    Name(i64, AccountName),
    /// Another fingerprint of its key.
    Key(i64, String),
    /// Another fingerprint of its owner.
    Owner(i64, String),
    /// A new account: the index of its claim.
    Open(usize),
}

/// What came of comparing config and ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attached {
    /// One for each claim.
    pub verdicts: Vec<Verdict>,
    /// In the order in which they are to be written.
    pub steps: Vec<Step>,
}

/// Who a claim is.
enum Who {
    Number(i64),
    New,
    /// Nothing is proven; the name may move all the same.
    Unproven(Option<i64>),
    Changed(String, String),
}

/// Compares what the config says with what the ledger knows. `accepted` holds the contradictions that an operator accepted, by account;
/// `today` names what an account was called that has to give up its name.
#[must_use]
pub fn attach(
    known: &[Numbered],
    claims: &[Claim],
    accepted: &HashMap<AccountName, String>,
    today: &str,
) -> Attached {
    let mut done = Attached::default();
    let mut used: HashSet<i64> = HashSet::new();
    let mut names: Vec<(i64, AccountName)> = Vec::new();
    for (index, claim) in claims.iter().enumerate() {
        let others: HashSet<i64> = claims
            .iter()
            .filter(|other| other.name != claim.name)
            .filter_map(|other| by_key(known, other).map(|n| n.number))
            .collect();
        let who = match who(known, claim, &others, accepted.get(&claim.name)) {
            Who::Number(n) if used.contains(&n) => clash(claim, n, accepted.get(&claim.name)),
            who => who,
        };
        done.verdicts.push(match &who {
            Who::Number(_) | Who::New => Verdict::Known,
            Who::Unproven(_) => Verdict::Unproven,
            Who::Changed(why, mark) => Verdict::Changed { why: why.clone(), mark: mark.clone() },
        });
        match who {
            Who::Number(n) => {
                used.insert(n);
                names.push((n, claim.name.clone()));
                done.steps.extend(marks(known, n, claim));
            }
            Who::New => done.steps.push(Step::Open(index)),
            Who::Unproven(Some(n)) if used.insert(n) => names.push((n, claim.name.clone())),
            Who::Unproven(_) | Who::Changed(..) => {}
        }
    }
    let mut steps = renames(known, claims, names, &done, today);
    steps.append(&mut done.steps);
    done.steps = steps;
    done
}

fn by_key<'a>(known: &'a [Numbered], claim: &Claim) -> Option<&'a Numbered> {
    known.iter().find(|n| n.provider == claim.provider && n.keys.contains(&claim.key))
}

/// Whom that name means: who has it, else who had it last.
fn by_name<'a>(known: &[&'a Numbered], name: &AccountName) -> Option<&'a Numbered> {
    let has = known.iter().find(|n| &n.name == name);
    has.or_else(|| known.iter().rev().find(|n| n.names.contains(name))).copied()
}

fn shows(claim: &Claim, of: &Numbered) -> bool {
    let Some(listed) = claim.listed.as_deref() else { return false };
    if claim.provider.is_program() {
        // Vendors count their leases from one alike: an id alone, or a place alone, may be another vendor's.
        let is_there = |p: &Place| {
            let found = listed.get(p.lease.as_str());
            found.is_some_and(|l| l.order == p.order.as_str() && l.ip == p.ip)
        };
        return of.leases.iter().any(is_there);
    }
    if of.leases.iter().any(|p| listed.find(p.lease.as_str()).is_some()) {
        return true;
    }
    let had = of.leases.iter().filter(|p| !p.ip.is_empty());
    let places: HashSet<(&str, &str)> = had.map(|p| (p.order.as_str(), p.ip.as_str())).collect();
    listed.iter().any(|l| places.contains(&(l.order, l.ip)))
}

fn who(known: &[Numbered], claim: &Claim, others: &HashSet<i64>, accepted: Option<&String>) -> Who {
    let own: Vec<&Numbered> = known.iter().filter(|n| n.provider == claim.provider).collect();
    let key = by_key(known, claim);
    let owner = claim.owner.as_ref().and_then(|owner| {
        let mut had = own.iter().filter(|n| n.owners.contains(owner) && !others.contains(&n.number));
        // Two keys of one owner: each account is known by its own.
        had.next().copied().filter(|n| key.is_none_or(|k| k.number == n.number))
    });
    let sure = key.or(owner);
    // A name that is somebody else's now says nothing against a key that is known.
    let name = by_name(&own, &claim.name).filter(|n| sure.is_none() || n.name == claim.name);
    let was = claim.was.iter().filter(|w| !name.is_some_and(|n| n.names.contains(w)));
    let was: Vec<&Numbered> = was.filter_map(|w| by_name(&own, w)).collect();
    let mut found: Vec<&Numbered> = Vec::new();
    for n in sure.into_iter().chain(was).chain(name) {
        if found.iter().all(|f| f.number != n.number) {
            found.push(n);
        }
    }
    let numbers: Vec<String> = found.iter().map(|n| n.number.to_string()).collect();
    let mark = format!("{} {}", claim.key.get(..16).unwrap_or(&claim.key), numbers.join(","));
    let is_accepted = accepted == Some(&mark);
    let Some(first) = found.first() else { return unnamed(&own, claim, others) };
    if found.len() > 1 {
        let free = !others.contains(&first.number) || sure.is_some();
        return match is_accepted {
            true if free => Who::Number(first.number),
            true => Who::New,
            false => Who::Changed(contradiction(claim, sure, &found), mark),
        };
    }
    if sure.is_some() {
        return Who::Number(first.number);
    }
    let taken = others.contains(&first.number);
    // A ledger from before keys were known by: its names are all there is, unless the list is plainly another's. An empty one is for
    // whoever watches over lists that shrink.
    let others_list = || {
        let lists = claim.listed.as_ref().is_some_and(|listed| !listed.is_empty());
        lists && !first.leases.is_empty() && !shows(claim, first)
    };
    if first.keys.is_empty() && !taken && !others_list() {
        return Who::Number(first.number);
    }
    match &claim.listed {
        None => Who::Unproven((!taken).then_some(first.number)),
        Some(_) if first.leases.is_empty() || shows(claim, first) => {
            if taken {
                Who::New
            } else {
                Who::Number(first.number)
            }
        }
        Some(_) if is_accepted => Who::New,
        Some(_) => Who::Changed(stranger(claim, first), mark),
    }
}

/// Neither name nor key is known: its leases may be, and then it is an account that got both anew.
fn unnamed(own: &[&Numbered], claim: &Claim, others: &HashSet<i64>) -> Who {
    if claim.listed.is_none() {
        return Who::Unproven(None);
    }
    let mut same = own.iter().filter(|n| !others.contains(&n.number) && shows(claim, n));
    match (same.next(), same.next()) {
        (Some(one), None) => Who::Number(one.number),
        _ => Who::New,
    }
}

fn contradiction(claim: &Claim, sure: Option<&Numbered>, found: &[&Numbered]) -> String {
    let known: Vec<String> = found.iter().map(|n| format!("`{}`", n.name)).collect();
    let by = match sure {
        Some(n) => format!("its key is that of account `{}`", n.name),
        None => "its key is new".to_owned(),
    };
    format!(
        "{by}, and its names are those of {}: the ledger cannot tell whose leases and payments these are, and nothing is paid. If the \
         config is right: renewd resume {}",
        known.join(" and "),
        claim.name
    )
}

fn stranger(claim: &Claim, of: &Numbered) -> String {
    let n = of.leases.len();
    let known = if n == 1 { "the 1 lease".to_owned() } else { format!("any of the {n} leases") };
    format!(
        "its key is not known yet, and its list does not show {known} known of account `{}`: this may be another account, and nothing is paid. \
         If the key is right: renewd resume {}",
        of.name, claim.name
    )
}

/// A number that another account of the config was found to be already.
fn clash(claim: &Claim, number: i64, accepted: Option<&String>) -> Who {
    let mark = format!("{} {number} twice", claim.key.get(..16).unwrap_or(&claim.key));
    if accepted == Some(&mark) {
        return Who::New;
    }
    let why = format!(
        "another account of the config has its leases and payments already, and nothing is paid. If it is an account of its own: renewd \
         resume {}",
        claim.name
    );
    Who::Changed(why, mark)
}

fn marks(known: &[Numbered], number: i64, claim: &Claim) -> Vec<Step> {
    let Some(of) = known.iter().find(|n| n.number == number) else { return Vec::new() };
    let key = (!of.keys.contains(&claim.key)).then(|| Step::Key(number, claim.key.clone()));
    let owner = claim.owner.clone().filter(|owner| !of.owners.contains(owner));
    key.into_iter().chain(owner.map(|owner| Step::Owner(number, owner))).collect()
}

/// The names that change. Who has a name that another account takes over, and gets no other, is called after the day it lost it.
fn renames(
    known: &[Numbered],
    claims: &[Claim],
    names: Vec<(i64, AccountName)>,
    done: &Attached,
    today: &str,
) -> Vec<Step> {
    let current = |number: i64| known.iter().find(|n| n.number == number).map(|n| &n.name);
    let mut steps: Vec<(i64, AccountName)> =
        names.into_iter().filter(|(number, name)| current(*number) != Some(name)).collect();
    let opened = done.steps.iter().filter_map(|s| match s {
        Step::Open(index) => claims.get(*index).map(|c| c.name.clone()),
        _ => None,
    });
    let mut taken: Vec<AccountName> = steps.iter().map(|(_, name)| name.clone()).chain(opened).collect();
    taken.sort();
    taken.dedup();
    for name in taken {
        for n in known.iter().filter(|n| n.name == name) {
            if steps.iter().all(|(number, _)| *number != n.number) {
                let spare = free_name(known, &steps, claims, &format!("{name}.before-{today}"));
                steps.push((n.number, spare));
            }
        }
    }
    steps.into_iter().map(|(number, name)| Step::Name(number, name)).collect()
}

fn free_name(
    known: &[Numbered],
    steps: &[(i64, AccountName)],
    claims: &[Claim],
    wanted: &str,
) -> AccountName {
    let is_taken = |name: &AccountName| {
        known.iter().any(|n| &n.name == name || n.names.contains(name))
            || steps.iter().any(|(_, n)| n == name)
            || claims.iter().any(|c| &c.name == name)
    };
    let first = AccountName::new(wanted);
    let others = (2_u32..).map(|n| AccountName::new(format!("{wanted}-{n}")));
    std::iter::once(first).chain(others).find(|name| !is_taken(name)).unwrap_or_else(|| wanted.into())
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
