use super::super::power::tests::{of_cells, verdict};
use super::*;

#[test]
fn levels_of_all_confirmations_sum_to_that_of_the_claim() {
    let verdict = verdict(&[0.0; 8]);
    let sum: f64 = (1..=10_000)
        .map(|place| CLAIM_LEVEL / (f64::from(place) * f64::from(place + 1)))
        .sum();
    assert!(sum < CLAIM_LEVEL && sum > 0.999 * CLAIM_LEVEL);
    assert_eq!(Confirmation::plan(&verdict, 1).level, 0.025);
}

#[test]
fn a_confirmation_has_as_many_pairs_as_it_needs() {
    let clear = verdict(&[-0.1; 40]);
    let first = Confirmation::plan(&clear, 1);
    assert!(
        first.power >= PLANNED
            && assurance(&clear, first.pairs as usize - 1, first.level) < PLANNED
    );
    // A stricter level needs more, fewer or less clear pairs too, and there is an end to it.
    let later = Confirmation::plan(&clear, 5);
    assert!(later.pairs > first.pairs && first.pairs < 40);
    let fewer = Confirmation::plan(&verdict(&[-0.1; 16]), 1);
    assert!(fewer.pairs > first.pairs, "{fewer:?} {first:?}");
    let mixed = [[-0.1; 36].as_slice(), &[0.2; 4]].concat();
    assert!(Confirmation::plan(&verdict(&mixed), 1).pairs > first.pairs);
    let hopeless = verdict(&[0.0, 0.2, 0.0, 0.2, 0.0, 0.2, 0.0, 0.2]);
    let planned = Confirmation::plan(&hopeless, 3);
    assert!(planned.pairs == 40 && planned.power < 0.2, "{planned:?}");
}

/// Where one seed in seven gains three margins and the others nothing, 40 pairs falsify with a chance of 0.89 and 0.65 at
/// the levels of confirmations 1 and 3 (20,000 simulated in numpy); eight pairs that show none of these seeds must not
/// promise more.
#[test]
fn pairs_that_show_no_rare_seed_promise_no_more_than_is_kept_where_there_are_some() {
    let seen = verdict(&[0.0; 8]);
    for (place, kept) in [(1, 0.89), (3, 0.65)] {
        let planned = Confirmation::plan(&seen, place);
        assert_eq!(planned.pairs, 40);
        assert!(
            planned.power < kept + 0.03 && planned.power > 0.5,
            "{planned:?}"
        );
    }
}

#[test]
fn a_share_of_solved_seeds_is_as_uncertain_as_a_difference() {
    let of = |solved: &[f64]| Verdict {
        kind: Some(CriterionKind::SolveRate),
        estimand: None,
        margin: 0.3,
        ..verdict(solved)
    };
    let few = Confirmation::plan(&of(&[0.0; 8]), 1);
    let many = Confirmation::plan(&of(&[0.0; 40]), 1);
    assert!(few.power < PLANNED && few.pairs == 40, "{few:?}");
    assert!(many.power >= PLANNED && many.pairs < 40, "{many:?}");
}

#[test]
fn a_confirmation_of_cells_is_planned_from_every_condition() {
    let (none, there) = (&[0.0; 40][..], &[0.3; 40][..]);
    // Two of three are asked for, so two without an effect refute it, each at half the level.
    let refuted = Confirmation::plan(&of_cells([there, none, none], 2), 1);
    assert!(
        refuted.power >= PLANNED && refuted.pairs < 40,
        "{refuted:?}"
    );
    // The first condition, which alone is beside the point, was seen to hold.
    let held = Confirmation::plan(&of_cells([none, there, there], 2), 1);
    assert!(held.pairs == 40 && held.power < 0.05, "{held:?}");
    // One of them is enough where all are asked for, at a third of the level.
    let one = Confirmation::plan(&of_cells([there, none, there], 3), 1);
    let alone = Confirmation::plan(&verdict(none), 1);
    assert!(one.power >= PLANNED && one.pairs > alone.pairs, "{one:?}");
}
