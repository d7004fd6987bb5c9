//! The id of a lease: type, order and address, and the port where many leases share an address. The provider's own id changes with every
//! renewal; these stay. Pure.
use std::net::IpAddr;

use super::wire::Type;

/// What stays the same of a lease for as long as it is rented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What it is, as the provider's paths spell it.
    pub of: String,
    /// Its order.
    pub order: String,
    /// Its address.
    pub ip: String,
    /// Where it is behind a gateway.
    pub port: Option<u16>,
}

impl Place {
    /// The id.
    pub fn id(&self) -> String {
        let Self { of, order, ip, port } = self;
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{of}:{order}:{ip}{port}")
    }
}

/// Address and port of a record: its `ip` may stand alone or with one port or two.
pub fn address(
    of: Option<&Type>,
    ip: &str,
    ip_only: Option<&str>,
    port: Option<u16>,
) -> (String, Option<u16>) {
    let ip = ip.trim();
    let (bare, told) = match ip.rsplit_once(':') {
        _ if ip.parse::<IpAddr>().is_ok() => (ip, None),
        // `address:port_http:port_socks`.
        Some((both, _)) if both.matches(':').count() == 1 => match both.split_once(':') {
            Some((bare, told)) => (bare, told.parse().ok()),
            None => (ip, None),
        },
        Some((bare, told)) => match told.parse() {
            Ok(told) => (bare, Some(told)),
            Err(_) => (ip, None),
        },
        None => (ip, None),
    };
    let address = ip_only.map(str::trim).filter(|only| !only.is_empty()).unwrap_or(bare);
    // A type that nobody knows may share addresses.
    let shares = of.is_none_or(|of| of.shares_addresses);
    (address.to_owned(), told.or(port).filter(|_| shares))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::proxyseller::wire;

    #[test]
    fn a_lease_is_known_by_what_no_renewal_changes() {
        let place = |port| Place { of: "ipv6".into(), order: "64af".into(), ip: "203.0.113.9".into(), port };
        assert_eq!(place(Some(10_001)).id(), "ipv6:64af:203.0.113.9:10001");
        assert_eq!(place(None).id(), "ipv6:64af:203.0.113.9");
    }

    #[test]
    fn an_address_is_told_alone_or_with_its_port() {
        let of = |path: &str, ip: &str, only: Option<&str>, port| {
            let (address, port) = address(wire::Type::find(path), ip, only, port);
            format!("{address} {port:?}")
        };
        assert_eq!(of("ipv4", "203.0.113.9", None, Some(50_100)), "203.0.113.9 None");
        assert_eq!(of("ipv6", "203.0.113.9:10001", Some("203.0.113.9"), Some(7)), "203.0.113.9 Some(10001)");
        assert_eq!(of("ipv6", "203.0.113.9:10001", None, None), "203.0.113.9 Some(10001)");
        assert_eq!(of("mobile", "203.0.113.9", Some(" "), Some(8_001)), "203.0.113.9 Some(8001)");
        assert_eq!(of("ipv6", "2001:db8::1", None, Some(9)), "2001:db8::1 Some(9)");
        assert_eq!(of("mobile", "203.0.113.9:8001:8002", None, None), "203.0.113.9 Some(8001)");
        assert_eq!(of("unheard", "gate.example.net:77", None, None), "gate.example.net Some(77)");
    }
}
