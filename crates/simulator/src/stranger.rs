//! A host that is no provider: it notes what arrives and answers as if it were one. For links and redirects that lead
//! away, where no key may ever follow. Not responsible for judging what came: that is the test's.
use std::time::Duration;

use jiff::Timestamp;

use super::Answer;
use super::reply::Reply;
use super::site::{Arrival, Call, Kind, Lags, Raw, Site};
use renewd_core::domain::Money;

/// The host behind [`super::Simulator`].
#[derive(Debug, Clone, Default)]
pub struct Stranger {
    list_lag: Duration,
    balance_lag: Duration,
}

/// It has no calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoCall {}

impl Kind for NoCall {
    fn is_money(self) -> bool {
        match self {}
    }

    fn is_quote(self) -> bool {
        match self {}
    }

    fn is_read(self) -> bool {
        match self {}
    }
}

impl Site for Stranger {
    type Endpoint = NoCall;

    /// Whatever came is answered with an empty success, and `account` is what it let slip as its `Authorization`.
    fn arrive(&self, raw: &Raw) -> Arrival<NoCall> {
        let none: [u8; 0] = [];
        Arrival {
            account: raw.header("authorization").unwrap_or_default().to_owned(),
            path: raw.target(),
            endpoint: None,
            subject: None,
            turned_away: Some(Reply::new(true).with("orders", &none).with("count", &0)),
        }
    }

    fn advance_to(&mut self, _now: Timestamp) {}

    fn process(&mut self, _now: Timestamp, call: &Call<NoCall>) -> Reply {
        match call.endpoint {}
    }

    fn postpone(&mut self, _at: Timestamp, call: Call<NoCall>) {
        match call.endpoint {}
    }

    fn alter(reply: Reply, _answer: &Answer) -> Reply {
        reply
    }

    fn top_up(&mut self, _now: Timestamp, _key: &str, _amount: Money) -> Option<Money> {
        None
    }

    fn lags(&mut self) -> Lags<'_> {
        Lags { list: &mut self.list_lag, balance: &mut self.balance_lag }
    }
}
