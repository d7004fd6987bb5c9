//! Every way an order can be written that the provider's page does not rule out.
use std::collections::BTreeSet;

use renewd::simulator::DateForm;
use renewd::simulator::proxyshard::{Dates, FleetSpec, Sparse, Spelling, Status, World};
use serde_json::{Value, json};

use super::{Bench, TOKEN, dc, money, start};

#[tokio::test]
async fn instants_come_in_every_form() {
    let bench = Bench::new("1.00").await;
    let id = bench.add(&dc(48));
    for (form, text) in [
        (Dates::As(DateForm::FractionZulu), json!("2026-11-22T10:00:00.000Z")),
        (Dates::As(DateForm::Zulu), json!("2026-11-22T10:00:00Z")),
        (Dates::As(DateForm::FractionOffset), json!("2026-11-22T10:00:00.000+00:00")),
        (Dates::As(DateForm::NoZone), json!("2026-11-22T10:00:00")),
        (Dates::OtherZone, json!("2026-11-22T12:00:00+02:00")),
        (Dates::Space, json!("2026-11-22 10:00:00")),
        (Dates::SpaceFractionOffset, json!("2026-11-22 10:00:00.000+00:00")),
        (Dates::DateOnly, json!("2026-11-22")),
        (Dates::Unreadable, json!("soon (31/31/2026)")),
        (Dates::Absent, Value::Null),
    ] {
        bench.world(|world| world.looks.dates = form);
        assert_eq!(bench.detail(&id).await["expires_at"], text, "{form:?}");
        assert_eq!(bench.get("orders?status=active").await["orders"][0]["expires_at"], text, "{form:?}");
    }
}

#[tokio::test]
async fn the_status_has_many_spellings_and_one_order_may_have_a_word_of_its_own() {
    let bench = Bench::new("1.00").await;
    let ids = [dc(48), dc(-1), dc(-200).status(Status::Cancelled)].map(|spec| bench.add(&spec));
    for (spelling, words) in [
        (Spelling::Plain, ["active", "on-hold", "cancelled"]),
        (Spelling::Capitals, ["Active", "On_Hold", "Canceled"]),
        (Spelling::Padded, [" active ", " on-hold ", " cancelled "]),
        (Spelling::OneL, ["active", "on-hold", "canceled"]),
    ] {
        bench.world(|world| world.looks.spelling = spelling);
        for (id, word) in ids.iter().zip(words) {
            assert_eq!(bench.detail(id).await["status"], word);
        }
    }
    let odd = Some("suspended-by-upstream".to_owned());
    bench.world(|world| world.account_mut(TOKEN).unwrap().order_mut(&ids[1]).unwrap().status_word = odd);
    assert_eq!(bench.detail(&ids[1]).await["status"], "suspended-by-upstream");
    assert_eq!(bench.page("status=on-hold").await, [ids[1].clone()]);
}

#[tokio::test]
async fn sparse_items_lose_fields_by_seed_and_always_the_same() {
    let spec = FleetSpec::new(TOKEN, money("1.00"), 60, 0, 0);
    let bench = Bench::with(World::fleet(1, start(), &spec)).await;
    let lacking = async |sparse: Option<Sparse>| {
        bench.world(|world| {
            world.looks.sparse = sparse;
            world.looks.nulls = true;
        });
        let page = bench.get("orders?status=active&limit=100").await;
        let items = page["orders"].as_array().unwrap().clone();
        assert!(items.iter().all(|item| item.get("order_id").is_some() && item.get("cycle_name").is_some()));
        let lacks = |name: &str| items.iter().map(|item| item.get(name).is_none()).collect::<Vec<_>>();
        ["expires_at", "auto_renewal", "tag"].map(lacks)
    };
    let sparse = |seed, percent| Some(Sparse { seed, percent });
    let none = lacking(None).await;
    assert!(none.iter().flatten().all(|missing| !missing));
    let some = lacking(sparse(5, 40)).await;
    assert_eq!(some, lacking(sparse(5, 40)).await);
    assert_ne!(some, lacking(sparse(6, 40)).await);
    for field in &some {
        let missing = field.iter().filter(|missing| **missing).count();
        assert!((8..=40).contains(&missing), "{missing} of 60 with 40%");
    }
    assert!(lacking(sparse(5, 100)).await.iter().flatten().all(|missing| *missing));
}

#[tokio::test]
async fn any_field_can_be_absent_everywhere_and_empty_ones_can_be_null() {
    let bench = Bench::new("1.00").await;
    let id = bench.add(&dc(48));
    assert_eq!(bench.detail(&id).await.get("tag"), None);
    bench.world(|world| world.looks.nulls = true);
    let whole = bench.detail(&id).await;
    assert_eq!((whole.get("tag"), whole.get("promo_code")), (Some(&Value::Null), Some(&Value::Null)));
    for name in whole.as_object().unwrap().keys() {
        bench.world(|world| world.looks.without = BTreeSet::from([name.clone()]));
        let detail = bench.detail(&id).await;
        assert_eq!(detail.get(name), None);
        assert_eq!(detail.as_object().unwrap().len(), whole.as_object().unwrap().len() - 1);
        assert_eq!(bench.get("orders?status=active").await["orders"][0].get(name), None);
    }
}

#[tokio::test]
async fn ids_can_be_numbers_and_details_can_name_the_place() {
    let bench = Bench::new("1.00").await;
    let id = bench.add(&dc(48));
    bench.world(|world| {
        world.looks.number_ids = true;
        world.looks.location = true;
    });
    let number: u64 = id.parse().unwrap();
    let detail = bench.detail(&id).await;
    assert_eq!((&detail["order_id"], &detail["location"]), (&json!(number), &json!("DE")));
    let item = bench.get("orders?status=active").await["orders"][0].clone();
    assert!(item["product_id"].is_u64() && item["cycle_id"].is_u64());
    assert_eq!(bench.detail(&number.to_string()).await["order_id"], number);
}

#[tokio::test]
async fn details_can_lack_what_lists_have() {
    let bench = Bench::new("1.00").await;
    let id = bench.add(&dc(48));
    bench.world(|world| world.looks.without_in_details = BTreeSet::from(["expires_at".to_owned()]));
    assert_eq!(bench.detail(&id).await.get("expires_at"), None);
    assert!(bench.get("orders?status=active").await["orders"][0]["expires_at"].is_string());
    let fields = async |sparse| {
        bench.world(|world| world.looks.sparse_details = sparse);
        bench.detail(&id).await.as_object().unwrap().len()
    };
    let whole = fields(None).await;
    let some = fields(Some(Sparse { seed: 3, percent: 50 })).await;
    assert!((1..whole).contains(&some), "{some} of {whole}");
    assert_eq!(some, fields(Some(Sparse { seed: 3, percent: 50 })).await);
    assert_eq!(fields(Some(Sparse { seed: 3, percent: 100 })).await, 0);
}
