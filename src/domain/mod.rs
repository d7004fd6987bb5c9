//! The words of the trade as types: money, names, leases, quotes, payments, alerts.
//!
//! Pure: no I/O, no clock, no runtime. Depends on nothing of renewd.
pub mod alert;
mod capability;
mod cycle;
mod ids;
pub mod lease;
mod money;
mod order;
pub mod payment;
mod percent;
pub mod quote;
pub mod time;

pub use alert::{Alert, AlertKey, KeyPattern, Occasion, Severity};
pub use capability::Capabilities;
pub use cycle::{cycle_days, nominal_days, same_cycle};
pub use ids::{AccountName, Currency, IntentId, Kind, LeaseId, OrderId, ProviderName};
pub use lease::{Balance, Bundle, Inventory, Lease, OrderState};
pub use money::{Money, MoneyError};
pub use order::{
    Catalogue, Change, ChangeRequest, FieldProblem, Offer, Operator, PromoCode, PurchaseAuth,
    PurchaseRequest, Stock,
};
pub use payment::{Event, IllegalEvent, Measured, State, next_state};
pub use percent::Percent;
pub use quote::{Method, OrderNow, PromoStatus, Quote, QuoteError, RenewalRequest, RequestLease, Warning};
pub use time::Moment;
