//! Telling people through real parts: mail servers with STARTTLS, implicit TLS, AUTH and a CA of our own, plain listeners for the
//! webhook and the heartbeat, the built binary, and a virtual clock over the real ledger for outages of days. What needs Debian's exim
//! is ignored by a plain `cargo test`; `scripts/test-all` runs it.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]
mod common;

#[path = "mail/causes.rs"]
mod causes;
#[path = "mail/delivery.rs"]
mod delivery;
#[path = "mail/digest.rs"]
mod digest;
#[path = "mail/exim.rs"]
mod exim;
#[path = "mail/heart.rs"]
mod heart;
#[path = "mail/listener.rs"]
mod listener;
#[path = "mail/office.rs"]
mod office;
#[path = "mail/outage.rs"]
mod outage;
#[path = "mail/postman.rs"]
mod postman;
#[path = "mail/recipients.rs"]
mod recipients;
#[path = "mail/rendered.rs"]
mod rendered;
#[path = "mail/routes.rs"]
mod routes;
#[path = "mail/templates.rs"]
mod templates;
#[path = "mail/waiting.rs"]
mod waiting;
#[path = "mail/webhook.rs"]
mod webhook;
