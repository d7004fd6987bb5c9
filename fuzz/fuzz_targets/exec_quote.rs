//! libFuzzer's way into the target `exec_quote`. Not responsible for what it claims: see `targets/`.
#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::exec_quote(data));
