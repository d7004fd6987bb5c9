//! Programs as providers: real processes under the real supervisor, one hostile script for each way to go wrong.
mod bench;
mod family;
mod reading;
mod secrets;
mod verdicts;
