//! What a node does next, row by row.
use super::*;
use rstest::rstest;

const TTL: SignedDuration = SignedDuration::from_secs(30);

fn at(ms: i64) -> Moment {
    Moment { wall: jiff::Timestamp::UNIX_EPOCH, boot_id: "b".to_owned(), boot_ms: ms }
}

fn row(holder: &str, epoch: i64, left: i64) -> LeaseRow {
    LeaseRow { epoch, holder: holder.to_owned(), left: SignedDuration::from_secs(left), released: false }
}

fn held(epoch: i64) -> Renewed {
    Renewed { epoch, began: at(0) }
}

fn does(row: Option<&LeaseRow>, held: Option<&Renewed>, answered: bool, stopping: bool) -> Next {
    next(&Facts { me: "a", row, held, answered, stopping, now: &at(0), ttl: TTL })
}

#[rstest]
#[case::there_is_no_row_yet(None, None, Next::Take { back: false })]
#[case::it_ran_out(Some(row("b", 3, 0)), None, Next::Take { back: false })]
#[case::it_was_given_back(Some(LeaseRow { released: true, ..row("b", 3, 20) }), None, Next::Take { back: false })]
#[case::another_holds_it(Some(row("b", 3, 1)), None, Next::Standby)]
#[case::it_is_held(Some(row("a", 3, 20)), Some(held(3)), Next::Keep { epoch: 3 })]
#[case::it_is_held_and_late(Some(row("a", 3, -5)), Some(held(3)), Next::Keep { epoch: 3 })]
#[case::another_took_it(Some(row("b", 4, 20)), Some(held(3)), Next::Standby)]
#[case::another_took_it_and_is_gone(Some(row("b", 4, -1)), Some(held(3)), Next::Take { back: false })]
fn a_node_does_what_the_row_says(
    #[case] row: Option<LeaseRow>,
    #[case] held: Option<Renewed>,
    #[case] want: Next,
) {
    assert_eq!(does(row.as_ref(), held.as_ref(), true, false), want);
}

#[test]
fn a_node_that_was_started_anew_takes_its_own_lease_back_and_one_that_runs_does_not() {
    let own = row("a", 3, 20);
    assert_eq!(does(Some(&own), None, false, false), Next::Take { back: true });
    assert_eq!(does(Some(&own), None, true, false), Next::Standby, "a copy of this node has it");
    assert_eq!(
        does(Some(&row("b", 3, 20)), None, false, false),
        Next::Standby,
        "another's is never taken so"
    );
}

#[test]
fn a_node_that_ends_gives_back_what_it_holds_and_takes_nothing() {
    assert_eq!(does(Some(&row("a", 3, 20)), Some(&held(3)), true, true), Next::Release { epoch: 3 });
    assert_eq!(does(Some(&row("b", 3, -20)), None, true, true), Next::Standby);
}

#[test]
fn spending_stops_at_half_the_time_after_the_start_of_the_last_good_renewal() {
    let until = |ms: i64| spends_until(Some(&held(3)), 3, &at(ms), TTL);
    assert_eq!(until(14_999), Ok(SignedDuration::from_millis(1)));
    assert!(until(15_000).unwrap_err().contains("15000 ms ago"));
    assert!(until(-1).is_err(), "a clock that runs backwards says nothing");
    let elsewhere = Moment { boot_id: "c".to_owned(), ..at(10) };
    assert!(spends_until(Some(&held(3)), 3, &elsewhere, TTL).is_err());
    assert!(spends_until(None, 3, &at(0), TTL).is_err());
    assert!(spends_until(Some(&held(5)), 3, &at(0), TTL).unwrap_err().contains("epoch 3 is over"));
}

#[test]
fn the_role_is_what_the_row_says() {
    let own = row("a", 3, 20);
    assert_eq!(role(Some(&own), Some("a")), Role::Active);
    assert_eq!(role(Some(&own), Some("b")), Role::Standby);
    assert_eq!(role(Some(&own), None), Role::Standby, "a folder that was never a node");
    assert_eq!(role(Some(&row("a", 3, 0)), Some("a")), Role::Standby, "nobody pays");
    assert_eq!(role(None, Some("a")), Role::Standby);
}

#[test]
fn nobody_pays_once_two_times_to_live_have_passed() {
    let never = SignedDuration::ZERO;
    assert!(!nobody_pays(Some(&row("a", 3, -60)), never, TTL));
    assert!(nobody_pays(Some(&row("a", 3, -61)), never, TTL));
    assert!(
        nobody_pays(Some(&row("a", 3, 20)), SignedDuration::from_secs(61), TTL),
        "the row cannot be seen"
    );
    assert!(!nobody_pays(None, never, TTL));
    assert!(nobody_pays(Some(&row(MOVED_AWAY, 4, 1_000_000)), never, TTL), "the ledger was moved");
}
