//! One reading of an account: all lists, the details that are needed, the wallet, and whether they fit together.
//!
//! Responsible for which requests are sent and how many: within an account's limit 380 orders must be readable, see `memory.rs`.
//! Not responsible for what the answers mean. A crash loses nothing.
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::SignedDuration;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::domain::{AccountName, Doubt, Inventory, Leases, OrderState};
use crate::providers::http::Reply;
use crate::providers::{Purpose, Words};

use super::call::{Caller, Tokens};
use super::detail::{self, Detail};
use super::envelope::Trouble;
use super::map::{self, Asked, Oddities, Row};
use super::me::{self, Me};
use super::page::Listed;
use super::site::Site;
use crate::providers::proxyshard::detail_cache::Memory;
use crate::providers::proxyshard::merge_lists::{Listing, Lists, Standing};

/// Orders on a page: the most that the provider gives.
const LIMIT: usize = 100;
/// Pages of one status. No real account has so many orders.
const PAGES: usize = 1000;
/// Full pages in a row without a new order: the server does not heed the offset.
const STALE: usize = 3;
/// Details asked at once.
const AT_ONCE: usize = 8;
/// Details that got no answer, after which no more are asked in this reading.
const GIVE_UP: usize = 8;

/// Reads one account whole.
pub struct Surveyor {
    /// Makes the calls.
    pub caller: Caller,
    /// Where they go.
    pub site: Site,
    /// Whose.
    pub account: AccountName,
    /// Cleans what is kept.
    pub words: Words,
    /// Tells how old a detail is.
    pub clock: Arc<dyn Clock>,
    /// What is remembered between readings.
    pub memory: Memory,
    /// Orders without an end in the last reading: told in the log when their number changes.
    pub endless: AtomicUsize,
}

/// A reading, and what its counts say.
struct Reading {
    inventory: Inventory,
    /// Numbers of orders that `active_orders` may be.
    counts: Vec<usize>,
    told: Option<usize>,
    /// Why the lists are not whole.
    part: Option<String>,
}

impl Reading {
    /// What the provider's own numbers say against the lists. A list that says itself that it is a part explains a count, too.
    fn differs(&self) -> Option<Doubt> {
        self.part.clone().map(Doubt::Part).or_else(|| self.miscounted().map(Doubt::Count))
    }

    fn miscounted(&self) -> Option<String> {
        let told = self.told.filter(|told| !self.counts.contains(told))?;
        let active = self.counts.first().copied().unwrap_or_default();
        Some(format!("the provider counts {told} active orders, and its lists have {active}"))
    }
}

/// The clock difference of the best answer: a cache between us and the provider can only make a `Date` look worse.
#[derive(Default)]
struct Skew(Option<SignedDuration>);

impl Skew {
    fn see(&mut self, reply: &Reply) {
        self.0 = [self.0, reply.skew].into_iter().flatten().min_by_key(|skew| skew.abs());
    }
}

impl Surveyor {
    /// Every lease and, after it, the wallet. Where the provider's own count of active orders differs from its lists, both are read
    /// once more before the reading is doubted.
    pub async fn take(&self, purpose: Purpose) -> Result<Inventory, Trouble> {
        let first = self.read(purpose).await?;
        if first.differs().is_none() {
            return Ok(first.inventory);
        }
        tracing::debug!(account = %self.account, "the provider's count of orders differs from its lists: reading again");
        let second = self.read(purpose).await?;
        let doubt = second.differs();
        Ok(Inventory { doubt, ..second.inventory })
    }

    /// The account and its wallet.
    pub async fn me(&self, purpose: Purpose, tokens: Tokens) -> Result<(Me, Reply), Trouble> {
        let answer = self.caller.ask("me", self.site.url(&["me"]), purpose, tokens).await?;
        Ok((me::read(&answer.reply.body, &self.words)?, answer.reply))
    }

    async fn read(&self, purpose: Purpose) -> Result<Reading, Trouble> {
        let mut skew = Skew::default();
        let lists = self.lists(purpose, &mut skew).await?;
        let now = self.clock.now();
        let listings = lists.census(|id| self.memory.is_cancelled(id, &now));
        let candidates: Vec<Listing> = listings.iter().filter(|l| needs_a_detail(l)).cloned().collect();
        let ids = self.memory.to_ask(&candidates, purpose, &now);
        let details = self.details(ids, purpose).await;
        let mut odd = Oddities::default();
        odd.add("stand in a list twice", lists.doubles());
        let rows = self.rows(&listings, details, &mut odd);
        self.memory.retain(&listings, &now);
        let (me, reply) = self.me(purpose, Tokens::Take(1)).await?;
        skew.see(&reply);
        if me.active_orders.is_none() {
            odd.note("could not be counted against the provider's own number");
        }
        self.tell_of_endless(rows.values().filter(|row| **row == Row::Endless).count());
        let counts = counts(&lists, &rows);
        let leases: Leases = rows
            .into_values()
            .filter_map(|row| match row {
                Row::Lease(lease) => Some(*lease),
                Row::Endless | Row::None => None,
            })
            .collect();
        let inventory = Inventory {
            leases: std::sync::Arc::new(leases),
            balance: me.wallet,
            oddities: odd.lines(),
            unreadable: lists.unreadable(),
            clock_skew: skew.0,
            doubt: None,
            owner: me.owner,
        };
        Ok(Reading { inventory, counts, told: me.active_orders, part: lists.part() })
    }

