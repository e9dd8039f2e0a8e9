use super::*;

fn verdict(differences: &[f64]) -> Verdict {
    let pairs = differences
        .iter()
        .zip(1..)
        .map(|(difference, seed)| Pair {
            seed,
            treatment: None,
            control: None,
            difference: Some(*difference),
            others: Vec::new(),
            note: String::new(),
        })
        .collect();
    Verdict {
        kind: Some(CriterionKind::Difference),
        estimand: Some(Estimand::Median),
        margin: 0.1,
        pairs,
        ..Verdict::aborted(String::new())
    }
}

/// Of pairs that are all far below, one of ten is imaginary and lies far above; of 20 pairs Student's bound bears two such
/// and the sign test five. `sum(comb(20, k) * .1**k * .9**(20 - k) for k in range(bears + 1))` in Python.
#[test]
fn power_is_that_of_both_tests() {
    let distances = [-1.0; 8];
    let signs = |pairs| resampled_power(&distances, Some(Estimand::Median), pairs, 0.05);
    // With six pairs none may lie above: .9 to the sixth.
    assert!((signs(6) - 0.9_f64.powi(6)).abs() < 0.05, "{}", signs(6));
    assert!(signs(20) > 0.95);
    assert_eq!(
        resampled_power(&distances, Some(Estimand::Median), 4, 0.05),
        0.0
    );
    // Skewed noise: most pairs lie a little below, and one in eight far above holds the mean up.
    let skewed = [-0.1, -0.1, -0.1, -0.1, -0.1, -0.1, -0.1, 3.0];
    assert!(resampled_power(&skewed, Some(Estimand::Median), 40, 0.05) < 0.1);
}

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
    // All eight below the margin: a share of .9 with the two imaginary ones.
    let clear = verdict(&[-0.1; 8]);
    let first = Confirmation::plan(&clear, 1);
    assert!(
        first.power >= PLANNED && power(&clear, first.pairs as usize - 1, first.level) < PLANNED
    );
    // A stricter level needs more, a less clear case too, and there is an end to it.
    let later = Confirmation::plan(&clear, 5);
    assert!(later.pairs > first.pairs);
    let mixed = verdict(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.2, 0.2]);
    let planned = Confirmation::plan(&mixed, 1);
    assert!(planned.pairs > first.pairs);
    let hopeless = verdict(&[0.0, 0.2, 0.0, 0.2, 0.0, 0.2, 0.0, 0.2]);
    let planned = Confirmation::plan(&hopeless, 3);
    assert!(planned.pairs == 40 && planned.power < 0.5);
}

#[test]
fn severity_grows_with_pairs_and_falls_with_noise() {
    let of = |differences: &[f64]| severity(&verdict(differences), 0.05).expect("pairs");
    let [few, many] = [6, 20].map(|n| of(&vec![0.3; n]));
    assert!(few < many && many > 0.99, "{few} {many}");
    let noisy: Vec<f64> = (0..20).map(|i| f64::from(i % 5) - 2.0).collect();
    assert!(of(&noisy) < 0.5);
    assert_eq!(severity(&verdict(&[0.3]), 0.05), None);
}
