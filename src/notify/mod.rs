//! Telling people: rendering alerts as mails and delivering the outbox. Not responsible for what fires or when it is told.
mod email;
pub mod heartbeat;
mod outbox;
mod render;

pub use email::{MailError, Mailer};
pub use outbox::{Attempt, PumpReport, pump};
pub use render::{Letterhead, render};
