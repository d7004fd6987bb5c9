//! renewd.
fn main() {}
