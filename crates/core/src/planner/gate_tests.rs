//! Which quotes may be paid: contract I9 and the caps, to the cent and the second.
use super::*;
use crate::domain::{AccountName, Balance, Kind, LeaseId, OrderId, Percent, RequestLease, Warning};
use crate::policy::sample::keep;
use rstest::rstest;

const NOW: i64 = 1_000_000;

fn policy() -> Policy {
    keep("keep")
}

fn request(leases: usize, days: u32) -> RenewalRequest {
    let lease = |n: usize| RequestLease {
        id: LeaseId::new(format!("L{n}")),
        order: OrderId::new("O1"),
        ip: format!("203.0.113.{n}"),
        told: Default::default(),
        port: None,
        expires_at: Timestamp::UNIX_EPOCH,
    };
    RenewalRequest {
        account: AccountName::new("yp"),
        kind: Kind::new("IPv4"),
        leases: (0..leases).map(lease).collect(),
        period_days: days,
        cycle: None,
        promo: None,
        method: Method::Leases,
    }
}

fn moment(second: i64) -> crate::domain::Moment {
    let wall = Timestamp::from_second(second).unwrap();
    crate::domain::Moment { wall, boot_id: "boot".to_owned(), boot_ms: second * 1_000 }
}

fn quote(cents: i64) -> Quote {
    Quote {
        price: Money::from_cents(cents),
        balance: Balance { amount: Money::from_cents(10_000), currency: Currency::new("USD") },
        promo: None,
        warnings: Vec::new(),
        method: Method::Leases,
        asked_at: moment(NOW),
        paid_before: None,
        each: None,
        order: None,
    }
}

/// `None`: it may be paid.
fn held(policy: &Policy, last: &[Option<(i64, u32)>], days: u32, quote: Quote) -> Option<Word> {
    let request = request(last.len(), days);
    let input = GateInput {
        request: &request,
        policy,
        last: last.iter().map(|l| l.map(|(cents, days)| (Money::from_cents(cents), days))).collect(),
        currency: Some(&Currency::new("USD")),
        now: Timestamp::from_second(NOW).unwrap(),
    };
    gate(&input, &Ok(quote)).err().map(|r| r.word)
}

#[rstest]
#[case::of_this_minute(60, None)]
#[case::older(61, Some(Word::QuoteError))]
#[case::the_clock_was_set_back(-60, None)]
#[case::by_more(-61, Some(Word::QuoteError))]
fn a_quote_is_good_for_a_minute(#[case] age: i64, #[case] expected: Option<Word>) {
    let asked_at = moment(NOW - age);
    assert_eq!(held(&policy(), &[None], 30, Quote { asked_at, ..quote(265) }), expected);
}

#[rstest]
#[case::a_warning(false, Some(Word::ProviderWarning))]
#[case::short_funds_are_filled_around(true, None)]
fn a_warning_stops_the_set(#[case] short_of_funds: bool, #[case] expected: Option<Word>) {
    let warning = Warning { code: Some(7), message: "look here".to_owned(), short_of_funds };
    let warned = Quote { warnings: vec![warning], ..quote(265) };
    assert_eq!(held(&policy(), &[None], 30, warned.clone()), expected);
    let request = request(1, 30);
    let now = Timestamp::from_second(NOW).unwrap();
    let input = GateInput { request: &request, policy: &policy(), last: vec![None], currency: None, now };
    if let Ok(priced) = gate(&input, &Ok(warned)) {
        assert!(priced.short, "a price to plan with, not one to pay");
        assert!(!gate(&input, &Ok(quote(265))).unwrap().short);
    }
}

#[test]
fn an_answer_that_is_no_quote_says_which_kind() {
    let request = request(1, 30);
    let now = Timestamp::from_second(NOW).unwrap();
    let input = GateInput { request: &request, policy: &policy(), last: vec![None], currency: None, now };
    let word = |e: QuoteError| gate(&input, &Err(e)).unwrap_err();
    let unreadable = word(QuoteError::Unreadable("no price in it".into()));
    assert_eq!(unreadable.word, Word::QuoteUnreadable);
    assert!(unreadable.prose.contains("no price in it"), "{}", unreadable.prose);
    assert_eq!(word(QuoteError::NoAnswer("time-out".into())).word, Word::QuoteError);
}

