//! The daemon: when passes run, how it starts, reloads, stops, and how it tells the world that it lives.
pub mod deliver;
pub mod digest;
pub mod headline;
pub mod logging;
pub mod notify_socket;
pub mod outage;
pub mod run;
mod runway;
pub mod schedule;
pub mod shots;
pub mod signals;
pub mod tell;
pub mod watch;
pub mod web;
pub mod wire;
