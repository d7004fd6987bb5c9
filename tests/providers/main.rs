//! What lies between renewd and a provider's web: the adapters against recorded and damaged replies, and the simulated providers that
//! the other tests trust.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

mod exec;
mod log;
mod proxyseller;
mod proxyshard;
mod px6;
mod simulated_proxyshard;
mod simulated_youproxy;
mod youproxy;
