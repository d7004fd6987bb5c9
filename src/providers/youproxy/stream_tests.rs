//! A list that is read as it comes is the list that is read at once, whatever its pieces and however it is nested.
use proptest::prelude::*;
use secrecy::SecretString;

use super::*;
use crate::redact::Redactor;

fn words() -> Words {
    Words::new(Redactor::default(), &SecretString::from("sk-very-secret"))
}

fn in_pieces(body: &[u8], window: usize, size: usize) -> Result<Fleet, Trouble> {
    let (account, words) = (AccountName::from("yp"), words());
    let mut reader = ListReader::with_window(&account, &words, window, window);
    for piece in body.chunks(size.max(1)) {
        reader.feed(piece)?;
    }
    reader.finish()
}

fn at_once(body: &[u8]) -> Result<Fleet, Trouble> {
    fleet(body, &AccountName::from("yp"), &words())
}

/// A value of a list: records, wrappers and oddities, with fields in any order.
fn value() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        Just("ipAddressId"),
        Just("ipAddressIp"),
        Just("dateEnd"),
        Just("orderId"),
        Just("orderid"),
        Just("proxyType"),
        Just("country"),
        Just("extendInfo"),
        Just("IPv4"),
        Just("ISP"),
        Just("ips"),
        Just("authInfo"),
        Just("total"),
        Just("hasMore"),
        Just("httpsPort"),
        Just("x"),
    ];
    let scalar = prop_oneof![
        (0..9_u8).prop_map(|n| format!("\"{n}\"")),
        (0..9_u8).prop_map(|n| n.to_string()),
        Just("\"2026-12-01T09:00:00Z\"".to_owned()),
        Just("\"2026-12-01\"".to_owned()),
        Just("\"a \\\" }] \\\\\"".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("\"IPv6\"".to_owned()),
    ];
    scalar.prop_recursive(5, 60, 6, move |inner| {
        let field = (key.clone(), inner.clone()).prop_map(|(key, value)| format!("\"{key}\": {value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(|all| format!("[{}]", all.join(" ,"))),
            prop::collection::vec(field, 0..6).prop_map(|all| format!("{{{}}}", all.join(","))),
        ]
    })
}

/// Orders of records as the provider sends them, with their fields in any order.
fn orders() -> impl Strategy<Value = String> {
    let record = (0..40_u8, any::<bool>()).prop_map(|(n, kind)| {
        let kind = if kind { ",\"proxyType\":\"ISP\"" } else { "" };
        format!("{{\"ipAddressId\":\"{n}\",\"ipAddressIp\":\"10.0.0.{n}\",\"dateEnd\":\"2026-12-01T09:00:00Z\"{kind}}}")
    });
    let order = (prop::collection::vec(record, 0..4), 0..5_u8, any::<bool>(), any::<bool>()).prop_map(
        |(ips, n, late, told)| {
            let own = format!("\"orderId\":\"A{n}\",\"country\":\"C{n}\"");
            let ips = format!("\"ips\":[{}]", ips.join(","));
            let extend = if told { ",\"extendInfo\":{\"autoExtend\":true}" } else { "" };
            if late { format!("{{{ips},{own}{extend}}}") } else { format!("{{{own},{ips}{extend}}}") }
        },
    );
    prop::collection::vec(order, 0..6).prop_map(|orders| format!("[{}]", orders.join(",")))
}

fn body(fields: &[(String, String)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(key, value)| format!(",\"{key}\":{value}")).collect();
    format!("{{\"success\":true,\"error\":null{}}}", fields.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_list_in_pieces_is_the_list_at_once(
        values in prop::collection::vec(value(), 0..4),
        window in 1..60_usize,
        size in 1..40_usize,
    ) {
        let fields: Vec<_> = values.into_iter().enumerate().map(|(n, v)| (format!("k{n}"), v)).collect();
        let body = body(&fields);
        prop_assert_eq!(in_pieces(body.as_bytes(), window, size), at_once(body.as_bytes()), "{}", body);
    }

    #[test]
    fn what_an_order_tells_after_its_records_is_said_of_them(
        four in orders(),
        isp in orders(),
        (late, window, size) in (any::<bool>(), 1..300_usize, 1..200_usize),
    ) {
        let kind = "\"proxyType\":\"MOBILE\"";
        let data = if late { format!("{{\"o\":{isp},{kind}}}") } else { format!("{{{kind},\"o\":{isp}}}") };
        let body = body(&[("IPv4".to_owned(), four), ("data".to_owned(), data)]);
        prop_assert_eq!(in_pieces(body.as_bytes(), window, size), at_once(body.as_bytes()), "{}", body);
    }

    #[test]
    fn a_cut_or_altered_list_is_refused_or_read_alike(
        list in orders(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        (cut, window, size) in (any::<bool>(), 1..200_usize, 1..100_usize),
    ) {
        let mut bytes = body(&[("IPv4".to_owned(), list)]).into_bytes();
        let n = at.index(bytes.len());
        if cut { bytes.truncate(n) } else { bytes[n] = byte }
        let (pieces, once) = (in_pieces(&bytes, window, size), at_once(&bytes));
        prop_assert_eq!(pieces.is_ok(), once.is_ok(), "{:?} {:?}", pieces, once);
        if let (Ok(pieces), Ok(once)) = (pieces, once) {
            prop_assert_eq!(pieces, once);
        }
    }
}

#[test]
fn a_body_of_something_else_is_told_in_the_same_words() {
    for body in [
        "<html><body>Bad gateway</body></html>",
        "[1,2,3]",
        "\"text\"",
        "  nonsense",
        "{\"success\":false,\"error\":{\"code\":2,\"message\":\"no\"}}",
    ] {
        assert_eq!(in_pieces(body.as_bytes(), 4, 3), at_once(body.as_bytes()), "{body}");
    }
}
