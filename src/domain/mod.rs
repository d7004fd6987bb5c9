//! The words of the trade as types: money, names, leases, quotes, payments, alerts.
//!
//! Pure: no I/O, no clock, no runtime. Depends on nothing of renewd.
pub mod alert;
mod capability;
mod cycle;
pub mod identity;
mod ids;
pub mod lease;
mod money;
mod order;
pub mod payment;
mod percent;
pub mod quote;
pub mod term;
pub mod time;

pub use alert::{Alert, AlertKey, Course, KeyPattern, Occasion, Said, Severity};
pub use capability::Capabilities;
pub use cycle::{cycle_days, nominal_days, same_cycle};
pub use ids::{AccountName, Currency, IntentId, Kind, LeaseId, OrderId, ProviderName};
pub use lease::{Balance, Bundle, Doubt, Inventory, Lease, OrderState};
pub use money::{Money, MoneyError};
pub use order::{
    Catalogue, Change, ChangeRequest, FieldProblem, Offer, Operator, PromoCode, PurchaseAuth,
    PurchaseRequest, Stock,
};
pub use payment::{Event, IllegalEvent, Measured, State, next_state};
pub use percent::Percent;
pub use quote::{Method, OrderNow, PromoStatus, Quote, QuoteError, RenewalRequest, RequestLease, Warning};
pub use term::{Bought, Sameness, Term, TermEnd, Told};
pub use time::Moment;
