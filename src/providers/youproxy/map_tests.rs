//! The list in all its possible shapes: every record is found, nothing is guessed, nothing panics.
use proptest::prelude::*;
use secrecy::SecretString;

use super::*;
use crate::domain::Lease;
use crate::redact::Redactor;

fn read(body: &str) -> Result<Fleet, Trouble> {
    let words = Words::new(Redactor::default(), &SecretString::from("sk-very-secret"));
    fleet(body.as_bytes(), &AccountName::from("yp"), &words)
}

fn payload(json: &str) -> Result<Fleet, Trouble> {
    read(&format!(r#"{{"success":true,"error":null,{json}}}"#))
}

fn record(id: &str, end: &str) -> String {
    format!(
        r#"{{"orderId":"A1","ipAddressId":"{id}","ipAddressIp":"203.0.113.{id}","proxyType":"IPv4","dateEnd":"{end}"}}"#
    )
}

const END: &str = "2026-12-01T09:00:00.000+00:00";

/// `id order kind ip end auto`, for readable comparisons.
fn lines(fleet: &Fleet) -> Vec<String> {
    let auto = |l: &Lease| match l.provider_renews {
        Some(true) => "auto",
        Some(false) => "manual",
        None => "-",
    };
    let end = |l: &Lease| l.expires_at.map_or("?".to_owned(), |end| end.to_string());
    fleet
        .leases
        .to_vec()
        .iter()
        .map(|l| format!("{} {} {} {} {} {}", l.id, l.order, l.kind, l.ip, end(l), auto(l)))
        .collect()
}

#[test]
fn the_shape_of_the_containers_does_not_matter() {
    let ip =
        |id: &str| format!(r#"{{"ipAddressId":"{id}","ipAddressIp":"203.0.113.{id}","dateEnd":"{END}"}}"#);
    let shapes = [
        format!(r#""ipAddresses":{{"ipv4":[{{"orderId":"A1","ips":[{},{}]}}]}}"#, ip("1"), ip("2")),
        format!(r#""IPV4":[{{"orderId":"A1","list":{{"x":{},"y":{}}}}}]"#, ip("1"), ip("2")),
        format!(r#""items":[{},{}]"#, record("2", END), record("1", END)),
        format!(r#""data":{{"proxyType":"ipv4","orderId":"A1","content":[[{}],[{}]]}}"#, ip("1"), ip("2")),
        format!(
            r#""IPv4":{{"orders":[{{"orderid":"A1","ipAddresses":[{},{}],"authInfo":{{"login":"u"}}}}]}}"#,
            ip("1"),
            ip("2")
        ),
    ];
    for shape in shapes {
        let fleet = payload(&shape).unwrap();
        let want =
            ["1 A1 IPv4 203.0.113.1 2026-12-01T09:00:00Z -", "2 A1 IPv4 203.0.113.2 2026-12-01T09:00:00Z -"];
        assert_eq!(lines(&fleet), want, "{shape}");
        assert_eq!((fleet.unreadable, fleet.oddities), (0, vec![]), "{shape}");
    }
}

#[test]
fn an_id_may_be_a_bare_number_and_its_key_in_any_letter_case() {
    let long = r#"{"IPADDRESSID":1234567890123456789,"orderId":77,"proxyType":"isp","dateEnd":"2026-12-01"}"#;
    let fleet = payload(&format!(r#""x":[{long}]"#)).unwrap();
    assert_eq!(lines(&fleet), ["1234567890123456789 77 ISP  2026-12-01T00:00:00Z -"]);
    assert_eq!(fleet.oddities, ["leases that have an end without a time of day, taken as midnight UTC: 1"]);
}

#[test]
fn country_and_auto_renewal_are_read_in_both_forms() {
    let one = r#"{"orderId":"A","ipAddressId":"1","proxyType":"MOBILE","country":"USA","extendInfo":{"autoExtend":true,"extendDays":30}}"#;
    let two = r#"{"orderId":"A","ipAddressId":"2","proxyType":"MOBILE","country":{"name":"Germany","alpha3code":"DEU"},"extendInfo":{"autoExtend":false}}"#;
    let three = r#"{"orderId":"A","ipAddressId":"3","proxyType":"MOBILE","country":null,"extendInfo":null}"#;
    let fleet = payload(&format!(r#""x":[{one},{two},{three}]"#)).unwrap();
    let got: Vec<_> = fleet.leases.iter().map(|l| (l.country, l.provider_renews)).collect();
    assert_eq!(got, [(Some("USA"), Some(true)), (Some("DEU"), Some(false)), (None, None)]);
}

#[test]
fn a_record_without_an_id_is_counted_and_not_dropped_in_silence() {
    let lost = r#"{"orderId":"A","ipAddressIp":"203.0.113.9","dateEnd":"2026-12-01"},{"ipAddressId":null,"dateEnd":"2026-12-01"},{"ipAddressId":""},{"ipAddressId":"1","ipAddressId":"2"}"#;
    let fleet = payload(&format!(r#""x":[{},{lost}]"#, record("7", END))).unwrap();
    assert_eq!((fleet.leases.len(), fleet.unreadable), (1, 4));
}

#[test]
fn an_order_with_an_end_of_its_own_is_no_lost_record() {
    let fleet =
        payload(&format!(r#""x":[{{"orderId":"A1","dateEnd":"2026-01-01","ips":[{}]}}]"#, record("7", END)));
    assert_eq!(lines(&fleet.unwrap()), ["7 A1 IPv4 203.0.113.7 2026-12-01T09:00:00Z -"]);
}

#[test]
fn an_end_that_cannot_be_read_is_never_a_guess() {
    for end in [r#""soon""#, "null", "1788166800000", r#""""#] {
        let body = format!(r#""x":[{{"orderId":"A","ipAddressId":"1","proxyType":"IPv4","dateEnd":{end}}}]"#);
        let fleet = payload(&body).unwrap();
        assert_eq!(fleet.leases.view(0).expires_at, None, "{end}");
        assert_eq!(fleet.oddities, ["leases that have no end that can be read: 1"]);
    }
}

#[test]
fn equal_doubles_are_one_and_contradicting_ones_lose_their_end() {
    let other = record("1", "2027-12-01T09:00:00Z");
    let fleet = payload(&format!(r#""x":[{a},{a}]"#, a = record("1", END))).unwrap();
    assert_eq!(lines(&fleet), ["1 A1 IPv4 203.0.113.1 2026-12-01T09:00:00Z -"]);
    assert_eq!(fleet.oddities, ["leases that stand in the list twice, alike: 1"]);
    let fleet = payload(&format!(r#""x":[{},{other},{}]"#, record("1", END), record("1", END))).unwrap();
    assert_eq!(lines(&fleet), ["1 A1 IPv4 203.0.113.1 ? -"]);
    assert_eq!(fleet.oddities, ["leases that stand in the list twice with different data: 2"]);
}

#[test]
fn an_end_without_a_zone_is_utc_and_is_told_once() {
    let ends = [record("1", "2026-12-01T09:00:00"), record("2", "2026-12-01 09:00:00.5")].join(",");
    let fleet = payload(&format!(r#""x":[{ends}]"#)).unwrap();
    assert!(fleet.leases.iter().all(|l| l.expires_at.is_some()));
    assert_eq!(fleet.oddities, ["leases that have an end without a time zone, taken as UTC: 2"]);
}

#[test]
fn an_empty_list_is_empty_and_anything_else_without_a_record_is_unreadable() {
    for empty in [
        r#""x":[]"#,
        r#""x":{}"#,
        r#""x":{"IPv4":[],"IPv6":[],"MOBILE":null,"ISP":{}}"#,
        // An account that never bought.
        r#""x":null"#,
        r#""count":0"#,
    ] {
        assert_eq!(
            payload(empty),
            Ok(Fleet { leases: Leases::default(), unreadable: 0, oddities: vec![], part: None }),
            "{empty}"
        );
    }
    for bad in [
        r#""x":["203.0.113.1"]"#,
        r#""x":[{"orderId":"A1","ips":[]}]"#,
        r#""x":[{"id":"1","address":"203.0.113.1"}]"#,
        r#""x":[{"ipAddressIp":"203.0.113.1","dateEnd":"2026-12-01"}]"#,
        r#""x":null,"count":1"#,
    ] {
        assert!(matches!(payload(bad), Err(Trouble::Unreadable(_))), "{bad}");
    }
    for bad in [
        "",
        "[]",
        "null",
        "<html>",
        "{",
        r#"{"x":[]}"#,
        r#"{"success":"true","x":[]}"#,
        r#"{"success":true,"x":[]} "#,
    ] {
        let odd = read(bad);
        assert!(matches!(odd, Err(Trouble::Unreadable(_))) || bad.ends_with(' '), "{bad}: {odd:?}");
    }
}

#[test]
fn a_lease_of_no_known_kind_is_not_invented() {
    let fleet =
        payload(&format!(r#""x":[{{"ipAddressId":"1","dateEnd":"{END}"}},{}]"#, record("7", END))).unwrap();
    assert_eq!((fleet.leases.len(), fleet.unreadable), (1, 1));
}

#[test]
fn depth_is_bounded() {
    let deep = |n: usize| format!(r#""x":{}{}{}"#, "[".repeat(n), record("1", END), "]".repeat(n));
    assert_eq!(payload(&deep(20)).unwrap().leases.len(), 1);
    for n in [DEEPEST + 1, 100_000] {
        assert!(matches!(payload(&deep(n)), Err(Trouble::Unreadable(_))));
    }
}

#[test]
fn a_large_fleet_is_found_whole_and_sorted() {
    let all: Vec<String> = (0..20_000).rev().map(|n| record(&format!("{n:06}"), END)).collect();
    let fleet = payload(&format!(r#""x":[{}]"#, all.join(","))).unwrap();
    assert_eq!(fleet.leases.len(), 20_000);
    assert!(fleet.leases.iter().map(|l| l.id).is_sorted());
}

fn good() -> String {
    let ips = [record("1", END), record("2", "2026-12-01")].join(",");
    format!(
        r#"{{"success":true,"error":null,"IPv4":[{{"orderId":"A1","extendInfo":{{"autoExtend":true}},"ips":[{ips}]}}]}}"#
    )
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let words = Words::new(Redactor::default(), &SecretString::from("sk-very-secret"));
        let _ = fleet(&bytes, &AccountName::from("yp"), &words);
    }

    #[test]
    fn a_damaged_list_never_panics_and_never_grows(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let words = Words::new(Redactor::default(), &SecretString::from("sk-very-secret"));
        let mut bytes = good().into_bytes();
        for (at, byte) in cuts {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(fleet) = fleet(&bytes, &AccountName::from("yp"), &words) {
            prop_assert!(fleet.leases.len() <= 2);
            prop_assert!(fleet.leases.iter().map(|l| l.id).is_sorted());
        }
    }

    #[test]
    fn a_cut_off_list_is_never_a_shorter_list(at in any::<prop::sample::Index>()) {
        let body = good();
        prop_assert!(read(&body[..at.index(body.len())]).is_err());
    }
}

#[test]
fn a_port_is_told_only_where_an_address_stands_more_than_once() {
    let behind = |id: &str, ip: &str, port: &str| {
        format!(
            r#"{{"orderId":"A1","ipAddressId":"{id}","ipAddressIp":"{ip}","proxyType":"IPv4","dateEnd":"{END}",{port}}}"#
        )
    };
    let list = [
        behind("1", "198.51.100.7", r#""httpsPort":50100,"socks5Port":50101"#),
        behind("2", "198.51.100.7", r#""httpsPort":"50102""#),
        behind("3", "198.51.100.8", r#""port":50103"#),
        behind("4", "198.51.100.7", r#""httpsPort":70000"#),
    ];
    let fleet = payload(&format!(r#""items":[{}]"#, list.join(","))).unwrap();
    let ports: Vec<Option<u16>> = fleet.leases.iter().map(|l| l.port).collect();
    assert_eq!(ports, [Some(50_100), Some(50_102), None, None]);
}

#[test]
fn a_date_alone_is_kept_as_one() {
    let fleet = payload(&format!(r#""items":[{},{}]"#, record("1", "2026-12-01"), record("2", END))).unwrap();
    assert_eq!(fleet.leases.iter().map(|l| l.told).collect::<Vec<_>>(), [Told::Date, Told::Instant]);
}
