//! The words of the trade as types: money, names, leases, quotes, payments, alerts.
//!
//! Pure: no I/O, no clock, no runtime. Depends on nothing of renewd.
pub mod alert;
mod capability;
mod cycle;
mod difference;
pub mod digest;
pub mod identity;
mod ids;
mod inventory;
pub mod lease;
mod lease_view;
pub mod leases;
pub mod lost;
mod money;
mod order;
mod order_state;
mod owner;
pub mod payment;
mod percent;
pub mod quote;
#[cfg(any(test, feature = "samples"))]
pub mod sample;
pub mod term;
pub mod time;

pub use alert::{Alert, AlertKey, Course, KeyPattern, Occasion, Said, Severity};
pub use capability::Capabilities;
pub use cycle::{cycle_days, nominal_days, same_cycle};
pub use difference::Difference;
pub use digest::Tally;
pub use ids::{AccountName, Currency, IntentId, Kind, LeaseId, OrderId, ProviderName};
pub use inventory::{Balance, Doubt, Inventory};
pub use lease::{Bundle, Lease, LeaseName, RequestLease, same_port};
pub use lease_view::LeaseView;
pub use leases::Leases;
pub use money::{Money, MoneyError};
pub use order::{
    AUTO_ON, Catalogue, Change, ChangeRequest, FieldProblem, Offer, Operator, PromoCode, PurchaseAuth,
    PurchaseRequest, Stock,
};
pub use order_state::OrderState;
pub use owner::OwnerSays;
pub use payment::{Event, IllegalEvent, Measured, State, next_state};
pub use percent::Percent;
pub use quote::{Method, OrderNow, PromoStatus, Quote, QuoteError, RenewalRequest, Warning};
pub use term::{Bought, Sameness, Term, TermEnd, Told};
pub use time::Moment;
