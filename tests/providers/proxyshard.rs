//! The ProxyShard adapter from outside: whole readings, quotes, payments and changes against a local server, and the table of
//! answers. Not responsible for lost connections: those are tested beside the code that sends.
mod answers;
pub mod bench;
mod calls;
mod garbage;
mod lists;
mod quotes;
mod reading;
mod secrets;
