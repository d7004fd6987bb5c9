//! Who plays: the four accounts, what is in them, and the names by which story and config speak of them. Not responsible for
//! what happens to them.
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::failed;
use crate::cli::context::Failure;
use crate::domain::Money;
use crate::simulator::proxyshard::{self, OrderSpec, Term};
use crate::simulator::{FleetSpec, Product, Promo, World, proxyseller, px6};

/// The account at the simulated YouProxy.
pub(super) const YP: &str = "yp";
pub(super) const YP_KEY: &str = "demo-key-of-no-account";
/// The account at the simulated ProxyShard.
pub(super) const PS: &str = "ps";
pub(super) const PS_KEY: &str = "demo-token-of-no-account";
/// The account at the simulated Proxy-Seller.
pub(super) const SELL: &str = "sell";
pub(super) const SELL_KEY: &str = "demo-key-of-no-seller";
/// The account at the simulated px6.
pub(super) const PX: &str = "px";
pub(super) const PX_KEY: &str = "demo-key-of-no-px";
/// All of them, as they are shown.
pub(super) const ACCOUNTS: [&str; 4] = [YP, PS, SELL, PX];

/// Orders that the provider renews while renewd steers it: their tag and their policy.
pub(super) const CRAWL: &str = "crawl";
/// The order that is to be let go: its tag and its policy.
pub(super) const OLD: &str = "old";
/// Orders that renewd renews itself.
const SHOP: &str = "shop";

const YP_LEASES: usize = 40;
const YP_BALANCE: i64 = 9_000;
const PS_BALANCE: i64 = 7_000;
const SELL_LEASES: usize = 8;
const SELL_BALANCE: i64 = 5_000;
const PX_LEASES: usize = 8;
const PX_BALANCE: i64 = 2_000;
/// Lists show a payment only so much later, as real ones do.
const LAG: Duration = Duration::from_secs(240);

/// What the story has to know of the accounts.
pub(super) struct Cast {
    /// The address that is let go at `yp`.
    pub(super) let_go: String,
    /// The order that is let go at `ps`.
    pub(super) old: String,
    /// What they begin with, for the first line.
    pub(super) opening: String,
}

/// One order at `ps`: tag, product, place, how many, the hour of its first end, and whether the provider's auto-renewal is on.
type Row = (&'static str, &'static str, &'static str, u32, i64, bool);

const ORDERS: [Row; 9] = [
    (SHOP, "ISP Proxy", "US", 1, 2 * 24 + 3, false),
    (CRAWL, "Datacenter Proxy", "NL", 1, 5 * 24 + 8, true),
    (OLD, "Datacenter Proxy", "DE", 1, 7 * 24 + 10, true),
    (SHOP, "ISP Proxy", "DE", 2, 9 * 24 + 15, false),
    // Both are due at once and do not fit into one day of their budget.
    (CRAWL, "Datacenter Proxy", "US", 2, 11 * 24 + 11, false),
    (CRAWL, "Datacenter Proxy", "US", 2, 12 * 24 + 20, false),
    (SHOP, "ISP Proxy", "GB", 1, 16 * 24 + 9, false),
    // Somebody else spends the money for this one hours before its end.
    (CRAWL, "Datacenter Proxy", "DE", 2, RESCUED_END, false),
    (SHOP, "ISP Proxy", "DE", 1, 25 * 24 + 21, false),
];

/// The end of the order that has to be rescued, in hours from the start.
pub(super) const RESCUED_END: i64 = 20 * 24 + 11;

/// The providers at the start.
pub(super) struct Worlds {
    pub(super) yp: World,
    pub(super) ps: proxyshard::World,
    pub(super) sell: proxyseller::World,
    pub(super) px: px6::World,
}

/// All worlds at `start`.
pub(super) fn assemble(seed: u64, start: Timestamp) -> Result<(Worlds, Cast), Failure> {
    let (yp, let_go) = youproxy(seed, start)?;
    let (ps, old) = shard(start)?;
    let usd = |cents| format!("{} USD", Money::from_cents(cents));
    let spec = proxyseller::FleetSpec::new(SELL_KEY, Money::from_cents(SELL_BALANCE), SELL_LEASES);
    let mut sell = proxyseller::World::fleet(seed, start, &spec);
    sell.list_lag = LAG;
    let spec = px6::FleetSpec::new(PX_KEY, Money::from_cents(PX_BALANCE), PX_LEASES);
    let mut px = px6::World::fleet(seed, start, &spec);
    px.list_lag = LAG;
    let opening = format!(
        "{YP_LEASES} leases and {} at {YP} (YouProxy), {} orders and {} at {PS} (ProxyShard), \
         {SELL_LEASES} leases and {} at {SELL} (Proxy-Seller), {PX_LEASES} leases and {} at {PX} (px6)",
        usd(YP_BALANCE),
        ORDERS.len(),
        usd(PS_BALANCE),
        usd(SELL_BALANCE),
        usd(PX_BALANCE)
    );
    Ok((Worlds { yp, ps, sell, px }, Cast { let_go, old, opening }))
}

/// A fleet, a promo code for its mobile leases, and the address of one that is to be let go.
fn youproxy(seed: u64, start: Timestamp) -> Result<(World, String), Failure> {
    let spec = FleetSpec::new(YP_KEY, Money::from_cents(YP_BALANCE), YP_LEASES);
    let mut world = World::fleet(seed, start, &spec);
    world.list_lag = LAG;
    let account = world.account_mut(YP_KEY).ok_or_else(|| failed("the simulated account is missing"))?;
    account.promos.push(Promo { code: "SAVE10".to_owned(), percent: 10, starts: start, ends: None });
    let lease = account.rentals().iter().find(|r| r.product == Product::IPv4).map(|r| r.ip.clone());
    Ok((world, lease.ok_or_else(|| failed("the simulated fleet has no IPv4 lease"))?))
}

/// The orders, and the one that is to be let go.
fn shard(start: Timestamp) -> Result<(proxyshard::World, String), Failure> {
    let mut world = proxyshard::World::new();
    world.list_lag = LAG;
    // A month of thirty days: the story is the same whatever the date.
    let cycles = world.catalogue.offers.iter_mut().flat_map(|offer| &mut offer.cycles);
    cycles.filter(|cycle| cycle.name == "monthly").for_each(|cycle| cycle.term = Term::Days(30));
    world.add_account(PS_KEY, Money::from_cents(PS_BALANCE));
    let mut old = None;
    for (tag, product, place, quantity, hours, auto) in ORDERS {
        let end = start.checked_add(SignedDuration::from_hours(hours)).map_err(failed)?;
        let order = OrderSpec::new(product, Some(place), "monthly", end).quantity(quantity).tag(tag);
        let order = if auto { order.auto_renewal() } else { order };
        let id = world.add_order(PS_KEY, &order).ok_or_else(|| failed(format!("no {product} in {place}")))?;
        if tag == OLD {
            old = Some(id);
        }
    }
    Ok((world, old.ok_or_else(|| failed("no order is to be let go"))?))
}
