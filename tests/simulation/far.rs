//! What a seed has behind the product's own adapters: which vendors, whether policies ask for approval, and the bad luck of these accounts.
//! All of it is drawn from a stream of its own.
use std::sync::Arc;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

use crate::books::Books;
use crate::run::Run;
use crate::site::money;
use crate::time::SimClock;
use crate::vendors::{Brand, Vendor};

/// Which vendors a seed has behind the product's own adapters, with `--vendors`; drawn from a stream of its own, so that a seed without
/// them is what it was.
pub struct Far {
    pub rng: Rng,
    pub vendors: Vec<(Vendor, Books)>,
    /// Some policies ask for approval.
    pub asks: bool,
}

impl Far {
    pub fn draw(number: u64, clock: &Arc<SimClock>) -> Self {
        let mut rng = Rng::with_seed(number ^ 0x00fa_77a6);
        let brands: &[Brand] = match number % 4 {
            _ if !crate::VENDORS.load(std::sync::atomic::Ordering::Relaxed) => &[],
            2 => &[Brand::Seller],
            3 => &[Brand::Px6],
            0 => &[Brand::Seller, Brand::Px6],
            _ => &[],
        };
        let asks = !brands.is_empty() && rng.bool();
        let start = clock.truth();
        let vendors = brands.iter().map(|brand| {
            let balance = money(rng.i64(60..400) * 100);
            let vendor = Vendor::start(*brand, &mut rng, clock, balance);
            let books = vendor.fleet(&mut rng, start, 40, asks);
            (vendor, books)
        });
        let vendors = vendors.collect();
        Self { rng, vendors, asks }
    }
}

impl Run {
    /// What befalls an account at a vendor.
    pub fn bad_luck_at_vendors(&mut self, now: Timestamp) {
        for site in self.sites.clone().into_iter().filter(|s| s.vendor.is_some()) {
            let rng = &mut self.far;
            let within = |rng: &mut Rng, most| now + SignedDuration::from_mins(rng.i64(10..=most));
            if rng.u32(0..1_000) < 20 {
                site.state.lock().unwrap().down_until = within(rng, 360);
                self.judge.fault("vendor down");
            }
            if rng.u32(0..1_000) < 8 {
                site.state.lock().unwrap().garbled_until = within(rng, 120);
                self.judge.fault("list unreadable");
            }
            if rng.u32(0..1_000) < 10 {
                let (until, share) = (within(rng, 90), rng.usize(5..=100));
                let mut state = site.state.lock().unwrap();
                (state.cut_until, state.cut) = (until, share);
                self.judge.fault("list cut");
            }
            if rng.u32(0..1_000) < 10 {
                site.state.lock().unwrap().money_down_until = within(rng, 600);
                self.judge.fault("payments unreachable");
            }
            if rng.u32(0..1_000) < 4 {
                let (cents, lag) = (rng.i64(50..3_000), SignedDuration::from_mins(rng.i64(0..15)));
                site.moves(-cents, lag);
                self.judge.fault("foreign spend");
            }
            if rng.u32(0..1_000) < 3 {
                site.moves(rng.i64(10..300) * 100, SignedDuration::ZERO);
                self.judge.fault("top-up");
            }
            if rng.u32(0..1_000) < 15 {
                let percent = rng.i64(100..=140);
                site.vendor.as_ref().unwrap().set_prices(percent);
                site.state.lock().unwrap().prices = percent;
                self.judge.fault("prices change");
            }
        }
    }
}
