//! Telling people: rendering alerts and digests as mails, webhook calls and chat messages, delivering the outbox, and the heartbeat. Not
//! responsible for what fires or when it is told.
mod chat;
mod coalesce;
mod context;
pub mod digest;
pub mod direct;
mod email;
pub mod heartbeat;
mod outbox;
mod payload;
mod render;
mod samples;
mod smtp;
mod smtp_errors;
mod smtp_trust;
mod summary;
mod template_check;
pub mod templates;
mod transport;
mod webhook;

pub use chat::Chat;
pub use context::Letterhead;
pub use email::Mailer;
pub use heartbeat::Heart;
pub use outbox::{Attempt, PumpReport, pump};
pub use payload::webhook_schema;
pub use render::{ToldOf, document, recipients, render};
pub use template_check::{own_problems, problems};
pub use transport::{Courier, SendError};
pub use webhook::Webhook;
