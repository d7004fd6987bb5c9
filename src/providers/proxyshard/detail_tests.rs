//! What an order says of its next term's price, with add-ons and their pending changes.
use rstest::rstest;
use secrecy::SecretString;

use super::*;
use crate::redact::Redactor;

fn order(fields: &str) -> Result<Detail, Trouble> {
    let words = Words::new(Redactor::default(), &SecretString::from("sk-very-secret-77"));
    read(format!(r#"{{"success":true,"order":{{{fields}}}}}"#).as_bytes(), "o-1", &words)
}

fn shown(price: Result<Option<Money>, String>) -> String {
    match price {
        Ok(Some(price)) => price.to_string(),
        Ok(None) => "not told".to_owned(),
        Err(why) => why,
    }
}

const CANCEL: &str = r#"{"addon_key":"p0f","qty":2,"price_per_unit":50,"pending":{"action":"cancel"}}"#;
const LESS: &str =
    r#"{"addon_key":"ports","qty":5,"price_per_unit":10,"pending":{"action":"Downgrade","next_qty":2}}"#;
const KEPT: &str = r#"{"addon_key":"ports","qty":5,"price_per_unit":10,"pending":null}"#;

#[rstest]
#[case::base_alone(r#""price_paid":1200"#, "12.00", "12.00")]
#[case::with_addons(r#""price_paid":1200,"addons_price_paid":150,"addons":[]"#, "13.50", "13.50")]
#[case::cancelled(&format!(r#""price_paid":1200,"addons_price_paid":150,"addons":[{CANCEL},{KEPT}]"#), "13.50", "12.50")]
#[case::reduced(&format!(r#""price_paid":1200,"addons_price_paid":150,"addons":[{CANCEL},{LESS}]"#), "13.50", "12.20")]
#[case::addons_by_their_lines(&format!(r#""price_paid":1200,"addons":[{KEPT}]"#), "12.50", "12.50")]
#[case::reductions_that_do_not_add_up(&format!(r#""price_paid":1200,"addons_price_paid":10,"addons":[{CANCEL}]"#), "12.10", "12.10")]
#[case::a_reduction_without_a_price(
    r#""price_paid":1200,"addons_price_paid":100,"addons":[{"qty":2,"pending":{"action":"cancel"}}]"#,
    "13.00",
    "13.00"
)]
#[case::a_reduction_to_nobody_knows_what(r#""price_paid":1200,"addons_price_paid":100,"addons":[{"qty":2,"price_per_unit":50,"pending":{"action":"downgrade"}}]"#, "13.00", "13.00")]
#[case::not_told(r#""quantity":3"#, "not told", "not told")]
#[case::null(r#""price_paid":null,"addons_price_paid":100"#, "not told", "not told")]
fn a_price_is_what_the_order_paid_with_pending_changes(
    #[case] fields: &str,
    #[case] paid: &str,
    #[case] next: &str,
) {
    let detail = order(fields).unwrap();
    assert_eq!((shown(detail.paid()), shown(detail.next())), (paid.to_owned(), next.to_owned()));
}

#[rstest]
#[case::fraction(r#""price_paid":1200.5"#, "`price_paid` is not a whole number of cents")]
#[case::whole_fraction(r#""price_paid":1200.0"#, "`price_paid` is not a whole number of cents")]
#[case::text(r#""price_paid":"1200""#, "`price_paid` is not a whole number of cents")]
#[case::below_zero(r#""price_paid":-1"#, "`price_paid` is not a whole number of cents")]
#[case::addons_as_text(r#""price_paid":1200,"addons_price_paid":"1""#, "`addons_price_paid` is not")]
#[case::addons_without_prices(
    r#""price_paid":1200,"addons":[{"addon_key":"p0f","qty":2}]"#,
    "add-ons are not told"
)]
#[case::addons_no_list(r#""price_paid":1200,"addons":{}"#, "add-ons cannot be read")]
#[case::a_change_that_nobody_knows(
    r#""price_paid":1200,"addons_price_paid":1,"addons":[{"pending":{"action":"upgrade"}}]"#,
    "neither `cancel` nor `downgrade`"
)]
#[case::a_change_that_is_no_object(
    r#""price_paid":1200,"addons_price_paid":1,"addons":[{"pending":"cancel"}]"#,
    "neither `cancel` nor `downgrade`"
)]
fn a_price_that_cannot_be_read_is_told_and_not_guessed(#[case] fields: &str, #[case] why: &str) {
    let next = shown(order(fields).unwrap().next());
    assert!(next.contains(why), "{next}");
}

#[test]
fn the_answer_for_another_order_is_none_for_this_one() {
    assert!(order(r#""order_id":"o-1","status":"on_hold""#).is_ok());
    assert!(order(r#""status":"on_hold""#).is_ok());
    for wrong in [r#""order_id":"o-2""#, r#""order_id":null,"order_id":"o-1""#, r#""order_id":{}"#] {
        assert!(matches!(order(wrong), Err(Trouble::Unreadable(_))), "{wrong}");
    }
}
