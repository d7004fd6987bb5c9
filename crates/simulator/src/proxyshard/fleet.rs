//! A made-up account full of orders, the same for the same seed. Not responsible for what happens to them.
use jiff::{SignedDuration, Timestamp};

use super::{OrderSpec, Status, World};
use renewd_core::domain::Money;

/// What an account is made of.
#[derive(Debug, Clone)]
pub struct FleetSpec {
    /// The account's token.
    pub key: String,
    /// What is in its wallet.
    pub balance: Money,
    /// How many orders work.
    pub active: usize,
    /// How many are on hold.
    pub on_hold: usize,
    /// How many are gone.
    pub cancelled: usize,
    /// Percent of the working orders that the provider renews.
    pub auto_renewal: u8,
    /// The first ends of working orders are this far away.
    pub first_end: SignedDuration,
    /// The last ends of working orders are this far away.
    pub last_end: SignedDuration,
    /// The oldest hold began so long ago; the youngest a minute ago.
    pub longest_hold: SignedDuration,
}

impl FleetSpec {
    /// Working orders end between one day and thirty days ahead; holds are at most sixty hours old, so that none is lost
    /// in the next twelve. The provider renews none.
    #[must_use]
    pub fn new(key: &str, balance: Money, active: usize, on_hold: usize, cancelled: usize) -> Self {
        Self {
            key: key.to_owned(),
            balance,
            active,
            on_hold,
            cancelled,
            auto_renewal: 0,
            first_end: SignedDuration::from_hours(24),
            last_end: SignedDuration::from_hours(24 * 30),
            longest_hold: SignedDuration::from_hours(60),
        }
    }
}

impl World {
    /// A world with one account and its orders, the same for the same seed: ends spread evenly over the time spans.
    #[must_use]
    pub fn fleet(seed: u64, now: Timestamp, spec: &FleetSpec) -> Self {
        let mut world = Self::new();
        world.add_fleet(seed, now, spec);
        world
    }

    /// Opens another account full of orders in this world.
    pub fn add_fleet(&mut self, seed: u64, now: Timestamp, spec: &FleetSpec) {
        let mut random = fastrand::Rng::with_seed(seed);
        self.add_account(&spec.key, spec.balance);
        let minute = SignedDuration::from_mins(1);
        for n in 0..spec.active {
            let ahead = spread(n, spec.active, spec.first_end, spec.last_end);
            // One in twenty has no end.
            let order = if n > 0 && random.u8(0..20) == 0 {
                OrderSpec::lifetime("Standart Residential Proxy").quantity(random.u32(1..=20))
            } else {
                draw(&mut random, plus(now, ahead))
            };
            let auto = random.u8(0..100) < spec.auto_renewal;
            let order = if auto { order.auto_renewal() } else { order };
            self.add_order(&spec.key, &order);
        }
        for n in 0..spec.on_hold {
            let ago = spread(n, spec.on_hold, minute, spec.longest_hold);
            let order = draw(&mut random, plus(now, -ago)).status(Status::OnHold);
            self.add_order(&spec.key, &order);
        }
        for _ in 0..spec.cancelled {
            let end = plus(now, -SignedDuration::from_hours(24 * random.i64(4..=20)));
            let order = draw(&mut random, end).status(Status::Cancelled);
            self.add_order(&spec.key, &order);
        }
    }
}

/// The `n`th of `count` points between two spans.
fn spread(n: usize, count: usize, first: SignedDuration, last: SignedDuration) -> SignedDuration {
    let (n, steps) =
        (i64::try_from(n).unwrap_or(0), i64::try_from(count.saturating_sub(1).max(1)).unwrap_or(1));
    let span = last.as_secs().saturating_sub(first.as_secs());
    SignedDuration::from_secs(first.as_secs().saturating_add(span.saturating_mul(n) / steps))
}

/// Whole seconds, so that every date form says the same end.
fn plus(now: Timestamp, span: SignedDuration) -> Timestamp {
    Timestamp::from_second(now.as_second().saturating_add(span.as_secs())).unwrap_or(now)
}

/// Mostly datacenter and ISP, by the month.
fn draw(random: &mut fastrand::Rng, end: Timestamp) -> OrderSpec {
    let place = |random: &mut fastrand::Rng, places: &[&'static str]| places[random.usize(0..places.len())];
    let order = match random.u8(0..20) {
        0..9 => {
            let cycle = if random.u8(0..4) == 0 { "weekly" } else { "monthly" };
            OrderSpec::new("Datacenter Proxy", Some(place(random, &["DE", "US", "NL"])), cycle, end)
        }
        9..17 => OrderSpec::new("ISP Proxy", Some(place(random, &["US", "DE", "GB"])), "monthly", end),
        17..19 => OrderSpec::new("Mobile Proxy", Some(place(random, &["US", "PL"])), "weekly", end),
        _ => OrderSpec::new("Unmetered Residential proxy", None, "1 day", end),
    };
    let order = order.quantity(random.u32(1..=3));
    if random.bool() { order.tag(place(random, &["shop", "search", "ads"])) } else { order }
}
