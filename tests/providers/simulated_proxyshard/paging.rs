//! The list of orders: limits, counts, links, and everything that makes paging unsafe.
use std::sync::Arc;

use renewd::clock::Clock;
use renewd::simulator::proxyshard::{Count, FleetSpec, Link, Paging, Sorting, World};
use renewd::simulator::{Aim, proxyshard::Endpoint};
use renewd::simulator::{Answer, Distortion, Fault, Simulator, Stranger};
use serde_json::{Value, json};

use super::{Bench, TOKEN, converse, dc, hours, money, start};

/// So many orders on hold.
async fn on_hold(count: usize) -> Bench {
    let spec = FleetSpec::new(TOKEN, money("10.00"), 0, count, 0);
    Bench::with(World::fleet(3, start(), &spec)).await
}

async fn pages(bench: &Bench, offsets: &[usize]) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    for offset in offsets {
        pages.push(bench.page(&format!("status=on-hold&limit=100&offset={offset}")).await);
    }
    pages
}

#[tokio::test]
async fn all_orders_of_a_status_come_once_over_three_pages() {
    let bench = on_hold(230).await;
    let pages = pages(&bench, &[0, 100, 200, 300]).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 30, 0]);
    let mut all = pages.concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 230);
    assert_eq!(bench.page("status=on-hold").await.len(), 20, "without a limit");
    assert_eq!(bench.page("status=all&limit=100").await.len(), 100);
    assert!(bench.page("status=active").await.is_empty());
}

#[tokio::test]
async fn the_parameters_are_checked() {
    let bench = on_hold(3).await;
    for query in [
        "",
        "?limit=10",
        "?status=held",
        "?status=On-Hold",
        "?status=all&limit=0",
        "?status=all&limit=101",
        "?status=all&limit=ten",
        "?status=all&limit=",
        "?status=all&offset=-1",
        "?status=all&offset=%2B1",
    ] {
        assert_eq!(bench.refused("GET", &format!("orders{query}"), None).await, 400, "{query}");
    }
    assert_eq!(bench.page("status=all&limit=100&offset=2").await.len(), 1);
}

#[tokio::test]
async fn count_and_links_come_in_every_form() {
    let bench = on_hold(45).await;
    let page = async |offset| bench.get(&format!("orders?status=on-hold&limit=20&offset={offset}")).await;
    let first = page(0).await;
    assert_eq!((&first["count"], first.get("prev")), (&json!(45), None));
    assert_eq!(first["next"], "/user/api/orders?status=on-hold&offset=20&limit=20");
    let last = page(40).await;
    assert_eq!((last.get("next"), last["prev"].as_str().unwrap().contains("offset=20")), (None, true));
    bench.world(|world| (world.looks.count, world.looks.links) = (Count::Page, Link::Absolute));
    let last = page(40).await;
    assert_eq!(last["count"], 5);
    assert!(last["prev"].as_str().unwrap().starts_with("http://sim.test/user/api/orders?"));
    bench.world(|world| (world.looks.count, world.looks.links) = (Count::Absent, Link::Absent));
    let bare = page(0).await;
    assert_eq!((bare.get("count"), bare.get("next")), (None, None));
    bench.world(|world| (world.looks.nulls, world.looks.links) = (true, Link::Relative));
    assert_eq!(page(0).await["prev"], Value::Null);
}

#[tokio::test]
async fn a_link_can_lead_to_another_host_which_notes_what_it_is_told() {
    let bench = on_hold(30).await;
    let clock: Arc<dyn Clock> = bench.clock.clone();
    let stranger = Simulator::start(clock, Stranger::default(), ([127, 0, 0, 2], 0).into()).await.unwrap();
    bench.world(|world| world.looks.links = Link::Foreign(stranger.base_url()));
    let next = bench.get("orders?status=on-hold").await["next"].clone();
    let next = next.as_str().unwrap();
    assert!(next.starts_with("http://127.0.0.2:"), "{next}");
    assert!(stranger.handle().requests().is_empty(), "a client that keeps its own offsets never comes here");
    let path = next.strip_prefix(&stranger.base_url()).unwrap();
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    );
    let (bytes, _) = converse(stranger.address(), &head, "").await;
    assert_eq!(super::parse(&bytes), (200, json!({"success": true, "orders": [], "count": 0})));
    let request = stranger.handle().requests().remove(0);
    assert_eq!((request.path.as_str(), request.account.as_str()), (path, "Bearer token-1"));
    assert_eq!(request.query[1], ("offset".to_owned(), "20".to_owned()));
}

