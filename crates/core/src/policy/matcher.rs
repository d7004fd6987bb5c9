//! Which leases a policy is for: keys ANDed, values ORed, letter case ignored. Pure.
//!
//! A lease without a value for a key matches neither that key nor a `not` that names it: what is not known decides nothing. Not
//! responsible for looking labels up (`labels.rs`) or for finding a lease's policy among many (`finder.rs`).
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::SignedDuration;

use super::key::Key;
use super::subject::Subject;
use crate::domain::Money;
use crate::domain::time::words;

/// One value of a clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// The same text, letter case ignored.
    Text(String),
    /// A network or a single address.
    Net(IpNet),
    /// A shell glob (`*`, `?`, `[…]`), lower-case.
    Glob(Glob),
}

/// A glob, compiled once: every lease of every cycle is held against it.
#[derive(Clone)]
pub struct Glob {
    text: String,
    matcher: globset::GlobMatcher,
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Glob {}

impl fmt::Debug for Glob {
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

/// A bound of a number, itself included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// `min_age`: since the provider's start of the lease.
    MinAge(SignedDuration),
    /// `max_age`.
    MaxAge(SignedDuration),
    /// `min_last_price`: what its last term cost.
    MinLastPrice(Money),
    /// `max_last_price`.
    MaxLastPrice(Money),
}

/// Keys that must all fit; none = every lease.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// Words.
    pub clauses: Vec<Clause>,
    /// Numbers.
    pub bounds: Vec<Bound>,
}

/// Which leases a policy is for; an empty one is for all.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Matcher {
    /// All must fit.
    pub all: Terms,
    /// What fits all of these is taken out.
    pub not: Option<Terms>,
    /// One of these must fit, where there are any.
    pub any: Vec<Terms>,
}

impl fmt::Debug for Matcher {
    /// Plan files hold a hash of this: a matcher of nothing but clauses looks as it always did.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Matcher");
        shown.field("all", &self.all.clauses);
        if !self.all.bounds.is_empty() {
            shown.field("bounds", &self.all.bounds);
        }
        if let Some(not) = &self.not {
            shown.field("not", not);
        }
        if !self.any.is_empty() {
            shown.field("any", &self.any);
        }
        shown.finish()
    }
}

/// A key that did not fit, for `explain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// As written in the config, such as `tag` or `not.kind`.
    pub key: String,
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
                    format!(
                        "`{text}` is not an address or network: write \"203.0.113.0/24\" or \"203.0.113.7\""
                    )
                }),
            Key::Tag | Key::Operator | Key::Label => {
                let lower = text.to_lowercase();
                match globset::Glob::new(&lower) {
                    Ok(glob) => Ok(Self::Glob(Glob { text: lower, matcher: glob.compile_matcher() })),
                    Err(_) => {
                        Err(format!("`{text}` is not a pattern: write a {} such as \"prod-*\"", key.as_str()))
                    }
                }
            }
            _ if text.is_empty() => {
                Err(format!("an empty {} matches nothing: leave the value out", key.as_str()))
            }
            _ => Ok(Self::Text(text.to_owned())),
        }
    }

    /// Whether a value fits; letter case is ignored.
    #[must_use]
    pub fn fits(&self, saw: &str) -> bool {
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

/// Whether a key fits; `None` where the lease has no value for it.
type Fit = Option<bool>;

impl Clause {
    pub(super) fn fit(&self, of: &Subject<'_>) -> Fit {
        let fits = |saw: &str| self.any.iter().any(|p| p.fits(saw));
        match self.key {
            Key::Label => Some(of.labels().iter().any(|label| fits(label))),
            key => of.text(key).map(fits),
        }
    }

    fn saw(&self, of: &Subject<'_>) -> Option<String> {
        match self.key {
            Key::Label => Some(of.labels().join(", ")).filter(|all| !all.is_empty()),
            key => of.text(key).map(str::to_owned),
        }
    }
}

impl Bound {
    fn fit(self, of: &Subject<'_>) -> Fit {
        match self {
            Self::MinAge(least) => of.age().map(|age| age >= least),
            Self::MaxAge(most) => of.age().map(|age| age <= most),
            Self::MinLastPrice(least) => of.last_price().map(|paid| paid >= least),
            Self::MaxLastPrice(most) => of.last_price().map(|paid| paid <= most),
        }
    }

    /// As written in the config.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::MinAge(_) => "min_age",
            Self::MaxAge(_) => "max_age",
            Self::MinLastPrice(_) => "min_last_price",
            Self::MaxLastPrice(_) => "max_last_price",
        }
    }

    fn want(self) -> String {
        match self {
            Self::MinAge(age) => format!("{} or more", words(age)),
            Self::MaxAge(age) => format!("{} or less", words(age)),
            Self::MinLastPrice(price) => format!("{price} or more"),
            Self::MaxLastPrice(price) => format!("{price} or less"),
        }
    }

    fn saw(self, of: &Subject<'_>) -> Option<String> {
        match self {
            Self::MinAge(_) | Self::MaxAge(_) => of.age().map(words),
            Self::MinLastPrice(_) | Self::MaxLastPrice(_) => of.last_price().map(|paid| paid.to_string()),
        }
    }
}

