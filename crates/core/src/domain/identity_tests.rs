//! Which account a configured one is: renamed, with a new key, swapped, a stranger. Not responsible for what the ledger writes of it.
use super::*;
use crate::domain::{Lease, sample};
use rstest::rstest;

fn place(lease: &str) -> Place {
    Place {
        lease: lease.into(),
        order: format!("o{lease}").as_str().into(),
        ip: format!("203.0.113.{lease}"),
    }
}

fn known(number: i64, name: &str, keys: &[&str], leases: &[&str]) -> Numbered {
    Numbered {
        number,
        provider: "youproxy".into(),
        name: name.into(),
        names: vec![name.into()],
        keys: keys.iter().map(|k| (*k).to_owned()).collect(),
        owners: Vec::new(),
        leases: leases.iter().map(|l| place(l)).collect(),
    }
}

fn listed_at(place: &Place) -> Lease {
    Lease {
        account: "any".into(),
        id: place.lease.clone(),
        order: place.order.clone(),
        ip: place.ip.clone(),
        ..sample::lease()
    }
}

fn claim(name: &str, key: &str, listed: Option<&[&str]>) -> Claim {
    Claim {
        name: name.into(),
        provider: "youproxy".into(),
        was: Vec::new(),
        key: key.to_owned(),
        owner: None,
        listed: listed.map(|all| Arc::new(all.iter().map(|l| listed_at(&place(l))).collect())),
    }
}

fn was(names: &[&str], claim: Claim) -> Claim {
    Claim { was: names.iter().map(|n| (*n).into()).collect(), ..claim }
}

fn run(ledger: &[Numbered], claims: &[Claim]) -> Attached {
    attach(ledger, claims, &HashMap::new(), "2026-11-29")
}

/// The same once an operator accepted whatever stood against it.
fn accepted(ledger: &[Numbered], claims: &[Claim]) -> Attached {
    let marks = claims.iter().zip(run(ledger, claims).verdicts).filter_map(|(c, v)| match v {
        Verdict::Changed { mark, .. } => Some((c.name.clone(), mark)),
        _ => None,
    });
    attach(ledger, claims, &marks.collect(), "2026-11-29")
}

fn changed(found: &Attached, at: usize) -> bool {
    matches!(found.verdicts[at], Verdict::Changed { .. })
}

#[test]
fn an_account_as_it_was_writes_nothing() {
    let found = run(&[known(1, "a", &["k"], &["1"])], &[claim("a", "k", Some(&["1"]))]);
    assert_eq!(found, Attached { verdicts: vec![Verdict::Known], steps: vec![] });
}

#[rstest]
#[case::by_its_key(claim("b", "k", None))]
#[case::by_its_key_and_its_old_name(was(&["a"], claim("b", "k", None)))]
fn a_renamed_account_keeps_its_number(#[case] claim: Claim) {
    let found = run(&[known(1, "a", &["k"], &["1"])], &[claim]);
    assert_eq!((found.verdicts, found.steps), (vec![Verdict::Known], vec![Step::Name(1, "b".into())]));
}

#[test]
fn a_new_key_is_believed_once_the_list_shows_a_known_lease() {
    let ledger = [known(1, "a", &["k"], &["1", "2"])];
    assert_eq!(run(&ledger, &[claim("a", "new", None)]).verdicts, [Verdict::Unproven]);
    assert!(changed(&run(&ledger, &[claim("a", "new", Some(&["8", "9"]))]), 0));
    assert!(changed(&run(&ledger, &[claim("a", "new", Some(&[]))]), 0));
    let found = run(&ledger, &[claim("a", "new", Some(&["2", "9"]))]);
    assert_eq!((found.verdicts, found.steps), (vec![Verdict::Known], vec![Step::Key(1, "new".into())]));
}

#[test]
fn a_new_key_and_a_new_name_are_found_by_was_or_by_the_leases() {
    let ledger = [known(1, "a", &["k"], &["1", "2"])];
    let steps = vec![Step::Name(1, "b".into()), Step::Key(1, "new".into())];
    assert_eq!(run(&ledger, &[was(&["a"], claim("b", "new", Some(&["1"])))]).steps, steps);
    assert_eq!(run(&ledger, &[claim("b", "new", Some(&["1"]))]).steps, steps);
    assert_eq!(run(&ledger, &[claim("b", "new", Some(&["7"]))]).steps, [Step::Open(0)]);
}

#[test]
fn a_new_key_of_an_account_without_leases_is_believed() {
    let found = run(&[known(1, "a", &["k"], &[])], &[claim("a", "new", Some(&["5"]))]);
    assert_eq!(found.verdicts, [Verdict::Known]);
}

#[test]
fn a_ledger_that_knew_no_keys_is_known_by_its_names() {
    let ledger = [known(1, "a", &[], &["1"])];
    assert_eq!(run(&ledger, &[claim("a", "k", Some(&[]))]).steps, [Step::Key(1, "k".into())]);
    let found = run(&ledger, &[was(&["a"], claim("b", "k", None))]);
    assert_eq!(found.steps, [Step::Name(1, "b".into()), Step::Key(1, "k".into())]);
}

#[test]
fn the_owner_speaks_for_a_new_key() {
    let mut one = known(1, "a", &["k"], &["1"]);
    one.owners.push("mail".to_owned());
    let found = run(&[one], &[Claim { owner: Some("mail".to_owned()), ..claim("b", "new", Some(&[])) }]);
    assert_eq!(found.verdicts, [Verdict::Known]);
    assert_eq!(found.steps, [Step::Name(1, "b".into()), Step::Key(1, "new".into())]);
}

