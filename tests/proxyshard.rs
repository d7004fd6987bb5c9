//! The ProxyShard adapter from outside: whole readings, quotes, payments and changes against a local server, and the table of
//! answers. Not responsible for lost connections: those are tested beside the code that sends.
#![allow(clippy::unwrap_used, reason = "the helpers of a test may fail loudly too")]
#[path = "proxyshard/answers.rs"]
mod answers;
#[path = "proxyshard/bench.rs"]
mod bench;
#[path = "proxyshard/calls.rs"]
mod calls;
#[path = "proxyshard/garbage.rs"]
mod garbage;
#[path = "proxyshard/lists.rs"]
mod lists;
#[path = "proxyshard/quotes.rs"]
mod quotes;
#[path = "proxyshard/reading.rs"]
mod reading;
#[path = "proxyshard/secrets.rs"]
mod secrets;
