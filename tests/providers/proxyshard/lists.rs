//! Orders of every status over all pages: nothing lost, nothing twice, and the key stays at home.
use std::sync::atomic::Ordering;

use renewd::providers::{Purpose, ReadError};

use crate::proxyshard::bench::{Answer, Asked, KEY, me, ok, serve};

/// Orders by status, served in pages as asked for.
#[derive(Clone, Default)]
pub struct Shop {
    pub active: Vec<String>,
    pub on_hold: Vec<String>,
    pub cancelled: Vec<String>,
    /// What `/me` says; `None` = as many as there are active ones.
    pub told: Option<usize>,
    /// The server gives no longer pages than this.
    pub cap: usize,
    /// Where `next` leads.
    pub next: Option<String>,
    /// Rows that each page repeats of the one before.
    pub overlap: usize,
}

/// An item with all that a list may have.
pub fn full(id: &str) -> String {
    format!(
        r#"{{"order_id":"{id}","product_id":"p","product_name":"ISP Proxy","cycle_id":"m","cycle_name":"monthly","expires_at":"2026-12-01T00:00:00Z","auto_renewal":false,"tag":"none"}}"#
    )
}

/// An item with its id alone.
pub fn sparse(id: &str) -> String {
    format!(r#"{{"order_id":"{id}"}}"#)
}

pub fn detail(id: &str, status: &str) -> Answer {
    ok(format!(
        r#"{{"success":true,"order":{{"order_id":"{id}","product_name":"ISP Proxy","cycle_name":"monthly","quantity":1,"price_paid":900,"addons_price_paid":0,"addons":[],"status":"{status}","created_at":"2026-01-01T00:00:00Z","expires_at":"2026-11-20 00:00:00","promo_code":null,"auto_renewal":false,"tag":"prod"}}}}"#
    ))
}

impl Shop {
    pub fn answer(&self, asked: &Asked) -> Answer {
        match asked.path.as_str() {
            "me" => me(2500, self.told.unwrap_or(self.active.len())),
            "orders" => self.page(asked),
            path => {
                let id = path.strip_prefix("orders/").unwrap();
                let is = |list: &[String]| list.iter().any(|item| item.contains(&format!("\"{id}\"")));
                let status = if is(&self.active) { "Active" } else { "On_Hold" };
                detail(id, status)
            }
        }
    }

    fn page(&self, asked: &Asked) -> Answer {
        let all = || [self.cancelled.clone(), self.on_hold.clone(), self.active.clone()].concat();
        let rows = match asked.param("status").unwrap() {
            "active" => self.active.clone(),
            "on-hold" => self.on_hold.clone(),
            "cancelled" => self.cancelled.clone(),
            "all" => all(),
            other => panic!("status {other}"),
        };
        let cap = if self.cap == 0 { 100 } else { self.cap };
        let limit = asked.number("limit").min(cap);
        let from = asked.number("offset").saturating_sub(self.overlap).min(rows.len());
        let page = &rows[from..rows.len().min(from + limit)];
        let next = self.next.as_ref().map_or("null".to_owned(), |next| format!("\"{next}\""));
        // A count that nobody can rely on.
        ok(format!(
            r#"{{"success":true,"orders":[{}],"count":{},"prev":null,"next":{next}}}"#,
            page.join(","),
            page.len()
        ))
    }
}

fn many(prefix: &str, n: usize, item: impl Fn(&str) -> String) -> Vec<String> {
    (0..n).map(|i| item(&format!("{prefix}-{i:04}"))).collect()
}

#[tokio::test]
async fn hundreds_of_orders_are_each_read_once_and_the_key_follows_no_link() {
    let foreign = serve(|_| ok(r#"{"success":true,"orders":[]}"#)).await;
    let shop = Shop {
        active: many("a", 150, full),
        on_hold: many("h", 230, sparse),
        cancelled: vec![full("c-1")],
        next: Some(format!("{}/user/api/orders?status=active&offset=100", foreign.base)),
        overlap: 3,
        ..Shop::default()
    };
    let b = serve(move |asked| shop.answer(asked)).await;
    let inventory = b.reader.inventory(Purpose::Routine).await.unwrap();
    assert_eq!(inventory.leases.len(), 380);
    assert!(inventory.leases.iter().is_sorted_by(|a, b| a.id < b.id));
    assert!(inventory.leases.iter().all(|l| l.expires_at.is_some() && l.ip.is_empty() && l.id == l.order));
    let held = inventory.leases.iter().filter(|l| l.state.as_str() == "on-hold").count();
    assert_eq!((held, inventory.doubt, inventory.unreadable), (230, None, 0));
    assert!(foreign.asked().is_empty(), "a link was followed");
    let asked = b.asked();
    assert!(asked.iter().all(|a| a.headers["authorization"] == format!("Bearer {KEY}")));
    let pages = asked.iter().filter(|a| a.path == "orders");
    assert!(pages.clone().all(|a| a.param("limit") == Some("100") && a.query.len() == 3));
    let statuses: std::collections::BTreeSet<&str> = pages.map(|a| a.param("status").unwrap()).collect();
    assert_eq!(statuses.into_iter().collect::<Vec<_>>(), ["active", "all", "cancelled", "on-hold"]);
    assert!(b.most_at_once.load(Ordering::SeqCst) <= 8);
}

#[tokio::test]
async fn a_page_shorter_than_asked_for_is_not_taken_for_the_last() {
    let shop = Shop { active: many("a", 70, full), cap: 20, ..Shop::default() };
    let b = serve(move |asked| shop.answer(asked)).await;
    assert_eq!(b.reader.inventory(Purpose::Routine).await.unwrap().leases.len(), 70);
    let offsets: Vec<usize> = b
        .asked()
        .iter()
        .filter(|a| a.param("status") == Some("active"))
        .map(|a| a.number("offset"))
        .collect();
    assert_eq!(offsets, [0, 20, 40, 60, 70]);
}

#[tokio::test]
async fn a_server_that_does_not_heed_the_offset_is_told_soon() {
    let page = format!(r#"{{"success":true,"orders":[{}]}}"#, many("a", 100, full).join(","));
    let b = serve(move |_| ok(page.clone())).await;
    let error = b.reader.inventory(Purpose::Routine).await.unwrap_err();
    assert!(matches!(&error, ReadError::Unreadable(what) if what.contains("repeat themselves")), "{error}");
    assert_eq!(b.asked().len(), 4);
}

#[tokio::test]
async fn pages_without_end_are_given_up() {
    let mut n = 0;
    let b = serve(move |_| {
        n += 1;
        ok(format!(r#"{{"success":true,"orders":[{}]}}"#, full(&format!("o-{n}"))))
    })
    .await;
    let error = b.reader.inventory(Purpose::Routine).await.unwrap_err();
    assert!(error.to_string().contains("more than 1000 pages"), "{error}");
    assert_eq!(b.asked().len(), 1000);
}

#[tokio::test]
async fn cancelled_orders_are_asked_for_only_while_they_are_news() {
    let shop = Shop { active: vec![full("a-1")], cancelled: many("c", 150, full), ..Shop::default() };
    let b = serve(move |asked| shop.answer(asked)).await;
    for times in [1, 0] {
        assert_eq!(b.reader.inventory(Purpose::Routine).await.unwrap().leases.len(), 1);
        let asked = b.lines();
        let first = |line: &&String| line.contains("status=cancelled&offset=0");
        assert_eq!(asked.iter().filter(first).count(), times);
    }
}
