use super::*;
use crate::verdict::ConditionVerdict;

/// A verdict of a difference with these pairs and a margin of 0.1.
pub(in crate::verdict) fn verdict(differences: &[f64]) -> Verdict {
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
    let signs = |pairs| {
        resampled_power(
            &[distances.to_vec()],
            1,
            Some(Estimand::Median),
            pairs,
            0.05,
        )
    };
    // With six pairs none may lie above: .9 to the sixth.
    assert!((signs(6) - 0.9_f64.powi(6)).abs() < 0.05, "{}", signs(6));
    assert!(signs(20) > 0.95);
    assert_eq!(signs(4), 0.0);
    // Skewed noise: most pairs lie a little below, and one in eight far above holds the mean up.
    let skewed = [-0.1, -0.1, -0.1, -0.1, -0.1, -0.1, -0.1, 3.0];
    assert!(resampled_power(&[skewed.to_vec()], 1, Some(Estimand::Median), 40, 0.05) < 0.1);
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

/// Three conditions with these differences, of which so many must show the effect.
pub(in crate::verdict) fn of_cells(conditions: [&[f64]; 3], at_least: u32) -> Verdict {
    let whole = verdict(conditions[0]);
    let condition = |differences: &[f64]| ConditionVerdict {
        treatment: "a".into(),
        control: "b".into(),
        effect: 0.0,
        interval: None,
        p_support: 1.0,
        p_falsify: 1.0,
        checks: None,
        pairs: verdict(differences).pairs,
    };
    Verdict {
        kind: Some(CriterionKind::Cells),
        estimand: None,
        at_least: Some(at_least),
        conditions: conditions.map(condition).into(),
        ..whole
    }
}

#[test]
fn severity_of_cells_needs_as_many_conditions_as_would_refute() {
    let noisy: [f64; 8] = std::array::from_fn(|i| (i % 4) as f64 / 4.0 - 0.4);
    let of = |at_least| severity(&of_cells([&noisy, &[0.3; 8], &[0.2; 8]], at_least), 0.05);
    // Without an effect anywhere two quiet conditions refute "two of three"; "one of three" needs the noisy one as well.
    assert!(of(2) > of(1), "{:?} {:?}", of(2), of(1));
}
