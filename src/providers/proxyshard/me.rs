//! The account itself: `/me`. Pure.
use crate::domain::Balance;
use crate::domain::identity::fingerprint;
use crate::providers::Words;

use super::envelope::{self, Trouble};
use super::json;
use super::wire;

/// What `/me` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    /// The wallet, in dollars.
    pub wallet: Balance,
    /// The provider's own count of active orders; `None` = not told.
    pub active_orders: Option<usize>,
    /// A hash of the owner's mail address: the account is known by it after its token was changed; `None` = not told.
    pub owner: Option<String>,
}

/// Reads the body of `/me`. Source: the vendor's reference, `wallet_balance` in cents.
///
/// # Errors
/// The provider's own error, or [`Trouble::Unreadable`]: no whole number of cents.
pub fn read(body: &[u8], words: &Words) -> Result<Me, Trouble> {
    let answer = envelope::object(body, words)?;
    let told = answer.get("wallet_balance");
    let amount = told.and_then(wire::cents).ok_or_else(|| {
        let spelled = told.map(json::spelled).unwrap_or_default();
        Trouble::Unreadable(format!("`wallet_balance` is not a whole number of cents{spelled}"))
    })?;
    let active_orders =
        answer.get("active_orders").and_then(json::whole).and_then(|n| usize::try_from(n).ok());
    let email = answer.get("email").and_then(json::text).map(|email| email.trim().to_lowercase());
    let owner = email.filter(|e| !e.is_empty()).map(|e| fingerprint("", &"proxyshard".into(), "", &e));
    Ok(Me { wallet: Balance { amount, currency: wire::usd() }, active_orders, owner })
}
