//! Where Proxy-Seller's calls are: `{base}/personal/api/v2/{key}/…`. The key is part of the path, so these URLs are never shown.
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::providers::{ConnectError, Connection};

/// One account's address. Has no `Debug`: it would show the key.
#[derive(Clone)]
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

    /// The URL of a call, such as `prolong/calc/ipv4`.
    pub fn url(&self, call: &str) -> Url {
        let mut url = self.base.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut()
            .expect("`new` refuses a URL that cannot be a base")
            .pop_if_empty()
            .extend(["personal", "api", "v2", self.key.expose_secret()])
            .extend(call.split('/'));
        url
    }

    /// The same with parameters.
    pub fn url_with(&self, call: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.url(call);
        url.query_pairs_mut().extend_pairs(query);
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
        let url = site("https://proxy-seller.com", "a/b?c#d").url("prolong/calc/mix_isp");
        assert_eq!(
            url.as_str(),
            "https://proxy-seller.com/personal/api/v2/a%2Fb%3Fc%23d/prolong/calc/mix_isp"
        );
        let url = site("http://127.0.0.1:9/sub/", "k").url_with("order/list", &[("is_extend", "Y")]);
        assert_eq!(url.as_str(), "http://127.0.0.1:9/sub/personal/api/v2/k/order/list?is_extend=Y");
    }
}
