//! Where ProxyShard's calls are: `{base}/user/api/…`. The key is no part of a URL; `http` sends it as a bearer token.
use url::Url;

use crate::providers::{ConnectError, Connection};

/// One account's address.
pub struct Site {
    base: Url,
}

impl Site {
    /// Checks that the base can carry a path.
    pub fn new(connection: &Connection) -> Result<Self, ConnectError> {
        if connection.base_url.cannot_be_a_base() {
            return Err(ConnectError::BaseUrl { account: connection.account.clone() });
        }
        Ok(Self { base: connection.base_url.clone() })
    }

    /// The URL of a call by its segments. An id may be one of them: [`super::wire::order_id`] has refused those that `url` would
    /// drop.
    pub fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut()
            .expect("`new` refuses a URL that cannot be a base")
            .pop_if_empty()
            .extend(["user", "api"])
            .extend(segments);
        url
    }

    /// The same with a query; parameters without a value are left out.
    pub fn query(&self, segments: &[&str], parameters: &[(&str, Option<&str>)]) -> Url {
        let mut url = self.url(segments);
        let told = parameters.iter().filter_map(|(key, value)| value.map(|value| (*key, value)));
        url.query_pairs_mut().extend_pairs(told);
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_one_path_segment_whatever_is_in_it() {
        let site = Site { base: "https://user-api.proxyshard.com".parse().unwrap() };
        assert_eq!(
            site.url(&["orders", "a/b?c#d", "renew"]).as_str(),
            "https://user-api.proxyshard.com/user/api/orders/a%2Fb%3Fc%23d/renew"
        );
        let site = Site { base: "http://127.0.0.1:9/sub/".parse().unwrap() };
        let url = site.query(&["orders", "calculate"], &[("product", Some("ISP & more")), ("cycle", None)]);
        assert_eq!(url.as_str(), "http://127.0.0.1:9/sub/user/api/orders/calculate?product=ISP+%26+more");
    }
}
