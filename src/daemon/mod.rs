//! The daemon: when passes run, how it starts, reloads, stops, and how it shows that it lives.
pub mod error;
mod minutes;
pub mod node;
mod numbers;
pub mod reload;
pub mod run;
pub mod shared;
pub mod shots;
pub mod signals;
pub mod systemd;
mod turn;
mod verify;
pub mod watch;
pub mod web;
