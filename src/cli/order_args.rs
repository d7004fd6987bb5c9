//! What `order` is asked, as people type it. Not responsible for what the commands do.
use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Orders.
#[derive(Debug, Subcommand)]
pub enum OrderCommand {
    /// Show what the account can buy: types, countries, terms, operators, promo codes, stock. Never pays
    Options {
        /// Of this account; may be left out where there is only one
        #[arg(long)]
        account: Option<String>,
    },
    /// Ask the price of a purchase. Never pays
    Quote(Box<BuyArgs>),
    /// Buy, through the same gate as a renewal. Pays
    Create {
        /// What
        #[command(flatten)]
        buy: Box<BuyArgs>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Change the billing cycle; the provider may charge for it
    Cycle {
        /// The order
        order: String,
        /// As `order options` lists it
        cycle: String,
        /// How
        #[command(flatten)]
        how: ChangeArgs,
    },
    /// Change the tag; `none` removes it
    Tag {
        /// The order
        order: String,
        /// The tag
        tag: String,
        /// How
        #[command(flatten)]
        how: ChangeArgs,
    },
    /// Switch the provider's own auto-renewal of an order
    Auto {
        /// The order
        order: String,
        /// `on` lets the provider charge
        switch: Switch,
        /// How
        #[command(flatten)]
        how: ChangeArgs,
    },
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// How an order is changed.
#[derive(Debug, Args)]
pub struct ChangeArgs {
    /// Whose order; may be left out where only one account has it
    #[arg(long)]
    pub account: Option<String>,
    /// Only say what would change
    #[arg(long)]
    pub preview: bool,
    /// Do not ask on a terminal
    #[arg(long)]
    pub yes: bool,
}

/// What is to be bought. The same names, without the dashes, make an order file.
#[derive(Debug, Clone, Default, Args, serde::Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct BuyArgs {
    /// The account that pays; may be left out where there is only one
    #[arg(long)]
    pub account: Option<String>,
    /// How many (default 1)
    #[arg(long, value_name = "N")]
    pub quantity: Option<u32>,
    /// Promo code
    #[arg(long, value_name = "CODE")]
    pub promo: Option<String>,
    /// YouProxy, Proxy-Seller: IPv4, IPv6, MOBILE or ISP; px6: IPv4, IPv4-shared or IPv6
    #[arg(long)]
    pub kind: Option<String>,
    /// YouProxy, Proxy-Seller: country, ISO 3166-1 alpha-3; px6: in two letters, such as us
    #[arg(long)]
    pub country: Option<String>,
    /// YouProxy, Proxy-Seller, px6: term in days, such as 30d
    #[arg(long, value_name = "DAYS")]
    pub period: Option<String>,
    /// YouProxy, Proxy-Seller: what it is for
    #[arg(long, value_name = "TEXT")]
    pub goal: Option<String>,
    /// YouProxy, Proxy-Seller: login, or ip:ADDRESS
    #[arg(long)]
    pub auth: Option<String>,
    /// YouProxy, Proxy-Seller IPv6: http or socks
    #[arg(long)]
    pub protocol: Option<String>,
    /// YouProxy, Proxy-Seller MOBILE: the operator's tag
    #[arg(long, value_name = "TAG")]
    pub operator: Option<String>,
    /// YouProxy, Proxy-Seller MOBILE: rotation in seconds
    #[arg(long, value_name = "SECONDS")]
    pub rotation: Option<u32>,
    /// ProxyShard: the product's name
    #[arg(long, value_name = "NAME")]
    pub product: Option<String>,
    /// ProxyShard: where
    #[arg(long)]
    pub location: Option<String>,
    /// ProxyShard: billing cycle
    #[arg(long)]
    pub cycle: Option<String>,
    /// ProxyShard: let the provider renew it (only where a policy lets it pay)
    #[arg(long)]
    pub auto_renewal: bool,
    /// ProxyShard: an add-on and how many (repeatable)
    #[arg(long, value_name = "KEY=QTY")]
    pub addon: Vec<String>,
    /// Read these fields from a TOML file; flags override it
    #[arg(long, value_name = "ORDER.toml")]
    #[serde(skip)]
    pub file: Option<PathBuf>,
}
