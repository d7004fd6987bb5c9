//! Lists of labels: what is read of them, and that nothing of a wrong one is shown.
use rstest::rstest;

use super::*;

fn read(text: &str) -> (Vec<Rule>, Vec<(Option<usize>, String)>) {
    let problems = Problems::default();
    let rules = rows(text, Path::new("/etc/renewd/clients.csv"), 0, &problems);
    let told = problems.into_sorted().into_iter().map(|p| (p.line, p.message)).collect();
    (rules, told)
}

#[test]
fn a_list_names_addresses_networks_orders_and_leases() {
    let (rules, told) = read(
        "\u{feff}target,label\n203.0.113.7,client-a\n203.0.113.0/24, client-b\n2001:db8::/32,six\nNUMBER-1,client-a\n",
    );
    assert_eq!(told, []);
    let of = |name: &str| {
        rules
            .iter()
            .filter(|(label, _)| label == name)
            .flat_map(|(_, c)| c)
            .map(|c| c.key)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("client-a"), [Key::Ip, Key::Order, Key::Lease], "an id is an order's or a lease's");
    assert_eq!((of("client-b"), of("six")), (vec![Key::Ip], vec![Key::Ip]));
}

#[rstest]
#[case::a_login("203.0.113.7:8080:bob:hunter2,client-a", 2)]
#[case::a_login_as_label("203.0.113.7,203.0.113.7:8080:bob:hunter2", 2)]
#[case::a_login_url("http://bob:hunter2@203.0.113.7,client-a", 2)]
#[case::no_label("203.0.113.7,", 2)]
#[case::no_target(",hunter2", 2)]
#[case::one_field("hunter2", 2)]
#[case::three_fields("203.0.113.7,client-a,hunter2", 2)]
#[case::broken_quotes("203.0.113.7,\"hunter2\nbob,client-a", 2)]
#[case::a_line_further("203.0.113.1,a\n\n203.0.113.7:80,hunter2:x", 4)]
fn what_is_wrong_is_told_by_its_line_and_never_by_its_content(#[case] rows: &str, #[case] line: usize) {
    let (_, told) = read(&format!("target,label\n{rows}\n"));
    assert_eq!(told.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [Some(line)], "{told:?}");
    assert!(["hunter2", "bob", "203.0.113.7"].iter().all(|s| !told[0].1.contains(s)), "{told:?}");
}

#[test]
fn a_list_says_what_it_is_in_its_first_line() {
    for text in ["", "203.0.113.7,client-a\n", "label,target\na,203.0.113.7\n"] {
        let (rules, told) = read(text);
        assert!(rules.is_empty() && told.len() == 1 && told[0].1.contains("`target,label`"), "{told:?}");
    }
}
