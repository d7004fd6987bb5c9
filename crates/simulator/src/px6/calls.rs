//! What each call does and is answered: checks, errors, prices, renewals and purchases as the provider's page tells them.
//!
//! Not responsible for looks (`looks`), sockets or faults on the way. Every answer is HTTP 200, but for too many within a second.
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::books::{EntryKind, Line};
use super::endpoint::Call;
use super::looks;
use super::places::COUNTRIES;
use super::world::Renewal;
use super::{Account, Endpoint, World};
use crate::reply::Reply;
use crate::site::later;
use renewd_core::domain::Money;

/// An error's number and text.
type Refused = (i64, &'static str);

const KEY: Refused = (100, "Error key");
const COUNT: Refused = (200, "Error count");
const PERIOD: Refused = (210, "Error period");
const COUNTRY: Refused = (220, "Error country");
const IDS: Refused = (230, "Error ids");
const VERSION: Refused = (240, "Error version");
const DESCR: Refused = (250, "Error descr");
const STOCK: Refused = (300, "Error active proxy allow");
const MONEY: Refused = (400, "Error no money");
const NOT_FOUND: Refused = (404, "Error not found");

impl World {
    /// Whether this is one call too many within a second; if not, it counts.
    pub(super) fn is_busy(&mut self, now: Timestamp, key: &str) -> bool {
        let recent = self.recent.entry(key.to_owned()).or_default();
        recent.retain(|at| now.duration_since(*at) < SignedDuration::from_secs(1));
        if recent.len() >= self.per_second {
            return true;
        }
        recent.push_back(now);
        false
    }

    /// Processes one call at `now`. The caller has let time pass up to `now`.
    pub(super) fn call(&mut self, now: Timestamp, call: &Call) -> Reply {
        let known = self.accounts.get(&call.key).map(|account| account.down.clone());
        let reply = match known {
            None => Err(KEY),
            Some(Some((code, message))) => return looks::no(code, &message),
            Some(None) => self.dispatch(now, call),
        };
        if call.twist.foreign.is_positive() {
            // Where the balance does not cover it, nobody else could spend it.
            let _nothing_left = self.spend_elsewhere(now, &call.key, call.twist.foreign);
        }
        reply.unwrap_or_else(|(code, message)| looks::no(code, message))
    }

    fn dispatch(&mut self, now: Timestamp, call: &Call) -> Result<Reply, Refused> {
        match call.endpoint {
            Endpoint::Account => self.yes(now, call),
            Endpoint::GetProxy => self.list(now, call),
            Endpoint::GetPrice => self.quote(now, call),
            Endpoint::GetCount => {
                version(call)?;
                country(call)?;
                Ok(self.yes(now, call)?.with("count", &self.stock))
            }
            Endpoint::GetCountry => {
                version(call)?;
                Ok(self.yes(now, call)?.with("list", &COUNTRIES))
            }
            Endpoint::Check => {
                let id = *ids(call)?.first().ok_or(IDS)?;
                self.find(call, id)?;
                Ok(self.yes(now, call)?.with("proxy_id", &id).with("proxy_status", &true))
            }
            Endpoint::SetDescr => self.describe(now, call),
            Endpoint::Prolong => self.prolong(now, call),
            Endpoint::Buy => self.buy(now, call),
        }
    }

    fn get(&self, call: &Call) -> Result<&Account, Refused> {
        self.accounts.get(&call.key).ok_or(KEY)
    }

    fn find(&self, call: &Call, id: u64) -> Result<&super::Proxy, Refused> {
        self.get(call)?.proxies.iter().find(|proxy| proxy.id == id).ok_or(NOT_FOUND)
    }

    fn yes(&self, now: Timestamp, call: &Call) -> Result<Reply, Refused> {
        let account = self.get(call)?;
        Ok(looks::yes(account, account.shown_balance(now), false))
    }

    fn list(&self, now: Timestamp, call: &Call) -> Result<Reply, Refused> {
        let wanted = call.parameter("state").unwrap_or("all");
        let soon = later(now, std::time::Duration::from_secs(86_400));
        let in_state = |end: Timestamp| match wanted {
            "active" => end > now,
            "expired" => end <= now,
            "expiring" => end > now && end <= soon,
            _ => true,
        };
        let descr = call.parameter("descr");
        let account = self.get(call)?;
        let mut rows: Vec<(u64, Value)> = account
            .proxies
            .iter()
            .filter(|proxy| descr.is_none_or(|descr| proxy.descr == descr))
            .filter_map(|proxy| Some((proxy, proxy.shown_end(now)?)))
            .filter(|(_, end)| in_state(*end))
            .map(|(proxy, end)| (proxy.id, looks::row(proxy, end, self.tells_version, now)))
            .collect();
        rows.sort_by_key(|(id, _)| *id);
        let number =
            |name: &str, usual: usize| call.parameter(name).and_then(|n| n.parse().ok()).unwrap_or(usual);
        let limit = number("limit", 1_000).clamp(1, self.most_rows.max(1));
        let page = number("page", 1).max(1);
        let rows: Vec<(u64, Value)> = rows.into_iter().skip((page - 1) * limit).take(limit).collect();
        let array = self.always_array || call.parameter("nokey").is_some();
        let count = rows.len();
        Ok(self.yes(now, call)?.with("list_count", &count).with("list", &looks::listed(rows, array)))
    }

    /// The price of so many of one version for one term, of whichever proxies.
    fn quote(&self, now: Timestamp, call: &Call) -> Result<Reply, Refused> {
        let count = count(call)?;
        let (days, version) = (days(call)?, version(call)?);
        let each = self.each(call, version, days, count)?;
        let price = each.times(count as u64).ok_or(COUNT)?;
        Ok(self
            .yes(now, call)?
            .with("price", &looks::number(price))
            .with("price_single", &looks::number(each))
            .with("period", &days)
            .with("count", &count))
    }

    fn each(&self, call: &Call, version: u8, days: u32, count: usize) -> Result<Money, Refused> {
        let each = self.prices.each(version, days, count).ok_or(PERIOD)?;
        each.plus(call.twist.surcharge).ok_or(PERIOD)
    }

    fn prolong(&mut self, now: Timestamp, call: &Call) -> Result<Reply, Refused> {
        let (asked, days) = (ids(call)?, days(call)?);
        let mut versions = Vec::new();
        for id in &asked {
            let proxy = self.find(call, *id)?;
            if proxy.lapsed {
                return Err(NOT_FOUND);
            }
            versions.push(proxy.version);
        }
        let applied = asked.len().min(call.twist.limit.unwrap_or(usize::MAX));
        let prices =
            versions.iter().take(applied).map(|version| self.each(call, *version, days, asked.len()));
        let prices = prices.collect::<Result<Vec<Money>, Refused>>()?;
        let price = Money::sum(prices.iter().copied()).ok_or(MONEY)?;
        if self.get(call)?.balance < price {
            return Err(MONEY);
        }
        let ends = self.renew(&Renewal {
            key: &call.key,
            at: now,
            kind: EntryKind::Renewal,
            ids: &asked[..applied],
            days,
            amount: price,
            delivers: !call.twist.undelivered,
        });
        let order = self.fresh_order();
        let account = self.get(call)?;
        let mut reply = looks::yes(account, account.balance, true)
            .with("order_id", &order)
            .with("price", &looks::number(price));
        // For a mix there is no price of one.
        let same = versions.windows(2).all(|pair| pair[0] == pair[1]);
        if let Some(each) = prices.first().filter(|_| same) {
            reply = reply.with("price_single", &looks::number(*each));
        }
        let rows = ends.iter().map(|(id, end)| (*id, looks::renewed(*id, *end))).collect();
        let array = call.parameter("nokey").is_some();
        Ok(reply.with("period", &days).with("count", &ends.len()).with("list", &looks::listed(rows, array)))
    }

    fn buy(&mut self, now: Timestamp, call: &Call) -> Result<Reply, Refused> {
        let (count, days, version) = (count(call)?, days(call)?, version(call)?);
        let country = country(call)?;
        let descr = call.parameter("descr").unwrap_or_default();
        if descr.chars().count() > 50 {
            return Err(DESCR);
        }
        if usize::try_from(self.stock).unwrap_or(usize::MAX) < count {
            return Err(STOCK);
        }
        let each = self.each(call, version, days, count)?;
        let price = each.times(count as u64).ok_or(COUNT)?;
        if self.get(call)?.balance < price {
            return Err(MONEY);
        }
        let end = later(now, std::time::Duration::from_secs(86_400 * u64::from(days)));
        let seen_from = later(now, self.list_lag);
        let mut lines = Vec::new();
        for _ in 0..count {
            let ip = self.fresh_address(version);
            let what = (version, country.as_str(), descr);
            let id = self.rent(&call.key, what, &ip, (now, end), seen_from).ok_or(KEY)?;
            lines.push(Line { id, ip, end_before: None, end_after: end });
        }
        let ids: Vec<u64> = lines.iter().map(|line| line.id).collect();
        self.charge(now, &call.key, (EntryKind::Purchase, days), price, lines);
        if call.parameter("auto_prolong").is_some()
            && let Some(account) = self.accounts.get_mut(&call.key)
        {
            account.proxies.iter_mut().filter(|p| ids.contains(&p.id)).for_each(|p| p.auto = Some(days));
        }
        let order = self.fresh_order();
        let account = self.get(call)?;
        let made = account.proxies.iter().filter(|proxy| ids.contains(&proxy.id));
        let rows = made.map(|proxy| (proxy.id, looks::bought(proxy, proxy.end, now))).collect();
        Ok(looks::yes(account, account.balance, true)
            .with("order_id", &order)
            .with("count", &count)
            .with("price", &looks::number(price))
            .with("price_single", &looks::number(each))
            .with("period", &days)
            .with("country", &country)
            .with("list", &looks::listed(rows, call.parameter("nokey").is_some())))
    }

    fn describe(&mut self, now: Timestamp, call: &Call) -> Result<Reply, Refused> {
        let new = call.parameter("new").filter(|new| new.chars().count() <= 50).ok_or(DESCR)?.to_owned();
        let old = call.parameter("old").map(str::to_owned);
        let named = if call.parameter("ids").is_some() { ids(call)? } else { Vec::new() };
        let account = self.accounts.get_mut(&call.key).ok_or(KEY)?;
        let mut count = 0;
        for proxy in &mut account.proxies {
            if named.contains(&proxy.id) || old.as_ref() == Some(&proxy.descr) {
                proxy.descr.clone_from(&new);
                count += 1;
            }
        }
        Ok(self.yes(now, call)?.with("count", &count))
    }
}

fn count(call: &Call) -> Result<usize, Refused> {
    call.parameter("count").and_then(|n| n.parse().ok()).filter(|n| *n > 0).ok_or(COUNT)
}

fn days(call: &Call) -> Result<u32, Refused> {
    call.parameter("period").and_then(|n| n.parse().ok()).filter(|n| *n > 0).ok_or(PERIOD)
}

/// IPv6 where none is named.
fn version(call: &Call) -> Result<u8, Refused> {
    match call.parameter("version").map(str::parse) {
        None => Ok(6),
        Some(Ok(version @ 3..=6)) => Ok(version),
        Some(_) => Err(VERSION),
    }
}

fn country(call: &Call) -> Result<String, Refused> {
    let named = call.parameter("country").unwrap_or_default();
    COUNTRIES.contains(&named).then(|| named.to_owned()).ok_or(COUNTRY)
}

/// The numbers in `ids`, each once.
fn ids(call: &Call) -> Result<Vec<u64>, Refused> {
    let named = call.parameter("ids").ok_or(IDS)?;
    let mut all: Vec<u64> = Vec::new();
    for id in named.split(',') {
        let id = id.trim().parse().map_err(|_| IDS)?;
        if !all.contains(&id) {
            all.push(id);
        }
    }
    Ok(all)
}
