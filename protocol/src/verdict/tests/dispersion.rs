//! Whether the treatment spreads less over the seeds.

use super::*;

pub(super) const NARROW: [f64; 8] = [81.02, 81.34, 81.11, 80.93, 81.25, 81.41, 80.84, 81.17];
pub(super) const WIDE: [f64; 8] = [80.1, 83.2, 81.0, 82.9, 79.5, 84.0, 81.7, 82.2];

pub(super) const DISPERSION: &str = "kind = \"dispersion\"\nmargin = 0.5";

fn of(treatment: &[f64], control: &[f64]) -> Verdict {
    verdict(DISPERSION, treatment, control)
}

#[test]
fn a_smaller_spread_is_supported_with_the_golden_numbers() {
    let verdict = of(&NARROW, &WIDE);
    assert_eq!(verdict.outcome, Outcome::Supported);
    // scipy.stats.permutation_test of the signs, Fieller's bounds by a search in scipy: bench/verdict/golden.py.
    let close =
        |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-9, "{found} is not {wanted}");
    close(verdict.effect.expect("effect"), 2.0635681925235505);
    let [low, high] = verdict.interval.expect("bounds");
    close(low, 1.4033253315635654);
    close(high, 2.721214564331126);
    close(verdict.p_support.expect("p"), 0.0078125);
    close(verdict.p_falsify.expect("p"), 0.9921875);
    let [treatment, control] = verdict.checks.expect("checks").spreads.expect("both");
    close(treatment, 0.15875);
    close(control, 1.25);
    // Medians are 81.14 and 81.95.
    close(verdict.pairs[0].difference.expect("complete"), 1.85 - 0.12);
    insta::assert_snapshot!(verdict.explanation);
}

#[test]
fn where_arms_lie_does_not_count_and_how_wide_they_are_does() {
    let shifted = NARROW.map(|x| x + 40.0);
    let (here, there) = (of(&NARROW, &WIDE), of(&shifted, &WIDE));
    assert_eq!(here.p_support, there.p_support);
    assert_eq!(there.outcome, Outcome::Supported);
    let turned = of(&WIDE, &NARROW);
    assert_eq!(
        (turned.outcome, turned.label),
        (Outcome::Falsified, Some(Label::Reversed))
    );
    let same = of(&shifted, &NARROW);
    assert_eq!(
        (same.outcome, same.label),
        (Outcome::Falsified, Some(Label::Negligible))
    );
    // A run of the treatment that does the same every time has no spread: nothing to take a logarithm of.
    let none = of(&[1.0; 8], &WIDE);
    assert_eq!((none.outcome, none.effect), (Outcome::Supported, None));
    let both = of(&[1.0; 8], &[2.0; 8]);
    assert_eq!(
        (both.outcome, both.effect),
        (Outcome::Inconclusive, Some(0.0))
    );
}

#[test]
fn a_run_that_diverged_is_as_far_out_as_the_farthest() {
    let mut runs = outcomes(&NARROW, &WIDE);
    runs[0].end = End::Diverged;
    let one = decide(&spec(DISPERSION), &SEEDS, &runs, ALPHA);
    // The farthest control is 2.45 from its median; the first is 1.85 from it.
    let difference = one.pairs[0].difference.expect("complete");
    assert!((difference - (1.85 - 2.45)).abs() < 1e-9, "{difference}");
    assert!(one.p_support > Some(0.0078125));
    runs[1].end = End::Diverged;
    let two = decide(&spec(DISPERSION), &SEEDS, &runs, ALPHA);
    assert_eq!(two.outcome, Outcome::Inconclusive);
    assert!(two.explanation.contains("the spread means little"));
    runs[0].end = End::Missing("lost".into());
    let missing = decide(&spec(DISPERSION), &SEEDS, &runs, ALPHA);
    assert_eq!(missing.pairs[0].difference, None);
}
