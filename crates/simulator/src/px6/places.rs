//! Where proxies are: the countries of the shop, and addresses in ranges that are reserved. Pure.
use std::net::{Ipv4Addr, Ipv6Addr};

/// Countries of the shop.
pub(super) const COUNTRIES: [&str; 4] = ["de", "nl", "ru", "us"];

/// The `n`th address of its kind: 240.0.0.0/4 is reserved for ever, 2001:db8::/32 for documentation.
pub(super) fn address(version: u8, n: u32) -> String {
    let low = u16::try_from(n & 0xffff).unwrap_or(0);
    let high = u16::try_from(n >> 16).unwrap_or(0);
    if version == 6 {
        return Ipv6Addr::new(0x2001, 0xdb8, 0x96, 0, 0, 0, high, low).to_string();
    }
    Ipv4Addr::from(0xf600_0000_u32.wrapping_add(n & 0x00ff_ffff)).to_string()
}
