//! libFuzzer's way into the target `px6_prolong`. Not responsible for what it claims: see `targets/`.
#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::px6_prolong(data));
