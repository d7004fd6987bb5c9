//! Links between pages. Not responsible for what is behind them.
use serde::Serialize;

use crate::domain::{AccountName, LeaseId};

/// A link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Where it leads, ready for an attribute.
    pub href: String,
    /// What it is called.
    pub text: String,
}

/// To the page of a lease.
#[must_use]
pub fn lease_link(account: &AccountName, lease: &LeaseId, name: &str) -> Link {
    let name = if name.is_empty() { lease.as_str() } else { name };
    Link {
        href: format!("/lease/{}/{}", encoded(account.as_str()), encoded(lease.as_str())),
        text: name.to_owned(),
    }
}

/// Names come from outside: whatever may mean something in an address is written as its bytes.
#[must_use]
pub fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_~".contains(&b);
    text.bytes().fold(String::new(), |mut all, byte| {
        if plain(byte) {
            all.push(char::from(byte));
        } else {
            all += &format!("%{byte:02X}");
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_leads_elsewhere() {
        let link = lease_link(&AccountName::new("a/b"), &LeaseId::new("../?x=\"<é"), "");
        assert_eq!(link.href, "/lease/a%2Fb/%2E%2E%2F%3Fx%3D%22%3C%C3%A9");
        assert_eq!(link.text, "../?x=\"<é");
    }
}
