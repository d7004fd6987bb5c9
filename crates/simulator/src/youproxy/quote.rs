//! The answer to a price question.
use jiff::Timestamp;
use renewd_core::domain::Money;
use serde_json::Value;

use super::{Account, Coded, Product};
use crate::reply::Reply;

/// A price for a whole request.
pub(super) struct Priced {
    pub(super) total: Money,
    pub(super) percent: u32,
    /// `VALID`, `NO_VALID`, or `None` where no code was sent.
    pub(super) promo: Option<&'static str>,
}

/// A price answer. With too little money it is a success with warning 16, as on the provider's page.
pub(super) fn quote_reply(account: &Account, now: Timestamp, product: Product, priced: &Priced) -> Reply {
    let short = Coded::new(16, "Insufficient funds on balance");
    let warnings = if account.balance < priced.total { vec![short] } else { Vec::new() };
    Reply::new(true)
        .with("proxyType", &product.as_str())
        .with_money("balance", Some(account.shown_balance(now)))
        .with_money("price", Some(priced.total))
        .with("currency", &account.currency)
        .with("discount", &priced.percent)
        .with("promoCodeStatus", &priced.promo)
        .with("error", &Value::Null)
        .with("warnings", &warnings)
}
