//! The command that would replace a lost lease, ready to be run. renewd itself buys nothing unasked.
//!
//! Pure. Where the product needs a field that no list tells (a mobile operator, say), the command names it when it is run, and buys
//! nothing. Not responsible for its price.
use crate::domain::{Lease, Money};
use crate::policy::{Policies, Policy};

/// Days to buy where no policy says how long.
const DAYS: u32 = 30;

/// `renewd order create …` for `quantity` leases like this one.
#[must_use]
pub fn replacement_command(lease: &Lease, policy: Option<&Policy>, quantity: usize) -> String {
    let mut words = vec!["renewd order create".to_owned()];
    let mut flag = |name: &str, value: &str| words.push(format!("--{name} {}", quoted(value)));
    flag("account", lease.account.as_str());
    // A lease that bears its order's name, or has a billing cycle, comes from a provider that sells products by the cycle.
    if lease.cycle.is_some() || lease.id.as_str() == lease.order.as_str() {
        flag("product", lease.kind.as_str());
        if let Some(location) = &lease.country {
            flag("location", location);
        }
        if let Some(cycle) = lease.cycle.as_deref().or(policy.and_then(|p| p.cycle.as_deref())) {
            flag("cycle", cycle);
        }
        flag("quantity", &quantity.to_string());
    } else {
        flag("kind", lease.kind.as_str());
        if let Some(country) = &lease.country {
            flag("country", country);
        }
        let days = policy.and_then(|p| p.periods.first().copied()).unwrap_or(DAYS);
        flag("period", &format!("{days}d"));
        flag("quantity", &quantity.to_string());
        if lease.kind.as_str().eq_ignore_ascii_case("IPv6") {
            flag("protocol", "http");
        }
        words.push("--goal \"replacement\" --auth login".to_owned());
    }
    if let Some(code) = policy.filter(|p| p.promo_required).and_then(|p| p.promo_code.as_deref()) {
        words.push(format!("--promo {}", quoted(code)));
    }
    words.join(" ")
}

/// One command for all lost leases that are alike, with what they last cost where that is known of all of them.
#[must_use]
pub fn replacements(lost: &[(&Lease, Option<(Money, &str)>)], policies: &Policies<'_>) -> Vec<String> {
    let policy = |lease: &Lease| policies.of(lease);
    let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
    for (n, (lease, _)) in lost.iter().enumerate() {
        let alike = replacement_command(lease, policy(lease), 1);
        match groups.iter_mut().find(|(known, _)| *known == alike) {
            Some((_, members)) => members.push(n),
            None => groups.push((alike, vec![n])),
        }
    }
    let line = |(_, members): &(String, Vec<usize>)| {
        let lease = lost[members[0]].0;
        let command = replacement_command(lease, policy(lease), members.len());
        let paid: Option<Vec<(Money, &str)>> = members.iter().map(|&m| lost[m].1).collect();
        let sum = paid.and_then(|paid| {
            let currency = paid.first()?.1;
            let one = paid.iter().all(|(_, c)| *c == currency);
            Money::sum(paid.iter().map(|(m, _)| *m)).filter(|_| one).map(|sum| format!("{sum} {currency}"))
        });
        sum.map_or(command.clone(), |sum| format!("{command}   # last paid: {sum}"))
    };
    groups.iter().map(line).collect()
}

/// As a shell takes it; a stranger's line break is none of it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/+,%@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let one_line: String = text.chars().filter(|c| !c.is_control()).collect();
    format!("'{}'", one_line.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Kind, LeaseId, OrderId, sample};
    use crate::planner::steer::tests::policy as any;
    use crate::policy::{Action, PayBy};

    fn policy(name: &str) -> Policy {
        Policy { name: name.to_owned(), ..any(Action::Renew, PayBy::Renewd, false) }
    }

    fn lease(kind: &str, id: &str) -> Lease {
        Lease {
            id: LeaseId::from(id),
            order: OrderId::from("A1"),
            ip: "203.0.113.1".to_owned(),
            kind: Kind::from(kind),
            country: Some("USA".to_owned()),
            ..sample::lease()
        }
    }

    #[test]
    fn the_line_has_every_flag_that_is_known() {
        let keep = Policy { periods: vec![90, 30], ..policy("keep") };
        assert_eq!(
            replacement_command(&lease("IPv4", "1"), Some(&keep), 1),
            "renewd order create --account yp --kind IPv4 --country USA --period 90d --quantity 1 --goal \"replacement\" --auth login"
        );
        assert!(
            replacement_command(&lease("IPv6", "1"), None, 3)
                .contains("--period 30d --quantity 3 --protocol http")
        );
        let cyclic = Lease { cycle: Some("monthly".to_owned()), ..lease("Datacenter Proxy", "7") };
        assert_eq!(
            replacement_command(&cyclic, Some(&keep), 1),
            "renewd order create --account yp --product 'Datacenter Proxy' --location USA --cycle monthly --quantity 1"
        );
    }

    #[test]
    fn a_strangers_word_cannot_break_out_of_its_quotes() {
        assert_eq!(quoted("it's; rm -rf $HOME\n`x`"), r"'it'\''s; rm -rf $HOME`x`'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn leases_that_are_alike_are_one_command_with_their_last_price() {
        let (one, two, other) = (lease("IPv4", "1"), lease("IPv4", "2"), lease("ISP", "3"));
        let paid = Some((Money::from_cents(265), "USD"));
        let lines = replacements(
            &[(&one, paid), (&other, None), (&two, paid)],
            &crate::policy::sample::policies(&[], jiff::Timestamp::UNIX_EPOCH),
        );
        assert_eq!(lines.len(), 2);
        assert!(
            lines[0].contains("--quantity 2") && lines[0].ends_with("# last paid: 5.30 USD"),
            "{lines:?}"
        );
        assert!(lines[1].contains("--kind ISP") && lines[1].ends_with("--auth login"), "{lines:?}");
    }
}