#[test]
fn two_keys_of_one_owner_are_two_accounts() {
    let mut one = known(1, "a", &["k"], &["1"]);
    one.owners.push("mail".to_owned());
    let second = Claim { owner: Some("mail".to_owned()), ..claim("b", "other", Some(&["9"])) };
    let found = run(&[one], &[claim("a", "k", Some(&["1"])), second]);
    assert_eq!((found.verdicts, found.steps), (vec![Verdict::Known, Verdict::Known], vec![Step::Open(1)]));
}

#[test]
fn names_that_were_swapped_stop_both_until_each_is_accepted() {
    let ledger = [known(1, "a", &["k1"], &["1"]), known(2, "b", &["k2"], &["2"])];
    let claims = [claim("a", "k2", Some(&["2"])), claim("b", "k1", Some(&["1"]))];
    let found = run(&ledger, &claims);
    assert!(changed(&found, 0) && changed(&found, 1) && found.steps.is_empty());
    let found = accepted(&ledger, &claims);
    assert_eq!(found.verdicts, [Verdict::Known, Verdict::Known]);
    assert_eq!(found.steps, [Step::Name(2, "a".into()), Step::Name(1, "b".into())]);
}

#[test]
fn a_name_that_is_taken_over_leaves_its_history_under_another() {
    let ledger = [known(1, "a", &["k"], &["1"])];
    let stranger = [claim("a", "new", Some(&["9"]))];
    let found = accepted(&ledger, &stranger);
    assert_eq!(found.steps, [Step::Name(1, "a.before-2026-11-29".into()), Step::Open(0)]);
    let mut again = ledger[0].clone();
    again.names.push("a.before-2026-11-29".into());
    assert_eq!(accepted(&[again], &stranger).steps[0], Step::Name(1, "a.before-2026-11-29-2".into()));
}

#[test]
fn what_was_accepted_is_no_word_on_the_next_change() {
    let ledger = [known(1, "a", &["k"], &["1"])];
    let mark = match &run(&ledger, &[claim("a", "first-key-00000000", Some(&["9"]))]).verdicts[0] {
        Verdict::Changed { mark, .. } => mark.clone(),
        other => panic!("{other:?}"),
    };
    let marks = HashMap::from([("a".into(), mark)]);
    let next = attach(&ledger, &[claim("a", "other-key-00000000", Some(&["9"]))], &marks, "2026-11-29");
    assert!(changed(&next, 0));
}

#[test]
fn a_key_that_moved_to_another_name_leaves_a_stranger_behind() {
    let ledger = [known(1, "a", &["k"], &["1"])];
    let found = run(&ledger, &[claim("a", "new", Some(&["9"])), claim("b", "k", Some(&["1"]))]);
    assert!(changed(&found, 0));
    assert_eq!((&found.verdicts[1], &found.steps[..]), (&Verdict::Known, &[Step::Name(1, "b".into())][..]));
    // And in the next pass, too, when the name is nobody's any more.
    let mut moved = known(1, "b", &["k"], &["1"]);
    moved.names.insert(0, "a".into());
    assert!(changed(&run(&[moved], &[claim("a", "new", Some(&["9"])), claim("b", "k", Some(&["1"]))]), 0));
}

#[test]
fn an_old_name_that_is_used_again_says_nothing_against_a_known_key() {
    let mut one = known(1, "a", &["k1"], &["1"]);
    one.names.push("b".into());
    let claims = [claim("a", "k1", None), claim("b", "k2", None)];
    let found = run(&[one, known(2, "c", &["k2"], &["2"])], &claims);
    assert_eq!(
        (found.verdicts, found.steps),
        (vec![Verdict::Known, Verdict::Known], vec![Step::Name(2, "b".into())])
    );
}

#[test]
fn a_name_at_another_provider_is_another_account() {
    let other = Claim { provider: "proxyshard".into(), ..claim("a", "new", Some(&["9"])) };
    let found = run(&[known(1, "a", &["k"], &["1"])], &[other]);
    assert_eq!(found.steps, [Step::Name(1, "a.before-2026-11-29".into()), Step::Open(0)]);
}

#[test]
fn fingerprints_differ_by_each_part_and_not_by_a_slash() {
    let print =
        |ledger: &str, provider: &str, url: &str, key: &str| fingerprint(ledger, &provider.into(), url, key);
    let one = print("l", "p", "https://h", "k");
    assert_eq!((one.len(), &one), (64, &print("l", "p", "https://h/", "k")));
    for other in [
        print("m", "p", "https://h", "k"),
        print("l", "q", "https://h", "k"),
        print("l", "p", "https://i", "k"),
        print("l", "p", "https://h", "j"),
    ] {
        assert_ne!(one, other);
    }
}

fn of_programs(known: Numbered) -> Numbered {
    Numbered { provider: ProviderName::PROGRAM.into(), ..known }
}

#[test]
fn a_program_is_not_known_by_ids_or_places_that_any_vendor_has() {
    let gone = of_programs(known(1, "gone", &["k"], &["1", "2"]));
    let claim_of = |leases: &[Lease]| Claim {
        provider: ProviderName::PROGRAM.into(),
        listed: Some(Arc::new(leases.iter().cloned().collect())),
        ..claim("new", "k2", None)
    };
    let moved = listed_at(&place("1"));
    let ids = Lease { order: "o7".into(), ip: "198.51.100.1".to_owned(), ..moved.clone() };
    let places = Lease { id: "7".into(), ..moved.clone() };
    for (lease, is_same) in [(ids, false), (places, false), (moved, true)] {
        let found = run(std::slice::from_ref(&gone), &[claim_of(std::slice::from_ref(&lease))]);
        assert_eq!(found.verdicts, [Verdict::Known], "{lease:?}");
        assert_eq!(found.steps.contains(&Step::Open(0)), !is_same, "{lease:?}: {:?}", found.steps);
    }
}
