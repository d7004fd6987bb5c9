//! What two lists differ in is found by their ranges, and nothing else is looked at that need not be.
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Rows of an id and a value.
#[derive(Debug, Clone)]
struct Plain(Vec<(String, u8)>);

impl Plain {
    fn of(map: &BTreeMap<String, u8>) -> Self {
        Self(map.iter().map(|(id, value)| (id.clone(), *value)).collect())
    }
}

impl Rows for Plain {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn id(&self, n: usize) -> &str {
        &self.0[n].0
    }

    fn digest(&mut self, n: usize) -> u128 {
        let (id, value) = &self.0[n];
        id.bytes()
            .fold(u128::from(*value) + 1, |h, b| h.wrapping_mul(0x1_0000_0001_0000_0000_01b3) ^ u128::from(b))
    }
}

fn rows() -> impl Strategy<Value = BTreeMap<String, u8>> {
    prop::collection::btree_map("[a-e]{1,5}", 0..3_u8, 0..400)
}

/// Brings `known` to what `listed` has by touching nothing outside the pieces; gives the new ranges and how many rows were touched.
fn apply(
    known: &mut BTreeMap<String, u8>,
    ranges: Option<Ranges>,
    listed: &BTreeMap<String, u8>,
) -> (Ranges, usize) {
    let mut rows = Plain::of(listed);
    let pieces = compare(ranges.as_ref(), &mut rows);
    let mut touched = 0;
    for piece in &pieces {
        let within = |id: &str| *id >= *piece.from && piece.to.as_ref().is_none_or(|to| *id < **to);
        let before = known.len();
        known.retain(|id, _| !within(id));
        touched += before - known.len() + piece.listed.len();
        known.extend(rows.0[piece.listed.clone()].iter().cloned());
    }
    (renewed(ranges, &pieces, &mut rows), touched)
}

proptest! {
    #[test]
    fn comparing_by_digests_is_comparing_in_full(lists in prop::collection::vec(rows(), 1..6)) {
        let (mut known, mut ranges) = (BTreeMap::new(), None);
        for list in &lists {
            let (after, _) = apply(&mut known, ranges, list);
            prop_assert_eq!(&known, list);
            let (same, touched) = apply(&mut known, Some(after.clone()), list);
            prop_assert_eq!((&same, touched), (&after, 0), "an unchanged list touches nothing");
            prop_assert_eq!(Ranges::decode(&after.encode()), Some(after.clone()));
            ranges = Some(after);
        }
    }
}

#[test]
fn a_few_changes_in_a_large_list_touch_a_few_ranges() {
    let list = |moved: usize| -> BTreeMap<String, u8> {
        (0..10_000).map(|n| (format!("{n:06}"), u8::from(n % 1_000 < moved))).collect()
    };
    let mut known = BTreeMap::new();
    let (ranges, first) = apply(&mut known, None, &list(0));
    assert_eq!(first, 10_000);
    let (_, touched) = apply(&mut known, Some(ranges), &list(1));
    assert!(touched <= 10 * 2 * SIZE, "ten of ten thousand rows changed, and {touched} were touched");
    assert_eq!(known, list(1));
}

#[test]
fn bytes_of_another_build_are_as_if_there_were_none() {
    let whole = Ranges(vec![One { first: "a".into(), tally: Tally { count: 1, sum: 7 } }]).encode();
    assert!(Ranges::decode(&whole).is_some());
    for cut in 0..whole.len() {
        assert!(cut == 1 || Ranges::decode(&whole[..cut]).is_none(), "cut at {cut}");
    }
    let other: Vec<u8> = std::iter::once(FORMAT + 1).chain(whole[1..].iter().copied()).collect();
    assert_eq!(Ranges::decode(&other), None);
}
