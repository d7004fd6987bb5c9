//! Where px6's calls are: `{base}/api/{key}/{method}/?…`. The key is part of the path, so these URLs are never shown.
use secrecy::{ExposeSecret, SecretString};
use url::{Url, form_urlencoded};

use crate::providers::{ConnectError, Connection};

/// One account's address. Has no `Debug`: it would show the key.
pub struct Site {
    base: Url,
    key: SecretString,
}

impl Site {
    /// Checks that base and key make a URL.
    pub fn new(connection: &Connection) -> Result<Self, ConnectError> {
        let account = || connection.account.clone();
        if connection.base_url.cannot_be_a_base() {
            return Err(ConnectError::BaseUrl { account: account() });
        }
        // `url` drops the segments `.` and `..`, and an empty one would ask another path.
        if connection.api_key.expose_secret().trim_matches('.').is_empty() {
            return Err(ConnectError::Key { account: account() });
        }
        Ok(Self { base: connection.base_url.clone(), key: connection.api_key.clone() })
    }

    /// The account itself, by no method.
    pub fn account(&self) -> Url {
        self.with(&[])
    }

    /// A method with its parameters. Commas are sent as the vendor writes them.
    pub fn url(&self, method: &str, parameters: &[(&str, &str)]) -> Url {
        // The empty segment is the slash behind the method.
        let mut url = self.with(&[method, ""]);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        url.set_query(Some(&query.replace("%2C", ",")));
        url
    }

    fn with(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut()
            .expect("`new` refuses a URL that cannot be a base")
            .pop_if_empty()
            .extend(["api", self.key.expose_secret()])
            .extend(segments);
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(base: &str, key: &str) -> Site {
        Site { base: base.parse().unwrap(), key: SecretString::from(key) }
    }

    #[test]
    fn the_key_is_one_path_segment_whatever_is_in_it() {
        let url = site("https://px6.link", "a/b?c#d").url("prolong", &[("period", "30"), ("ids", "1,2")]);
        assert_eq!(url.as_str(), "https://px6.link/api/a%2Fb%3Fc%23d/prolong/?period=30&ids=1,2");
        let site = site("http://127.0.0.1:9/sub/", "k");
        assert_eq!(site.account().as_str(), "http://127.0.0.1:9/sub/api/k");
        let url = site.url("buy", &[("descr", "a&b=c%2Cd")]);
        assert_eq!(url.as_str(), "http://127.0.0.1:9/sub/api/k/buy/?descr=a%26b%3Dc%252Cd");
    }
}