    /// The list of all is read after those by status, so that an order that moved meanwhile is in it; the cancelled ones, of which
    /// an old account has many, only where the list of all has something that nothing else explains.
    async fn lists(&self, purpose: Purpose, skew: &mut Skew) -> Result<Lists, Trouble> {
        let active = self.list("active", purpose, skew).await?;
        let on_hold = self.list("on-hold", purpose, skew).await?;
        let all = self.list("all", purpose, skew).await?;
        let mut lists = Lists { active, on_hold, all, cancelled: Listed::default() };
        let now = self.clock.now();
        let unexplained = lists.leftovers().any(|id| !self.memory.is_cancelled(id, &now));
        if unexplained {
            lists.cancelled = self.list("cancelled", purpose, skew).await?;
            let gone = lists.leftovers().filter(|id| lists.cancelled.orders.contains_key(*id));
            self.memory.keep_cancelled(gone, &now);
        }
        Ok(lists)
    }

    /// All pages of one status, by our own offsets. A short page may be the server's own limit, so the end is a page that is short
    /// and brings nothing new.
    async fn list(&self, status: &str, purpose: Purpose, skew: &mut Skew) -> Result<Listed, Trouble> {
        let mut listed = Listed::default();
        let (mut offset, mut stale) = (0, 0);
        for _ in 0..PAGES {
            let (at, limit) = (offset.to_string(), LIMIT.to_string());
            let query = [("status", Some(status)), ("offset", Some(&*at)), ("limit", Some(&*limit))];
            let url = self.site.query(&["orders"], &query);
            let answer = self.caller.ask("orders", url, purpose, Tokens::Take(1)).await?;
            skew.see(&answer.reply);
            let added = listed.add(&answer.reply.body, &self.words)?;
            stale = if added.new == 0 { stale + 1 } else { 0 };
            if added.rows == 0 || (added.rows < LIMIT && added.new == 0) {
                return Ok(listed);
            }
            if stale >= STALE {
                return Err(Trouble::Unreadable(format!(
                    "the pages of the `{status}` orders repeat themselves: the offset is not heeded"
                )));
            }
            offset += added.rows;
        }
        Err(Trouble::Unreadable(format!("there are more than {PAGES} pages of `{status}` orders")))
    }

    /// Single orders, some at once. An id that is missing in the result was not asked, since too many before it got no answer.
    async fn details(&self, ids: Vec<String>, purpose: Purpose) -> Details {
        let mut found = HashMap::new();
        let (mut tasks, mut queue, mut silent) = (JoinSet::new(), ids.clone().into_iter(), 0);
        loop {
            while tasks.len() < AT_ONCE && silent < GIVE_UP {
                let Some(id) = queue.next() else { break };
                let url = self.site.url(&["orders", &id]);
                let ask = self.caller.ask("order", url, purpose, Tokens::Take(1));
                tasks.spawn(async move { (id, ask.await) });
            }
            let Some(done) = tasks.join_next().await else { break };
            // A panic is that order's trouble only: it is missing in the result.
            let Ok((id, answer)) = done else { continue };
            let detail = answer.and_then(|a| detail::read(&a.reply.body, &id, &self.words));
            if let Err(trouble) = &detail {
                silent += usize::from(trouble.is_of_the_account());
                tracing::debug!(account = %self.account, order = %id, why = trouble.words(), "an order could not be read");
            }
            found.insert(id, detail);
        }
        Details { asked: ids, found }
    }

    fn tell_of_endless(&self, orders: usize) {
        if self.endless.swap(orders, Ordering::Relaxed) != orders {
            tracing::info!(account = %self.account, orders, "orders paid by traffic have no end: nothing to renew, not listed");
        }
    }

    fn rows(&self, listings: &[Listing], details: Details, odd: &mut Oddities) -> BTreeMap<String, Row> {
        let Details { asked, mut found } = details;
        let asked: std::collections::HashSet<String> = asked.into_iter().collect();
        let now = self.clock.now();
        let mut row = |listing: &Listing| {
            let asked = match found.remove(&listing.id) {
                Some(Ok(detail)) => {
                    self.memory.keep(listing, &detail, &now);
                    Asked::Fresh(detail)
                }
                Some(Err(trouble)) if trouble.is_not_found() => Asked::Gone(self.memory.recall(listing)),
                Some(Err(_)) => Asked::Failed(self.memory.recall(listing)),
                None if asked.contains(&listing.id) => Asked::Failed(self.memory.recall(listing)),
                None => Asked::No(self.memory.recall(listing)),
            };
            map::row(listing, asked, &self.account, &self.words, odd)
        };
        listings.iter().map(|listing| (listing.id.clone(), row(listing))).collect()
    }
}

/// Answers by order id, and which orders were to be asked.
struct Details {
    asked: Vec<String>,
    found: HashMap<String, Result<Detail, Trouble>>,
}

/// An active order that is paid by traffic has nothing that a detail could add.
fn needs_a_detail(listing: &Listing) -> bool {
    listing.standing != Standing::Active || listing.torn || !map::is_endless(&listing.facts)
}

/// What the provider's `active_orders` may count: it is not said whether an order on hold is one of them, and an order may have
/// moved between the lists and its detail.
fn counts(lists: &Lists, rows: &BTreeMap<String, Row>) -> Vec<usize> {
    let in_state = |state: &OrderState| {
        rows.values().filter(|row| matches!(row, Row::Lease(lease) if &lease.state == state)).count()
    };
    let endless = rows.values().filter(|row| **row == Row::Endless).count();
    let active = in_state(&OrderState::Active) + endless + lists.active.unreadable;
    let listed = lists.active.orders.len() + lists.active.unreadable;
    let on_hold = in_state(&OrderState::OnHold) + lists.on_hold.unreadable;
    vec![active, listed, active + on_hold, listed + lists.on_hold.orders.len() + lists.on_hold.unreadable]
}
