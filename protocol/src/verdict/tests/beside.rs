//! What stands beside a verdict and decides nothing: bootstrap bounds, and what a single seed would have said.

use super::*;

/// The conclusion alone is that of the whole verdict, without what stands beside it.
pub(super) fn decides_nothing(whole: &Verdict, alone: &Verdict) {
    let mut bare = whole.clone();
    bare.checks = None;
    bare.severity = None;
    for condition in &mut bare.conditions {
        condition.checks = None;
    }
    assert_eq!(&bare, alone);
}

#[track_caller]
fn near(found: Option<[f64; 2]>, wanted: [f64; 2], error: f64) {
    let found = found.expect("bounds");
    for (found, wanted) in found.into_iter().zip(wanted) {
        assert!((found - wanted).abs() <= error, "{found} is not {wanted}");
    }
}

fn checks(criterion: &str, treatment: &[f64], control: &[f64]) -> Checks {
    verdict(criterion, treatment, control)
        .checks
        .expect("checks")
}

/// scipy.stats.bootstrap, percentiles of 400,000 resamples: bench/verdict/golden.py. Ours of a mean and a ratio has 10,000,
/// which leave a fiftieth of the standard error; four times that is allowed.
#[test]
fn bootstrap_bounds_agree_with_scipy() {
    near(checks(DIFFERENCE, &B, &A).bootstrap, [0.7, 1.2], 1e-9);
    near(
        checks(MEAN, &B, &A).bootstrap,
        [0.7375, 1.075],
        0.08 * 0.0957,
    );
    let (narrow, wide) = (dispersion::NARROW, dispersion::WIDE);
    let spreads = checks(dispersion::DISPERSION, &narrow, &wide);
    near(spreads.bootstrap, [1.53345, 2.55963], 0.08 * 0.31326);
    // Shares of 8 and 0 of 8 have one resample only.
    let solved = checks(SOLVE, &[0.001; 8], &[0.2; 8]);
    near(solved.bootstrap, [1.0, 1.0], 0.0);
    // The same whenever it is computed again.
    assert_eq!(checks(MEAN, &B, &A), checks(MEAN, &B, &A));
}

#[test]
fn a_single_seed_misleads_where_it_says_the_opposite_of_the_estimate() {
    // numpy: of the differences C − D two of eight have the sign that their median has not.
    assert_eq!(checks(DIFFERENCE, &D, &C).misleading, Some(0.25));
    assert_eq!(checks(DIFFERENCE, &C, &D).misleading, Some(0.25));
    assert_eq!(checks(DIFFERENCE, &B, &A).misleading, Some(0.0));
    // Where nothing differs nothing can be said of it, and a spread is not seen in one seed.
    assert_eq!(checks(DIFFERENCE, &A, &A).misleading, None);
    let (narrow, wide) = (dispersion::NARROW, dispersion::WIDE);
    assert_eq!(
        checks(dispersion::DISPERSION, &narrow, &wide).misleading,
        None
    );
    // Of an equivalence it is the seeds on the other side of the margin.
    let outside = A
        .iter()
        .zip(B)
        .filter(|(a, b)| (*a - b).abs() > 0.95)
        .count();
    let within = checks("kind = \"equivalence\"\nmargin = 0.95", &B, &A);
    assert_eq!(within.misleading, Some(outside as f64 / 8.0));
    // One solved seed of three that differ speaks against the two others.
    let (s, u) = (0.001, 0.2);
    let solved = checks(SOLVE, &[s, s, u, s, s, s, s, s], &[u, u, s, s, s, s, s, s]);
    assert_eq!(solved.misleading, Some(0.125));
}

/// A run that diverged speaks against its arm, and a seed in which both did for nobody.
#[test]
fn a_diverged_run_misleads_by_the_side_that_lost() {
    let mut runs = outcomes(&B, &A);
    runs[0].end = End::Diverged;
    let one = decide(&spec(DIFFERENCE), &SEEDS, &runs, ALPHA);
    assert_eq!(one.checks.expect("checks").misleading, Some(0.125));
    runs[8].end = End::Diverged;
    let both = decide(&spec(DIFFERENCE), &SEEDS, &runs, ALPHA);
    assert_eq!(both.checks.expect("checks").misleading, Some(0.0));
}

#[test]
fn each_condition_has_checks_of_its_own() {
    let verdict = decide(&spec(cells::CELLS), &SEEDS, &runs([B, A, D, C]), ALPHA);
    let of = |place: usize| verdict.conditions[place].checks.expect("checks");
    assert_eq!(of(0), checks(DIFFERENCE, &B, &A));
    let second = checks(DIFFERENCE, &D, &C);
    assert_eq!(of(1), second);
    assert_eq!(second.misleading, Some(0.25));
    assert!(verdict.checks.expect("checks").bootstrap.is_none());
}
