//! The leases of an account in little memory: some 70 bytes each, whatever their number.
//!
//! Texts that differ from lease to lease (ids, orders, addresses) lie one behind the other in one text; what many leases share
//! (kind, country, tag, state, …) is kept once. Sorted by id, so that one is found by halving. A [`LeaseView`] is borrowed from it;
//! a [`Lease`] of its own is made only for the few that are paid, told or shown. Pure.
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use super::digest::{Print, Tally};
use super::{AccountName, Kind, Lease, LeaseView, Money, OrderState, Told};
use jiff::Timestamp;

/// Leases by id. Whoever changes ids sorts again.
#[derive(Clone, Default)]
pub struct Leases {
    text: String,
    rows: Vec<Row>,
    shared: Vec<Shared>,
    /// Where a set of shared values stands, by its hash.
    places: HashMap<u64, u32>,
}

/// What one lease has of its own: places in the text, its end, and which shared values it has.
#[derive(Clone, Copy)]
struct Row {
    id: u32,
    id_len: u32,
    ip_len: u32,
    order: u32,
    order_len: u32,
    shared: u32,
    port: Option<u16>,
    end_nanos: i32,
    /// [`i64::MIN`]: none that could be read.
    end: i64,
    /// To the second; [`i64::MIN`]: not told.
    start: i64,
}

const NO_END: i64 = i64::MIN;

/// What many leases have in common.
#[derive(Clone, PartialEq, Eq)]
struct Shared {
    account: AccountName,
    kind: Kind,
    country: Option<String>,
    tag: Option<String>,
    operator: Option<String>,
    told: Told,
    provider_renews: Option<bool>,
    state: OrderState,
    held_since: Option<Timestamp>,
    cycle: Option<String>,
    price: Option<Money>,
}

impl Shared {
    fn is_of(&self, l: &LeaseView<'_>) -> bool {
        &self.account == l.account
            && &self.kind == l.kind
            && self.country.as_deref() == l.country
            && self.tag.as_deref() == l.tag
            && self.operator.as_deref() == l.operator
            && self.told == l.told
            && self.provider_renews == l.provider_renews
            && &self.state == l.state
            && self.held_since == l.held_since
            && self.cycle.as_deref() == l.cycle
            && self.price == l.price
    }

    fn of(l: &LeaseView<'_>) -> Self {
        Self {
            account: l.account.clone(),
            kind: l.kind.clone(),
            country: l.country.map(str::to_owned),
            tag: l.tag.map(str::to_owned),
            operator: l.operator.map(str::to_owned),
            told: l.told,
            provider_renews: l.provider_renews,
            state: l.state.clone(),
            held_since: l.held_since,
            cycle: l.cycle.map(str::to_owned),
            price: l.price,
        }
    }
}

fn hash_of(l: &LeaseView<'_>) -> u64 {
    let mut hash = DefaultHasher::new();
    (l.account, l.kind, l.country, l.tag, l.told, l.provider_renews).hash(&mut hash);
    (l.state.as_str(), l.held_since, l.cycle, l.price, l.operator).hash(&mut hash);
    hash.finish()
}

fn place(n: usize) -> u32 {
    u32::try_from(n).expect("a list is read up to a fraction of 4 GiB")
}

