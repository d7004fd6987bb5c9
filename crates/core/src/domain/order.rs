//! Buying, and changing what was bought: the values that go to a provider besides renewals.
//!
//! Not responsible for wire formats or for what a product needs: the adapters know (`Reader::purchase_problems`).
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AccountName, Kind, LeaseId, OrderId};

/// The word for an auto-renewal that was switched on.
pub const AUTO_ON: &str = "auto_on";

/// What is to be bought in one order. Field names are those of the command line and of the order file; which of them a
/// product needs or refuses is the adapter's knowledge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseRequest {
    /// Which account pays.
    pub account: AccountName,
    /// YouProxy's `proxyType`, ProxyShard's `product`.
    pub kind: Kind,
    /// ISO 3166-1 alpha-3 at YouProxy, a location at ProxyShard.
    pub country: Option<String>,
    /// How many.
    pub quantity: u32,
    /// Term in days, where days are sold.
    pub period_days: Option<u32>,
    /// Billing cycle, where cycles are sold.
    pub cycle: Option<String>,
    /// Promo code.
    pub promo: Option<String>,
    /// What it is for (YouProxy asks).
    pub goal: Option<String>,
    /// `login`, or `ip:ADDRESS`.
    pub auth: Option<PurchaseAuth>,
    /// `http` or `socks`.
    pub protocol: Option<String>,
    /// Mobile operator's tag.
    pub operator: Option<String>,
    /// Rotation of a mobile address, in seconds.
    pub rotation: Option<u32>,
    /// Whether the provider shall renew it by itself; `None` = not said.
    pub auto_renewal: Option<bool>,
    /// Add-on key and quantity.
    pub addons: Vec<(String, u32)>,
    /// What the provider is told to tag it with, where it can: set by the engine before the purchase is reserved, never by people. What
    /// is listed under this tag is this purchase's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
}

/// How the bought addresses are unlocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PurchaseAuth {
    /// By login and password.
    Login,
    /// By the caller's address.
    Ip(String),
}

/// A field of a purchase that its product lacks, does not have, or cannot take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field, as on the command line (`country`, `cycle` …).
    pub field: &'static str,
    /// What is wrong and what to write.
    pub message: String,
}

/// What an account can buy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Catalogue {
    /// By kind, as the provider lists them.
    pub offers: Vec<Offer>,
    /// Promo codes open to the account.
    pub promos: Vec<PromoCode>,
}

/// One kind (or product) on offer. Empty lists: the provider does not sell by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Offer {
    /// YouProxy's `proxyType`, ProxyShard's product name.
    pub kind: String,
    /// Countries or locations.
    pub countries: Vec<String>,
    /// Terms in days.
    pub periods: Vec<u32>,
    /// Billing cycles.
    pub cycles: Vec<String>,
    /// Mobile operators.
    pub operators: Vec<Operator>,
    /// What is in stock, where the provider says.
    pub stock: Vec<Stock>,
}

/// A mobile operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Operator {
    /// Its tag, as `--operator` takes it.
    pub tag: String,
    /// Where it is, if known.
    pub country: Option<String>,
    /// Rotation times in seconds.
    pub rotations: Vec<u32>,
}

/// How many are in stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Stock {
    /// Country or location.
    pub country: String,
    /// How many.
    pub amount: u64,
}

/// A promo code as the provider lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct PromoCode {
    /// The code.
    pub code: String,
    /// When it ends; `None` = endless or unreadable.
    pub ends_at: Option<Timestamp>,
}

/// A change of an order that is no payment in itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRequest {
    /// Whose.
    pub account: AccountName,
    /// What it is.
    pub kind: Kind,
    /// The order.
    pub order: OrderId,
    /// Its leases that the change touches; a provider that switches whole orders ignores them. Never empty.
    pub leases: Vec<LeaseId>,
    /// What is to become of it.
    pub what: Change,
}

/// What a change does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The provider's own auto-renewal. Switching it on lets the provider charge.
    AutoRenewal {
        /// On or off.
        on: bool,
        /// The term it renews for, in days, where days are sold (also asked for when switching off).
        period_days: u32,
        /// The whole order at once, where single leases could be switched too.
        whole_order: bool,
    },
    /// Another billing cycle.
    Cycle(String),
    /// Another tag; `None` = no tag.
    Tag(Option<String>),
}

impl Change {
    /// Whether it can make the provider charge, at once or by itself later: then whatever stops spending stops it.
    #[must_use]
    pub fn leads_to_money(&self) -> bool {
        match self {
            Self::AutoRenewal { on, .. } => *on,
            Self::Cycle(_) => true,
            Self::Tag(_) => false,
        }
    }

    /// The word in the ledger and in documents.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::AutoRenewal { on: true, .. } => AUTO_ON,
            Self::AutoRenewal { on: false, .. } => "auto_off",
            Self::Cycle(_) => "cycle",
            Self::Tag(_) => "tag",
        }
    }

    /// What it is set to, for the ledger.
    #[must_use]
    pub fn value(&self) -> String {
        match self {
            Self::AutoRenewal { on, .. } => (if *on { "on" } else { "off" }).to_owned(),
            Self::Cycle(cycle) => cycle.clone(),
            Self::Tag(tag) => tag.clone().unwrap_or_else(|| "none".to_owned()),
        }
    }
}
