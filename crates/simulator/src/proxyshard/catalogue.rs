//! What ProxyShard sells: products, places, cycles, prices, stock and add-ons. Not responsible for promo codes, nor for
//! what an order came to cost (`price`).
use jiff::{Timestamp, ToSpan, tz::TimeZone};

use renewd_core::domain::Money;

/// Which of the purchase bodies a product takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `Datacenter Proxy`, `ISP Proxy`: a place and a cycle.
    Located,
    /// Residential by the gigabyte: neither, and no end.
    PerGigabyte,
    /// Unmetered residential: a cycle.
    Unmetered,
    /// Any other: a cycle, perhaps a place.
    Other,
}

/// How long a cycle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// So many days.
    Days(i64),
    /// So many calendar months.
    Months(i64),
}

impl Term {
    /// The instant one term later.
    #[must_use]
    pub fn after(self, at: Timestamp) -> Timestamp {
        self.moved(at, 1)
    }

    pub(super) fn before(self, at: Timestamp) -> Timestamp {
        self.moved(at, -1)
    }

    fn moved(self, at: Timestamp, times: i64) -> Timestamp {
        let span = match self {
            Self::Days(n) => (n * times).days(),
            Self::Months(n) => (n * times).months(),
        };
        let end = at.to_zoned(TimeZone::UTC).checked_add(span);
        end.map_or(at, |zoned| zoned.timestamp())
    }
}

/// One way to pay for a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// Its `cycle_id`.
    pub id: u32,
    /// Its name, as requests spell it.
    pub name: String,
    /// How long it is.
    pub term: Term,
    /// Of one proxy, for one term.
    pub price: Money,
    /// Changing to it is not open to this user: 403.
    pub closed: bool,
}

/// A product in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its `product_id`.
    pub id: u32,
    /// Its name, as requests spell it.
    pub product: String,
    /// Which purchase body it takes.
    pub family: Family,
    /// The short name in the stock list.
    pub code: String,
    /// The place.
    pub location: Option<String>,
    /// Its cycles; none for what is paid once.
    pub cycles: Vec<Cycle>,
    /// For one gigabyte, where there are no cycles.
    pub once: Option<Money>,
    /// How many are left; `None`: never scarce.
    pub stock: Option<u32>,
}

impl Offer {
    /// The cycle of this name.
    #[must_use]
    pub fn cycle(&self, name: &str) -> Option<&Cycle> {
        self.cycles.iter().find(|cycle| cycle.name == name)
    }

    /// The price of one, in this cycle; without a cycle: what is paid once.
    #[must_use]
    pub fn price(&self, cycle: Option<&str>) -> Option<Money> {
        cycle.map_or(self.once, |name| self.cycle(name).map(|cycle| cycle.price))
    }
}

/// An add-on that can be bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddonKind {
    /// Its name in requests.
    pub key: String,
    /// Its number.
    pub catalog_id: u32,
    /// For one and one term.
    pub unit: Money,
}

/// Everything on sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    /// One for each product and place.
    pub offers: Vec<Offer>,
    /// Add-ons, the same for every product.
    pub addons: Vec<AddonKind>,
}

impl Catalogue {
    /// The product in this place; without a place: the one that has none.
    #[must_use]
    pub fn offer(&self, product: &str, location: Option<&str>) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.product == product && offer.location.as_deref() == location)
    }

    /// The same, to alter its stock or its cycles.
    pub fn offer_mut(&mut self, product: &str, location: Option<&str>) -> Option<&mut Offer> {
        let wanted = |offer: &&mut Offer| offer.product == product && offer.location.as_deref() == location;
        self.offers.iter_mut().find(wanted)
    }

    /// How long a cycle of a product is; one that left the catalogue is a month.
    #[must_use]
    pub fn term(&self, product: &str, cycle: &str) -> Term {
        let offers = self.offers.iter().filter(|offer| offer.product == product);
        offers
            .filter_map(|offer| offer.cycle(cycle))
            .map(|cycle| cycle.term)
            .next()
            .unwrap_or(Term::Months(1))
    }

    /// Sets the price of one in a cycle; false if there is no such offer.
    pub fn set_price(&mut self, product: &str, location: Option<&str>, cycle: &str, price: Money) -> bool {
        let offer = self.offer_mut(product, location);
        let cycle = offer.and_then(|offer| offer.cycles.iter_mut().find(|known| known.name == cycle));
        cycle.is_some_and(|cycle| {
            cycle.price = price;
            true
        })
    }
}

/// What a product costs: name, term, cents and whether it is closed.
type Row = (&'static str, Term, i64, bool);

const DATACENTER: [Row; 4] = [
    ("daily", Term::Days(1), 35, false),
    ("weekly", Term::Days(7), 140, false),
    ("monthly", Term::Months(1), 250, false),
    ("quarterly", Term::Months(3), 690, false),
];
const ISP: [Row; 3] = [
    ("monthly", Term::Months(1), 360, false),
    ("quarterly", Term::Months(3), 1_020, false),
    ("yearly", Term::Months(12), 3_900, true),
];
const UNMETERED: [Row; 3] = [
    ("1 day", Term::Days(1), 900, false),
    ("7 days", Term::Days(7), 4_900, false),
    ("30 days", Term::Days(30), 16_900, false),
];
const MOBILE: [Row; 2] =
    [("weekly", Term::Days(7), 1_200, false), ("monthly", Term::Months(1), 3_150, false)];

impl Default for Catalogue {
    fn default() -> Self {
        let mut offers = Vec::new();
        let mut add = |product: &str, family, code: &str, location: Option<&str>, rows: &[Row], once| {
            let id = u32::try_from(offers.len()).unwrap_or(0) + 11;
            // Dearer in the United States.
            let extra = if location == Some("US") { 25 } else { 0 };
            let cycle = |(n, (name, term, cents, closed)): (usize, &Row)| Cycle {
                id: id * 10 + u32::try_from(n).unwrap_or(0),
                name: (*name).to_owned(),
                term: *term,
                price: Money::from_cents(cents + extra),
                closed: *closed,
            };
            offers.push(Offer {
                id,
                product: product.to_owned(),
                family,
                code: code.to_owned(),
                location: location.map(str::to_owned),
                cycles: rows.iter().enumerate().map(cycle).collect(),
                once,
                stock: location.map(|_| 500),
            });
        };
        for place in ["DE", "US", "NL"] {
            add("Datacenter Proxy", Family::Located, "dc", Some(place), &DATACENTER, None);
        }
        for place in ["US", "DE", "GB"] {
            add("ISP Proxy", Family::Located, "isp", Some(place), &ISP, None);
        }
        let per_gigabyte = Family::PerGigabyte;
        add("Standart Residential Proxy", per_gigabyte, "res", None, &[], Some(Money::from_cents(300)));
        add("Premium Residential Proxy", per_gigabyte, "prem", None, &[], Some(Money::from_cents(520)));
        add("Unmetered Residential proxy", Family::Unmetered, "unm", None, &UNMETERED, None);
        for place in ["US", "PL"] {
            add("Mobile Proxy", Family::Other, "mob", Some(place), &MOBILE, None);
        }
        let addon = |(n, (key, cents)): (usize, (&str, i64))| AddonKind {
            key: key.to_owned(),
            catalog_id: u32::try_from(n).unwrap_or(0) + 301,
            unit: Money::from_cents(cents),
        };
        let addons = [("extra-traffic", 100), ("p0f", 50), ("whitelist", 20)];
        Self { offers, addons: addons.into_iter().enumerate().map(addon).collect() }
    }
}
