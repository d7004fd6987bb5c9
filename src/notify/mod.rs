//! Telling people: rendering alerts and digests as mails and webhook calls, delivering the outbox, and the heartbeat. Not
//! responsible for what fires or when it is told.
mod courier;
pub mod digest;
pub mod direct;
mod email;
mod explain;
mod fold;
pub mod heartbeat;
mod letterhead;
mod outbox;
mod payload;
mod render;
mod samples;
mod smtp;
mod summary;
pub mod templates;
mod webhook;

pub use courier::{Courier, SendError};
pub use email::Mailer;
pub use heartbeat::Heart;
pub use letterhead::Letterhead;
pub use outbox::{Attempt, PumpReport, pump};
pub use render::{recipients, render};
pub use webhook::Webhook;
