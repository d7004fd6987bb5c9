//! Which leases a policy is for: keys ANDed, values ORed, letter case ignored.
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::domain::Lease;

/// What a clause looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The account's name.
    Account,
    /// The kind (or product).
    Kind,
    /// The country (or location).
    Country,
    /// The address, by network.
    Ip,
    /// The order's tag, by glob.
    Tag,
    /// The order id.
    Order,
    /// The lease id.
    Lease,
}

impl Key {
    /// Every key, in the order of the docs.
    pub const ALL: [Self; 7] =
        [Self::Account, Self::Kind, Self::Country, Self::Ip, Self::Tag, Self::Order, Self::Lease];

    /// As written in the config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Kind => "kind",
            Self::Country => "country",
            Self::Ip => "ip",
            Self::Tag => "tag",
            Self::Order => "order",
            Self::Lease => "lease",
        }
    }
}

/// One value of a clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// The same text, letter case ignored.
    Text(String),
    /// A network or a single address.
    Net(IpNet),
    /// A shell glob (`*`, `?`, `[…]`), lower-case.
    Glob(TagGlob),
}

/// A glob, compiled once: every lease of every cycle is held against it.
#[derive(Clone)]
pub struct TagGlob {
    text: String,
    matcher: globset::GlobMatcher,
}

impl PartialEq for TagGlob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for TagGlob {}

impl fmt::Debug for TagGlob {
    /// The text alone: it says all, and plan files hold a hash of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// `key = [values]`; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// What it looks at.
    pub key: Key,
    /// Any of these will do.
    pub any: Vec<Pattern>,
}

/// All clauses of a policy; none = every lease.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matcher {
    /// All must match.
    pub all: Vec<Clause>,
}

/// A clause that did not match, for `explain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// What was looked at.
    pub key: Key,
    /// What the policy wants.
    pub want: Vec<String>,
    /// What the lease has; `None` = nothing.
    pub saw: Option<String>,
}

impl Pattern {
    /// Reads a value of `key` as written in the config.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what to write instead.
    pub fn parse(key: Key, text: &str) -> Result<Self, String> {
        match key {
            Key::Ip => text
                .parse::<IpNet>()
                .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
                .map(Self::Net)
                .map_err(|_| {
                    format!("`{text}` is no address or network: write \"203.0.113.0/24\" or \"203.0.113.7\"")
                }),
            Key::Tag => {
                let lower = text.to_lowercase();
                match globset::Glob::new(&lower) {
                    Ok(glob) => Ok(Self::Glob(TagGlob { text: lower, matcher: glob.compile_matcher() })),
                    Err(_) => Err(format!("`{text}` is no pattern: write a tag such as \"prod-*\"")),
                }
            }
            _ if text.is_empty() => {
                Err(format!("an empty {} matches nothing: leave the value out", key.as_str()))
            }
            _ => Ok(Self::Text(text.to_owned())),
        }
    }

    fn fits(&self, saw: &str) -> bool {
        match self {
            Self::Text(want) => want.to_lowercase() == saw.to_lowercase(),
            Self::Net(net) => saw.parse::<IpAddr>().is_ok_and(|ip| net.contains(&ip)),
            Self::Glob(glob) => glob.matcher.is_match(saw.to_lowercase()),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Glob(glob) => glob.text.clone(),
            Self::Net(net) => net.to_string(),
        }
    }
}

fn value_of(key: Key, lease: &Lease) -> Option<&str> {
    let text = match key {
        Key::Account => lease.account.as_str(),
        Key::Kind => lease.kind.as_str(),
        Key::Country => lease.country.as_deref()?,
        Key::Ip => &lease.ip,
        Key::Tag => lease.tag.as_deref()?,
        Key::Order => lease.order.as_str(),
        Key::Lease => lease.id.as_str(),
    };
    (!text.is_empty()).then_some(text)
}

impl Matcher {
    /// Whether every clause fits.
    #[must_use]
    pub fn matches(&self, lease: &Lease) -> bool {
        self.all.iter().all(|c| value_of(c.key, lease).is_some_and(|saw| c.any.iter().any(|p| p.fits(saw))))
    }

    /// The clauses that do not fit: empty exactly where [`Self::matches`] is true.
    #[must_use]
    pub fn misses(&self, lease: &Lease) -> Vec<Miss> {
        self.all
            .iter()
            .filter_map(|c| {
                let saw = value_of(c.key, lease);
                let fits = saw.is_some_and(|s| c.any.iter().any(|p| p.fits(s)));
                (!fits).then(|| Miss {
                    key: c.key,
                    want: c.any.iter().map(Pattern::shown).collect(),
                    saw: saw.map(str::to_owned),
                })
            })
            .collect()
    }
}