#[tokio::test]
async fn the_order_of_a_list_is_by_age_or_by_chance_and_the_same_for_one_seed() {
    let bench = on_hold(40).await;
    let list = async |sorting| {
        bench.world(|world| world.looks.sorting = sorting);
        bench.page("status=on-hold&limit=100").await
    };
    let newest = list(Sorting::Newest).await;
    let mut oldest = list(Sorting::Oldest).await;
    let shuffled = list(Sorting::Shuffled(1)).await;
    assert_eq!(shuffled, list(Sorting::Shuffled(1)).await);
    assert_ne!(shuffled, list(Sorting::Shuffled(2)).await);
    assert!(shuffled != newest && shuffled != oldest);
    oldest.reverse();
    assert_eq!(newest, oldest);
}

#[tokio::test]
async fn a_list_that_moves_while_it_is_paged_shows_an_order_twice_or_never() {
    let bench = on_hold(200).await;
    let still = pages(&bench, &[0, 100, 200]).await;
    bench.world(|world| world.looks.paging = Paging::Grows);
    let grown = pages(&bench, &[0, 100, 200]).await;
    assert_eq!(grown[1][0], still[0][99], "on both pages");
    assert_eq!(grown[2], still[1][99..], "the last one moved onto a third page");
    assert_eq!(bench.get("orders?status=on-hold&limit=100&offset=100").await["count"], 201);
    bench.world(|world| world.looks.paging = Paging::Shrinks);
    let shrunk = pages(&bench, &[0, 100]).await;
    assert!(!shrunk.concat().contains(&still[1][0]), "on no page");
    assert_eq!(shrunk[1].len(), 99);
}

#[tokio::test]
async fn lists_can_be_wrong_while_the_world_is_right() {
    let bench = on_hold(5).await;
    let ids = bench.page("status=on-hold").await;
    let seen = async |wrong: Distortion| {
        bench.world(|world| world.looks.wrong = vec![wrong]);
        bench.get("orders?status=on-hold").await["orders"].as_array().unwrap().clone()
    };
    assert!(seen(Distortion::Empty).await.is_empty());
    assert_eq!(seen(Distortion::KeepFirst(2)).await.len(), 2);
    assert_eq!(seen(Distortion::Duplicates).await.len(), 10);
    assert!(seen(Distortion::Hide(ids[0].clone())).await.iter().all(|item| item["order_id"] != ids[0]));
    let odd = seen(Distortion::UnreadableEnd(ids[0].clone())).await;
    assert_eq!(odd[0]["expires_at"], "soon (31/31/2026)");
    assert_eq!(seen(Distortion::NoEnd(ids[0].clone())).await[0].get("expires_at"), None);
    assert_eq!(seen(Distortion::NoId(ids[0].clone())).await[0].get("order_id"), None);
}

#[tokio::test]
async fn lists_lag_behind_payments_and_details_only_if_told_to() {
    let bench = Bench::new("10.00").await;
    let id = bench.add(&dc(1));
    bench.pass_hours(3);
    bench.handle.set_lag(std::time::Duration::from_secs(600));
    bench.handle.set_balance_lag(std::time::Duration::from_secs(300));
    bench.renew(&id).await;
    bench.pass_minutes(4);
    assert_eq!(bench.page("status=on-hold").await, [id.as_str()]);
    assert!(bench.page("status=active").await.is_empty());
    assert_eq!(bench.get("me").await["wallet_balance"], 1000);
    assert_eq!(bench.detail(&id).await["status"], "active");
    bench.world(|world| world.detail_lags = true);
    assert_eq!(bench.detail(&id).await["status"], "on-hold");
    bench.pass_minutes(1);
    assert_eq!(bench.get("me").await["wallet_balance"], 750);
    bench.pass_minutes(5);
    assert_eq!(bench.page("status=active").await, [id.as_str()]);
    assert_eq!(bench.detail(&id).await["status"], "active");
    assert!(bench.page("status=on-hold").await.is_empty());
    let item = bench.get("orders?status=active").await["orders"][0].clone();
    assert_eq!(item["expires_at"], json!(format!("{}", hours(1 + 24 * 30)).replace('Z', ".000Z")));
}

#[tokio::test]
async fn a_page_can_be_cut() {
    let bench = on_hold(30).await;
    let get = format!(
        "GET /user/api/orders?status=on-hold HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    );
    for answer in [Answer::HalfBody, Answer::TruncatedJson] {
        bench.handle.inject(Fault::on(Aim::Endpoint(Endpoint::Orders)).answer(answer));
        let (bytes, _) = bench.raw(&get, "").await;
        let text = String::from_utf8(bytes).unwrap();
        let body = text.split_once("\r\n\r\n").unwrap().1;
        assert!(body.starts_with(r#"{"success":true,"orders":["#), "{body}");
        assert!(serde_json::from_str::<Value>(body).is_err());
    }
}