#[test]
fn another_currency_than_until_now_stops_it() {
    let balance = Balance { amount: Money::from_cents(10_000), currency: Currency::new("EUR") };
    assert_eq!(held(&policy(), &[None], 30, Quote { balance, ..quote(1) }), Some(Word::CurrencyChanged));
}

#[rstest]
#[case::accepted(Some(PromoStatus::Valid), true, None)]
#[case::refused(Some(PromoStatus::Invalid), true, Some(Word::PromoInvalid))]
#[case::not_mentioned(None, true, Some(Word::PromoInvalid))]
#[case::refused_and_not_required(Some(PromoStatus::Invalid), false, None)]
fn a_required_promo_code_is_accepted_or_nothing_is_paid(
    #[case] promo: Option<PromoStatus>,
    #[case] promo_required: bool,
    #[case] expected: Option<Word>,
) {
    let with = Policy { promo_code: Some("TEN".to_owned()), promo_required, ..policy() };
    assert_eq!(held(&with, &[None], 30, Quote { promo, ..quote(265) }), expected);
}

#[rstest]
#[case::at_the_cap(1, 300, None)]
#[case::a_cent_over(1, 301, Some(Word::PriceCap))]
#[case::each_of_three(3, 900, None)]
#[case::a_cent_over_three(3, 901, Some(Word::PriceCap))]
fn max_price_is_for_each_lease(#[case] n: usize, #[case] cents: i64, #[case] expected: Option<Word>) {
    let capped = Policy { max_price: Some(Money::from_cents(300)), ..policy() };
    assert_eq!(held(&capped, &vec![None; n], 30, quote(cents)), expected);
}

#[test]
fn a_cap_is_said_with_its_leases() {
    let capped = Policy { max_price: Some(Money::from_cents(300)), ..policy() };
    let text = |n: usize| {
        let request = request(n, 30);
        let now = Timestamp::from_second(NOW).unwrap();
        let input =
            GateInput { request: &request, policy: &capped, last: vec![None; n], currency: None, now };
        gate(&input, &Ok(quote(10_000))).unwrap_err().prose
    };
    assert_eq!(text(1), "100.00 USD is over max_price 3.00");
    assert_eq!(text(3), "100.00 for 3 leases USD is over max_price 3.00");
}

#[test]
fn of_a_list_of_periods_a_cap_names_the_one_that_is_over_it() {
    let list = Policy { max_price: Some(Money::from_cents(300)), periods: vec![90, 30], ..policy() };
    let request = request(1, 30);
    let now = Timestamp::from_second(NOW).unwrap();
    let input = GateInput { request: &request, policy: &list, last: vec![None], currency: None, now };
    let reason = gate(&input, &Ok(quote(301))).unwrap_err();
    assert_eq!(reason.to_string(), "price_cap: 3.01 USD for 30 days is over max_price 3.00");
}

#[rstest]
#[case::as_before(&[Some((200, 30))], 30, 200, None)]
#[case::ten_percent_more(&[Some((200, 30))], 30, 220, None)]
#[case::a_cent_more_than_that(&[Some((200, 30))], 30, 221, Some(Word::PriceJump))]
#[case::twice_for_twice_the_days(&[Some((200, 30))], 60, 440, None)]
#[case::and_a_cent(&[Some((200, 30))], 60, 441, Some(Word::PriceJump))]
#[case::never_paid_before(&[None], 30, 99_999, None)]
#[case::one_of_two(&[Some((200, 30)), None], 30, 441, Some(Word::PriceJump))]
#[case::cheaper(&[Some((200, 30))], 30, 1, None)]
fn a_price_jumps_no_higher_than_allowed(
    #[case] last: &[Option<(i64, u32)>],
    #[case] days: u32,
    #[case] cents: i64,
    #[case] expected: Option<Word>,
) {
    let jump = Policy { max_price_jump: Some(Percent(Decimal::TEN)), ..policy() };
    assert_eq!(held(&jump, last, days, quote(cents)), expected);
}