impl Terms {
    /// Whether all of it fits; `None` where the lease lacks a value that it names.
    fn fit(&self, of: &Subject<'_>) -> Fit {
        let clauses = self.clauses.iter().map(|c| c.fit(of));
        let mut all = true;
        for fit in clauses.chain(self.bounds.iter().map(|b| b.fit(of))) {
            all &= fit?;
        }
        Some(all)
    }

    fn is_empty(&self) -> bool {
        self.clauses.is_empty() && self.bounds.is_empty()
    }

    /// What does not fit, under a prefix.
    fn misses(&self, of: &Subject<'_>, prefix: &str, wanted: bool) -> Vec<Miss> {
        let word = |want: String| if wanted { want } else { format!("not {want}") };
        let clauses = self.clauses.iter().filter(|c| c.fit(of) != Some(wanted)).map(|c| Miss {
            key: format!("{prefix}{}", c.key.as_str()),
            want: c.any.iter().map(|p| word(p.shown())).collect(),
            saw: c.saw(of),
        });
        let bounds = self.bounds.iter().filter(|b| b.fit(of) != Some(wanted)).map(|b| Miss {
            key: format!("{prefix}{}", b.key()),
            want: vec![word(b.want())],
            saw: b.saw(of),
        });
        clauses.chain(bounds).collect()
    }
}

impl Matcher {
    /// Whether it is for this lease.
    #[must_use]
    pub fn matches(&self, of: &Subject<'_>) -> bool {
        self.all.fit(of) == Some(true)
            && self.not.as_ref().is_none_or(|not| not.fit(of) == Some(false))
            && (self.any.is_empty() || self.any.iter().any(|one| one.fit(of) == Some(true)))
    }

    /// The keys that keep a lease out: empty exactly where [`Self::matches`] is true.
    #[must_use]
    pub fn misses(&self, of: &Subject<'_>) -> Vec<Miss> {
        let mut misses = self.all.misses(of, "", true);
        if let Some(not) = self.not.as_ref().filter(|not| not.fit(of) != Some(false)) {
            misses.extend(not.misses(of, "not.", false));
        }
        if !self.any.is_empty() && self.any.iter().all(|one| one.fit(of) != Some(true)) {
            let numbered = self.any.iter().enumerate();
            misses.extend(numbered.flat_map(|(n, one)| one.misses(of, &format!("any[{}].", n + 1), true)));
        }
        misses
    }

    /// It asks for nothing.
    #[must_use]
    pub fn is_for_all(&self) -> bool {
        self.all.is_empty() && self.not.is_none() && self.any.is_empty()
    }

    /// All the keys it names, wherever they stand.
    pub fn terms(&self) -> impl Iterator<Item = &Terms> {
        std::iter::once(&self.all).chain(&self.not).chain(&self.any)
    }

    /// A matcher of these clauses alone.
    #[must_use]
    pub fn of(clauses: Vec<Clause>) -> Self {
        Self { all: Terms { clauses, bounds: Vec::new() }, ..Self::default() }
    }
}

#[cfg(test)]
#[path = "matcher_tests.rs"]
mod tests;