impl Leases {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// None at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The n-th.
    #[must_use]
    pub fn view(&self, n: usize) -> LeaseView<'_> {
        let row = &self.rows[n];
        let shared = &self.shared[row.shared as usize];
        let (id, order) = (row.id as usize, row.order as usize);
        let ip = id + row.id_len as usize;
        LeaseView {
            account: &shared.account,
            id: &self.text[id..ip],
            order: &self.text[order..order + row.order_len as usize],
            ip: &self.text[ip..ip + row.ip_len as usize],
            port: row.port,
            kind: &shared.kind,
            country: shared.country.as_deref(),
            tag: shared.tag.as_deref(),
            operator: shared.operator.as_deref(),
            started_at: instant(row.start, 0),
            expires_at: row.expires_at(),
            told: shared.told,
            provider_renews: shared.provider_renews,
            state: &shared.state,
            held_since: shared.held_since,
            cycle: shared.cycle.as_deref(),
            price: shared.price,
        }
    }

    /// The n-th as a lease of its own.
    #[must_use]
    pub fn lease(&self, n: usize) -> Lease {
        self.view(n).to_lease()
    }

    /// The id of the n-th.
    #[must_use]
    pub fn id(&self, n: usize) -> &str {
        let row = &self.rows[n];
        &self.text[row.id as usize..(row.id + row.id_len) as usize]
    }

    /// Which shared values the n-th has: leases with the same number differ in id, order, address, port, start and end at most.
    #[must_use]
    pub fn shared(&self, n: usize) -> usize {
        self.rows[n].shared as usize
    }

    /// Every lease, by id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = LeaseView<'_>> {
        (0..self.len()).map(|n| self.view(n))
    }

    /// The kinds among them; some may be there no more.
    #[must_use]
    pub fn kinds(&self) -> BTreeSet<&Kind> {
        self.shared.iter().map(|s| &s.kind).collect()
    }

    /// Every lease as one of its own. For few, or for whoever shows all.
    #[must_use]
    pub fn to_vec(&self) -> Vec<Lease> {
        self.iter().map(|l| l.to_lease()).collect()
    }

    /// Where the lease with that id stands.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<usize> {
        let at = self.first_from(id);
        (at < self.len() && self.id(at) == id).then_some(at)
    }

    /// The lease with that id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<LeaseView<'_>> {
        self.find(id).map(|n| self.view(n))
    }

    /// The place of the first id that is not below this one.
    #[must_use]
    pub fn first_from(&self, id: &str) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.id(middle) < id {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Adds one at the end; [`Self::sort`] before anything is looked up.
    pub fn push(&mut self, lease: &LeaseView<'_>) {
        let (order, order_len) = self.order(lease.order);
        let id = place(self.text.len());
        self.text.push_str(lease.id);
        self.text.push_str(lease.ip);
        let shared = self.share(lease);
        self.rows.push(Row {
            id,
            id_len: place(lease.id.len()),
            ip_len: place(lease.ip.len()),
            order,
            order_len,
            shared,
            port: lease.port,
            end_nanos: lease.expires_at.map_or(0, Timestamp::subsec_nanosecond),
            end: lease.expires_at.map_or(NO_END, Timestamp::as_second),
            start: lease.started_at.map_or(NO_END, Timestamp::as_second),
        });
    }

    /// Leases of one order mostly come one after the other: its number is kept once then.
    fn order(&mut self, order: &str) -> (u32, u32) {
        if let Some(last) = self.rows.last() {
            let from = last.order as usize;
            if &self.text[from..from + last.order_len as usize] == order {
                return (last.order, last.order_len);
            }
        }
        let at = place(self.text.len());
        self.text.push_str(order);
        (at, place(order.len()))
    }

    fn share(&mut self, lease: &LeaseView<'_>) -> u32 {
        if let Some(last) = self.rows.last()
            && self.shared[last.shared as usize].is_of(lease)
        {
            return last.shared;
        }
        let mut hash = hash_of(lease);
        while let Some(&at) = self.places.get(&hash) {
            if self.shared[at as usize].is_of(lease) {
                return at;
            }
            hash = hash.wrapping_add(1);
        }
        let at = place(self.shared.len());
        self.shared.push(Shared::of(lease));
        self.places.insert(hash, at);
        at
    }

    /// Puts other values in the n-th's place. Its id stays where it is in the order.
    pub fn set(&mut self, n: usize, lease: &LeaseView<'_>) {
        self.push(lease);
        self.rows.swap_remove(n);
    }

    /// Forgets the port of the n-th.
    pub fn drop_port(&mut self, n: usize) {
        self.rows[n].port = None;
    }

    /// Keeps those that are wanted, in their order.
    pub fn retain(&mut self, mut wanted: impl FnMut(usize) -> bool) {
        let mut n = 0;
        self.rows.retain(|_| {
            n += 1;
            wanted(n - 1)
        });
    }

    /// Sorts by id; those with the same id stay in the order in which they came. Gives back what the growing took too much of.
    pub fn sort(&mut self) {
        let ids = self.rows.windows(2).all(|w| self.id_of(&w[0]) <= self.id_of(&w[1]));
        if !ids {
            // Ids of one provider mostly begin alike: the eight bytes behind that decide nearly always, without a look at the text.
            let skip = self.common_start();
            let head = |row: &Row| {
                let mut head = [0; 8];
                let rest = &self.id_of(row).as_bytes()[skip..];
                let len = rest.len().min(8);
                head[..len].copy_from_slice(&rest[..len]);
                u64::from_be_bytes(head)
            };
            let mut by: Vec<(u64, u32)> =
                self.rows.iter().enumerate().map(|(n, row)| (head(row), place(n))).collect();
            by.sort_unstable_by(|a, b| {
                let id = |n: u32| self.id_of(&self.rows[n as usize]);
                a.0.cmp(&b.0).then_with(|| id(a.1).cmp(id(b.1))).then(a.1.cmp(&b.1))
            });
            self.rows = by.into_iter().map(|(_, n)| self.rows[n as usize]).collect();
        }
        self.rows.shrink_to_fit();
        self.text.shrink_to_fit();
    }

    fn id_of(&self, row: &Row) -> &str {
        &self.text[row.id as usize..(row.id + row.id_len) as usize]
    }

    fn common_start(&self) -> usize {
        let Some(first) = self.rows.first() else { return 0 };
        let first = self.id_of(first).as_bytes();
        let mut common = first.len();
        for row in &self.rows {
            let id = self.id_of(row).as_bytes();
            common = first[..common].iter().zip(id).take_while(|(a, b)| a == b).count();
        }
        common
    }

    /// Bytes that it takes on the heap, without what is kept for growing.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.len()
            + self.rows.len() * size_of::<Row>()
            + self.shared.len() * (size_of::<Shared>() + size_of::<(u64, u32)>())
    }

    /// The digest of leases one after the other.
    #[must_use]
    pub fn tally(&self, of: Range<usize>) -> Tally {
        let mut tally = Tally::default();
        let mut print = Print::default();
        of.for_each(|n| tally.add(print.of(&self.view(n))));
        tally
    }
}

impl Row {
    fn expires_at(&self) -> Option<Timestamp> {
        instant(self.end, self.end_nanos)
    }
}

fn instant(seconds: i64, nanos: i32) -> Option<Timestamp> {
    if seconds == NO_END { None } else { Timestamp::new(seconds, nanos).ok() }
}

impl FromIterator<Lease> for Leases {
    fn from_iter<I: IntoIterator<Item = Lease>>(leases: I) -> Self {
        let mut all = Self::default();
        leases.into_iter().for_each(|l| all.push(&l.view()));
        all.sort();
        all
    }
}

impl From<Vec<Lease>> for Leases {
    fn from(leases: Vec<Lease>) -> Self {
        leases.into_iter().collect()
    }
}

impl PartialEq for Leases {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Leases {}

impl fmt::Debug for Leases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
#[path = "leases_tests.rs"]
mod tests;