#[rstest]
#[case::what_its_leases_cost(&[Some((200, 30)), Some((300, 30))], None, 500, None)]
#[case::more(&[Some((200, 30)), Some((300, 30))], None, 501, Some(Word::QuoteError))]
#[case::in_other_periods(&[Some((400, 60)), Some((100, 10))], None, 500, None)]
#[case::and_more(&[Some((400, 60)), Some((100, 10))], None, 501, Some(Word::QuoteError))]
#[case::one_was_never_paid(&[Some((200, 30)), None], None, 1, Some(Word::QuoteError))]
#[case::then_the_cap_says(&[Some((200, 30)), None], Some(250), 500, None)]
#[case::and_not_a_cent_more(&[Some((200, 30)), None], Some(250), 501, Some(Word::QuoteError))]
fn a_whole_order_is_paid_at_a_price_known_for_what_is_listed(
    #[case] last: &[Option<(i64, u32)>],
    #[case] cap: Option<i64>,
    #[case] cents: i64,
    #[case] expected: Option<Word>,
) {
    let policy = Policy { max_price: cap.map(Money::from_cents), ..policy() };
    let whole = Quote { method: Method::Order, ..quote(cents) };
    assert_eq!(held(&policy, last, 30, whole), expected);
}

#[test]
fn an_order_that_was_asked_for_whole_needs_no_known_count() {
    let request = RenewalRequest { method: Method::Order, ..request(2, 30) };
    let policy = policy();
    let now = Timestamp::from_second(NOW).unwrap();
    let input = GateInput { request: &request, policy: &policy, last: vec![None, None], currency: None, now };
    let priced = gate(&input, &Ok(Quote { method: Method::Order, ..quote(501) })).unwrap();
    assert_eq!(priced.total, Money::from_cents(501));
    assert_eq!(Money::sum(priced.shares.iter().copied()), Some(priced.total), "shares add up to the cent");
}

proptest::proptest! {
    #[test]
    fn no_price_passes_a_cap_or_a_jump(
        cents in 0_i64..3_000, leases in 1_usize..6, days in 1_u32..120, cap in proptest::option::of(0_i64..600),
        jump in proptest::option::of(0_i64..60), paid in proptest::collection::vec(proptest::option::of((1_i64..600, 1_u32..120)), 6),
    ) {
        let policy = Policy {
            max_price: cap.map(Money::from_cents),
            max_price_jump: jump.map(|n| Percent(Decimal::from(n))),
            ..policy()
        };
        let last = &paid[..leases];
        if held(&policy, last, days, quote(cents)).is_none() {
            let each = Money::from_cents(cents).shares(leases);
            proptest::prop_assert!(cap.is_none_or(|cap| cents <= cap * i64::try_from(leases).unwrap()));
            for (share, last) in each.iter().zip(last) {
                // More for a day than the last time, by no more than the jump: compared without dividing.
                let (Some(jump), Some((paid, before))) = (jump, last) else { continue };
                let now = share.decimal() * Decimal::from(100) * Decimal::from(*before) * Decimal::from(100);
                let most = Decimal::from(*paid) * Decimal::from(days) * Decimal::from(100 + jump);
                proptest::prop_assert!(now <= most, "{share} after {paid}");
            }
        }
    }

    #[test]
    fn the_shares_of_what_may_be_paid_add_up_to_it(cents in 0_i64..3_000, leases in 1_usize..6) {
        let (request, policy) = (request(leases, 30), policy());
        let now = Timestamp::from_second(NOW).unwrap();
        let last = vec![None; leases];
        let input = GateInput { request: &request, policy: &policy, last, currency: None, now };
        let priced = gate(&input, &Ok(quote(cents))).unwrap();
        proptest::prop_assert_eq!(Money::sum(priced.shares.iter().copied()), Some(priced.total));
    }
}
