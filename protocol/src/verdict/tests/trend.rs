//! Whether a metric improves along a setting: the arms are 60, 10, 30 and 40 steps long.

use super::*;

pub(super) const TREND: &str = "kind = \"trend\"\nfield = \"task.length\"\nmargin = 0.01";
const PER_DOUBLING: &str =
    "kind = \"trend\"\nfield = \"task.length\"\nfield_scale = \"log\"\nmargin = 0.2";

const GOLDEN: Golden = Golden {
    effect: 0.017307692307692392,
    bounds: [0.008461538461538472, 0.022692307692307494],
    p_support: 0.00390625,
    p_falsify: 0.96484375,
    mean: 0.016874999999999984,
    mean_bounds: [0.012800513924056948, 0.02094948607594302],
};
const GOLDEN_PER_DOUBLING: Golden = Golden {
    effect: 0.27785952325185315,
    bounds: [0.1327751033738932, 0.3708644571746833],
    p_support: 0.00390625,
    p_falsify: 0.96484375,
    mean: 0.2760154245938805,
    mean_bounds: [0.2092095297326118, 0.3428213194551492],
};

#[test]
fn slopes_agree_with_a_regression_by_scipy() {
    let plain = decide(&spec(TREND), &SEEDS, &runs([B, A, D, C]), ALPHA);
    GOLDEN.holds(&plain);
    assert_eq!(plain.outcome, Outcome::Supported);
    assert_eq!(plain.unit, "squared error per unit of task.length");
    insta::assert_snapshot!(plain.explanation);
    let log = decide(&spec(PER_DOUBLING), &SEEDS, &runs([B, A, D, C]), ALPHA);
    GOLDEN_PER_DOUBLING.holds(&log);
    assert_eq!(log.unit, "squared error per doubling of task.length");
}

#[test]
fn it_goes_from_the_control_to_the_treatment() {
    // Ends swapped: the same runs, the opposite prediction.
    let mut turned = spec(TREND);
    let criterion = turned.criterion.as_mut().expect("has one");
    std::mem::swap(&mut criterion.treatment, &mut criterion.control);
    let verdict = decide(&turned, &SEEDS, &runs([B, A, D, C]), ALPHA);
    assert_eq!(
        (verdict.outcome, verdict.label),
        (Outcome::Falsified, Some(Label::Reversed))
    );
    assert!((verdict.effect.expect("effect") + GOLDEN.effect).abs() < 1e-9);
    let level = decide(&spec(TREND), &SEEDS, &runs([A; 4]), ALPHA);
    assert_eq!(level.label, Some(Label::Negligible));
    // Rounding is no sign.
    assert_eq!((level.effect, level.p_support), (Some(0.0), Some(1.0)));
}

#[test]
fn a_run_that_diverged_pulls_its_seed_down_on_the_treatment_s_side() {
    let of = |diverged: &[usize]| {
        let mut runs = runs([B, A, D, C]);
        for run in diverged {
            runs[*run].end = End::Diverged;
        }
        decide(&spec(TREND), &SEEDS, &runs, ALPHA)
    };
    // Runs 0 to 7 are 60 steps long, 8 to 15 ten, 16 to 23 thirty, 24 to 31 forty; the mean is 35.
    assert_eq!(of(&[0]).p_support, Some(9.0 / 256.0));
    assert_eq!(of(&[24]).p_support, Some(9.0 / 256.0));
    assert_eq!(of(&[8]).p_support, Some(1.0 / 256.0));
    // On both sides of the middle: it speaks for nobody.
    let both = of(&[0, 16]);
    assert_eq!(both.p_support, Some(9.0 / 256.0));
    assert_eq!((both.diverged, both.others[0].diverged), ([1, 0], 1));
    let many = of(&[24, 25]);
    assert_eq!(many.outcome, Outcome::Inconclusive);
    let whole = of(&[0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(whole.label, Some(Label::Reversed));
}

#[test]
fn a_missing_run_between_the_ends_leaves_its_seed_incomplete() {
    let mut runs = runs([B, A, D, C]);
    runs[20].end = End::Missing("the worker was lost".into());
    let one = decide(&spec(TREND), &SEEDS, &runs, ALPHA);
    assert_eq!(one.pairs[4].difference, None);
    assert_eq!(one.outcome, Outcome::Supported);
    for run in &mut runs[16..19] {
        run.end = End::Missing("the worker was lost".into());
    }
    assert_eq!(
        decide(&spec(TREND), &SEEDS, &runs, ALPHA).outcome,
        Outcome::Aborted
    );
}
