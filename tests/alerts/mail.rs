//! Telling people through real parts: mail servers with STARTTLS, implicit TLS, AUTH and a CA of our own, plain listeners for the
//! webhook and the heartbeat, the built binary, and a virtual clock over the real ledger for outages of days. What needs Debian's exim
//! is ignored by a plain `cargo test`; `scripts/test-all` runs it.

mod causes;
mod channels;
mod delivery;
mod digest;
mod exim;
mod heart;
mod listener;
mod office;
mod outage;
mod postman;
mod recipients;
mod rendered;
mod routes;
mod services;
mod templates;
mod trust;
mod waiting;
mod webhook;
