//! This machine's own address: 127.0.0.1, or ::1 where only that is there.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

/// What simulated providers listen at unless told otherwise.
pub(super) fn address() -> IpAddr {
    chosen(|ip| TcpListener::bind((ip, 0)).is_ok())
}

/// The first that can be listened at; the usual one where none can, so that its error is told.
fn chosen(can: impl Fn(IpAddr) -> bool) -> IpAddr {
    let (usual, other) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
    if !can(usual) && can(other) { other } else { usual }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_ipv4_is_served_all_the_same() {
        assert!(chosen(|_| true).is_ipv4());
        assert!(chosen(|ip| ip.is_ipv6()).is_ipv6());
        assert!(chosen(|_| false).is_ipv4());
    }
}
