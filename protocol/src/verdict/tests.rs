use super::*;
use crate::spec::{Format, Spec, read};

mod beside;
mod cells;
mod dispersion;
mod interaction;
mod learned;
mod rival;
mod sequential;
mod trend;

const A: [f64; 8] = [82.1, 81.7, 82.6, 81.9, 82.3, 82.0, 81.5, 82.4];
const B: [f64; 8] = [80.9, 81.2, 81.4, 80.7, 81.8, 81.1, 80.6, 81.5];

const SEEDS: [u32; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

/// Two further arms.
const D: [f64; 8] = [81.6, 81.5, 82.2, 81.9, 82.0, 81.4, 81.3, 82.3];
const C: [f64; 8] = [81.9, 81.8, 82.3, 81.7, 82.4, 81.9, 81.4, 82.2];

/// Numbers of scipy and statsmodels: bench/verdict/golden.py.
struct Golden {
    effect: f64,
    bounds: [f64; 2],
    p_support: f64,
    p_falsify: f64,
    mean: f64,
    mean_bounds: [f64; 2],
}

impl Golden {
    #[track_caller]
    fn holds(&self, verdict: &Verdict) {
        let close = |found: Option<f64>, wanted: f64| {
            let found = found.expect("is there");
            assert!((found - wanted).abs() < 1e-9, "{found} is not {wanted}");
        };
        let all = |found: Option<[f64; 2]>, wanted: [f64; 2]| {
            for (place, wanted) in wanted.into_iter().enumerate() {
                close(found.map(|found| found[place]), wanted);
            }
        };
        let checks = verdict.checks.expect("checks");
        close(verdict.effect, self.effect);
        all(verdict.interval, self.bounds);
        close(verdict.p_support, self.p_support);
        close(verdict.p_falsify, self.p_falsify);
        close(checks.mean, self.mean);
        all(checks.mean_interval, self.mean_bounds);
    }
}

fn spec(criterion: &str) -> Spec {
    let arms: String = [("b", 60), ("a", 10), ("d", 30), ("c", 40)]
        .map(|(arm, length)| format!("[[arms]]\nname = \"{arm}\"\ntask.length = {length}\n"))
        .concat();
    let text = format!(
        "title = \"t\"\nseeds = 8\n[task]\nname = \"sentiment\"\ndata = \"d\"\n[training]\nepochs = 1\n\
         {arms}[criterion]\nmetric = \"test_mse\"\n\
         treatment = \"b\"\ncontrol = \"a\"\n{criterion}"
    );
    read(&text, Format::Toml).expect("a good specification")
}

/// A run that ended with this test error.
pub(crate) fn finished(value: f64) -> End {
    End::Finished(Box::new(RunResult::simulated(&[("test_mse", value)])))
}

/// Treatment "b" against control "a", lower is better.
fn outcomes(treatment: &[f64], control: &[f64]) -> Vec<RunOutcome> {
    let arm = |name: &str, values: &[f64]| -> Vec<RunOutcome> {
        values
            .iter()
            .zip(1..)
            .map(|(value, seed)| RunOutcome {
                arm: name.into(),
                seed,
                end: finished(*value),
            })
            .collect()
    };
    [arm("b", treatment), arm("a", control)].concat()
}

/// The same with two more arms, "d" and "c".
fn runs(values: [[f64; 8]; 4]) -> Vec<RunOutcome> {
    let [treatment, control, other_treatment, other_control] = values;
    let mut runs = outcomes(&treatment, &control);
    let mut others = outcomes(&other_treatment, &other_control);
    for run in &mut others {
        run.arm = if run.arm == "b" { "d" } else { "c" }.into();
    }
    runs.append(&mut others);
    runs
}

fn verdict(criterion: &str, treatment: &[f64], control: &[f64]) -> Verdict {
    decide(
        &spec(criterion),
        &SEEDS,
        &outcomes(treatment, control),
        ALPHA,
    )
}

const ALPHA: f64 = 0.05;
const MEAN: &str = "kind = \"difference\"\nestimand = \"mean\"\nmargin = 0.5";
const DIFFERENCE: &str = "kind = \"difference\"\nmargin = 0.5";

#[test]
fn a_clear_advantage_is_supported_with_the_golden_numbers() {
    let verdict = verdict(DIFFERENCE, &B, &A);
    assert_eq!(verdict.outcome, Outcome::Supported);
    // numpy.median; of eight pairs the second from either end bounds it at 0.05.
    let [low, high] = verdict.interval.expect("bounds");
    assert!((verdict.effect.expect("effect") - 0.9).abs() < 1e-9);
    assert!(
        (low - 0.5).abs() < 1e-9 && (high - 1.2).abs() < 1e-9,
        "{low} {high}"
    );
    // All eight are above 0, two below the margin of 0.5 or none: binomtest.
    assert_eq!(verdict.p_support, Some(1.0 / 256.0));
    let checks = verdict.checks.expect("checks");
    let [low, high] = checks.mean_interval.expect("bounds");
    assert!((checks.mean.expect("mean") - 0.9125).abs() < 1e-12);
    assert!((low - 0.7182396910).abs() < 1e-9 && (high - 1.1067603090).abs() < 1e-9);
    assert!((checks.superiority.expect("both have runs") - 0.9609375).abs() < 1e-12);
    insta::assert_snapshot!(verdict.explanation);
}

#[test]
fn the_opposite_is_falsified_and_reversed() {
    let verdict = verdict(DIFFERENCE, &A, &B);
    assert_eq!(
        (verdict.outcome, verdict.label),
        (Outcome::Falsified, Some(Label::Reversed))
    );
}

#[test]
fn equal_arms_are_falsified_as_negligible() {
    let near: Vec<f64> = A
        .iter()
        .enumerate()
        .map(|(i, a)| a + 0.01 * (i as f64 - 3.5))
        .collect();
    let verdict = verdict(DIFFERENCE, &near, &A);
    assert_eq!(
        (verdict.outcome, verdict.label),
        (Outcome::Falsified, Some(Label::Negligible))
    );
}

#[test]
fn an_effect_around_the_margin_is_inconclusive() {
    let verdict = verdict("kind = \"difference\"\nmargin = 1.0", &B, &A);
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
}

#[test]
fn the_log_scale_compares_ratios() {
    let half: Vec<f64> = A.iter().map(|a| a / 2.0).collect();
    let verdict = verdict(
        "kind = \"difference\"\nscale = \"log\"\nmargin = 0.5",
        &half,
        &A,
    );
    assert!((verdict.effect.expect("effect") - 2_f64.ln()).abs() < 1e-12);
    assert_eq!(verdict.outcome, Outcome::Supported);
}

#[test]
fn a_diverged_run_has_lost_its_pair_and_is_never_dropped() {
    let mut runs = outcomes(&B, &A);
    runs[0].end = End::Diverged;
    let one = decide(&spec(DIFFERENCE), &SEEDS, &runs, ALPHA);
    assert_eq!(one.diverged, [1, 0]);
    let difference = one.pairs[0].difference.expect("counts");
    assert!(
        difference <= 0.0,
        "a diverged treatment is no advantage: {difference}"
    );
    assert_eq!(one.pairs[0].treatment, None);
    // Seven of eight above 0.
    assert_eq!(one.p_support, Some(9.0 / 256.0));
    runs[1].end = End::Diverged;
    let two = decide(&spec(DIFFERENCE), &SEEDS, &runs, ALPHA);
    assert_eq!(two.outcome, Outcome::Inconclusive);
    let two = decide(&spec(MEAN), &SEEDS, &runs, ALPHA);
    assert_eq!(two.outcome, Outcome::Inconclusive);
    assert!(two.explanation.contains("diverged"));
    // Where the control diverges too, a pair speaks for nobody; where it alone does, it is nothing to compare with.
    runs[8].end = End::Diverged;
    let both = decide(&spec(DIFFERENCE), &SEEDS, &runs, ALPHA);
    assert_eq!(both.p_support, Some(37.0 / 256.0));
    runs[9].end = End::Diverged;
    let control = decide(&spec(DIFFERENCE), &SEEDS, &runs, ALPHA);
    assert!(
        control.explanation.contains("nothing to compare with"),
        "{}",
        control.explanation
    );
}

#[test]
fn machine_trouble_aborts_and_is_not_science() {
    let mut runs = outcomes(&B, &A);
    for run in &mut runs[..3] {
        run.end = End::Missing("the worker was lost".into());
    }
    let verdict = decide(&spec(DIFFERENCE), &SEEDS, &runs, ALPHA);
    assert_eq!(verdict.outcome, Outcome::Aborted);
    assert!(verdict.explanation.contains("the worker was lost"));
    // One of eight missing leaves seven pairs, which decide.
    let mut runs = outcomes(&B, &A);
    runs[0].end = End::Missing("cancelled".into());
    assert_eq!(
        decide(&spec(DIFFERENCE), &SEEDS, &runs, ALPHA).outcome,
        Outcome::Supported
    );
}

#[test]
fn a_reason_that_ended_many_runs_is_given_once() {
    let mut runs = outcomes(&B, &A);
    for run in &mut runs {
        run.end = End::Missing("too short a text".into());
    }
    runs[1].end = End::Missing("lost".into());
    runs.retain(|run| run.arm == "b" || run.seed < 3);
    let verdict = decide(&spec(DIFFERENCE), &SEEDS, &runs, ALPHA);
    assert_eq!(verdict.outcome, Outcome::Aborted);
    let reasons = "nothing about the claim: \"b\" with seeds 1, 3, 4, 5, 6, 7 and 8, \"a\" with seeds 1 and 2: too \
                   short a text; \"b\" with seed 2: lost; \"a\" with seeds 3, 4, 5, 6, 7 and 8: it never ran";
    assert!(
        verdict.explanation.contains(reasons),
        "{}",
        verdict.explanation
    );
}

#[test]
fn a_broken_treatment_is_inadmissible() {
    let mut runs = outcomes(&B, &A);
    if let End::Finished(result) = &mut runs[3].end {
        result.treatment.verified = false;
        result.treatment.violations = vec!["state masks differ between steps".into()];
    }
    let verdict = decide(&spec(DIFFERENCE), &SEEDS, &runs, ALPHA);
    assert_eq!(verdict.outcome, Outcome::Inadmissible);
    assert!(verdict.explanation.contains("state masks differ"));
}

#[test]
fn a_treatment_that_always_diverges_is_falsified_and_a_control_that_does_is_none() {
    let mut runs = outcomes(&B, &A);
    for run in &mut runs[..8] {
        run.end = End::Diverged;
    }
    let one = decide(&spec(DIFFERENCE), &SEEDS, &runs, ALPHA);
    assert_eq!(
        (one.outcome, one.label),
        (Outcome::Falsified, Some(Label::Reversed))
    );
    assert_eq!(one.checks.expect("checks").superiority, Some(0.0));
    for run in &mut runs {
        run.end = End::Diverged;
    }
    let both = decide(&spec(DIFFERENCE), &SEEDS, &runs, ALPHA);
    assert_eq!(both.outcome, Outcome::Inconclusive);
    assert!(
        both.explanation
            .contains("8 runs of the treatment and 8 of the control diverged"),
        "{}",
        both.explanation
    );
}

#[test]
fn pairs_made_by_different_means_decide_nothing() {
    let mut runs = outcomes(&B, &A);
    let End::Finished(result) = &mut runs[2].end else {
        unreachable!("it has a result")
    };
    result.provenance.device = "cuda:0".into();
    let verdict = decide(&spec(DIFFERENCE), &SEEDS, &runs, ALPHA);
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    let said = "seed 3: its two runs had different devices (cuda and cpu)";
    assert!(
        verdict.explanation.contains(said),
        "{}",
        verdict.explanation
    );
    // The same card by another number is the same kind of device.
    for run in &mut runs {
        if let End::Finished(result) = &mut run.end {
            result.provenance.device = format!("cuda:{}", run.seed % 2);
        }
    }
    assert_eq!(
        decide(&spec(DIFFERENCE), &SEEDS, &runs, ALPHA).outcome,
        Outcome::Supported
    );
}

#[test]
fn runs_missing_of_one_arm_alone_decide_nothing() {
    let text = spec(DIFFERENCE);
    let twelve: Vec<u32> = (1..=12).collect();
    let (treatment, control) = ([0.1; 12], [1.0; 12]);
    let mut runs = outcomes(&treatment, &control);
    runs[0].end = End::Missing("out of memory".into());
    runs[1].end = End::Missing("out of memory".into());
    let one_arm = decide(&text, &twelve, &runs, ALPHA);
    assert_eq!(one_arm.missing, [2, 0]);
    assert_eq!(one_arm.outcome, Outcome::Inconclusive);
    assert!(one_arm.explanation.contains("out of memory"));
    runs[1].end = finished(0.1);
    runs[13].end = End::Missing("the worker was lost".into());
    let both_arms = decide(&text, &twelve, &runs, ALPHA);
    assert_eq!(both_arms.missing, [1, 1]);
    assert_eq!(both_arms.outcome, Outcome::Supported);
}

#[test]
fn too_small_to_matter_comes_before_worse() {
    let worse: Vec<f64> = A.iter().map(|a| a + 0.01).collect();
    let verdict = verdict(DIFFERENCE, &worse, &A);
    assert_eq!(
        (verdict.outcome, verdict.label),
        (Outcome::Falsified, Some(Label::Negligible))
    );
}

#[test]
fn a_mean_of_skewed_differences_decides_nothing_and_the_typical_pair_does() {
    // Seven seeds alike, one that gains much.
    let control: Vec<f64> = A
        .iter()
        .enumerate()
        .map(|(i, a)| a + 0.01 * i as f64)
        .collect();
    let treatment: Vec<f64> = A
        .iter()
        .enumerate()
        .map(|(i, a)| if i == 3 { a - 3.0 } else { *a })
        .collect();
    let mean = verdict(
        "kind = \"difference\"\nestimand = \"mean\"\nmargin = 2",
        &treatment,
        &control,
    );
    assert_eq!(mean.outcome, Outcome::Inconclusive);
    assert!(mean.explanation.contains("skewed"), "{}", mean.explanation);
    let typical = verdict("kind = \"difference\"\nmargin = 2", &treatment, &control);
    assert_eq!(typical.outcome, Outcome::Falsified);
}

const EQUIVALENCE: &str = "kind = \"equivalence\"\nmargin = 0.5";

#[test]
fn equivalence_is_supported_within_the_margin_and_falsified_outside() {
    let near: Vec<f64> = A
        .iter()
        .zip(0..)
        .map(|(a, i)| a + 0.01 * f64::from(i) - 0.03)
        .collect();
    assert_eq!(verdict(EQUIVALENCE, &near, &A).outcome, Outcome::Supported);
    let far: Vec<f64> = A
        .iter()
        .zip(0..)
        .map(|(a, i)| a - 1.0 - 0.01 * f64::from(i))
        .collect();
    assert_eq!(verdict(EQUIVALENCE, &far, &A).outcome, Outcome::Falsified);
    assert_eq!(verdict(EQUIVALENCE, &A, &far).outcome, Outcome::Falsified);
    assert_eq!(
        verdict("kind = \"equivalence\"\nmargin = 0.9", &B, &A).outcome,
        Outcome::Inconclusive
    );
}

/// The right of it is not asked here: that is what the tests above hold. What is stored must read, whatever the runs did.
mod storing {
    use super::*;
    use crate::stored::Stored;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<f64>(),
            prop::sample::select(vec![
                0.0,
                f64::NAN,
                f64::INFINITY,
                f64::NEG_INFINITY,
                f64::MAX,
                f64::MIN,
                f64::MIN_POSITIVE,
                5e-324,
                1e154,
                -1e154,
            ]),
            0.0..1.0_f64,
        ]
    }

    fn end() -> impl Strategy<Value = End> {
        prop_oneof![
            6 => (value(), any::<bool>(), any::<String>()).prop_map(|(value, verified, words)| {
                let End::Finished(mut result) = finished(value) else {
                    unreachable!("it has a result")
                };
                result.treatment.verified = verified || value < 0.5;
                result.treatment.violations = vec![words; 3];
                End::Finished(result)
            }),
            1 => Just(End::Diverged),
            1 => any::<String>().prop_map(End::Missing),
            1 => Just(End::Missing("long ".repeat(2_000))),
        ]
    }

    fn runs() -> impl Strategy<Value = Vec<RunOutcome>> {
        prop_oneof![
            prop::collection::vec(end(), 32),
            // All alike: arms that diverge whole, differences without spread.
            end().prop_map(|end| vec![end; 32]),
            (end(), end()).prop_map(|(one, other)| [vec![one; 8], vec![other; 24]].concat()),
            prop::collection::vec(end(), 0..32),
        ]
        .prop_map(|ends| {
            let ends = ends.into_iter().enumerate();
            ends.map(|(i, end)| RunOutcome {
                arm: ["b", "a", "d", "c"][i / 8].into(),
                seed: (i % 8) as u32 + 1,
                end,
            })
            .collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn a_verdict_reads_back_whatever_the_runs_did(
            runs in runs(),
            kind in prop::sample::select(vec![
                DIFFERENCE,
                SOLVE,
                interaction::INTERACTION,
                trend::TREND,
                dispersion::DISPERSION,
                cells::CELLS,
                "kind = \"dispersion\"\nscale = \"log\"\nmargin = 1000000",
                "kind = \"difference\"\nscale = \"log\"\nmargin = 0.1",
                "kind = \"difference\"\nmargin = 1000000",
                "kind = \"difference\"\nestimand = \"mean\"\nmargin = 0.1",
                "kind = \"equivalence\"\nmargin = 0.1",
                "kind = \"equivalence\"\nestimand = \"mean\"\nmargin = 0.1",
            ]),
            level in 0.0001..0.2_f64,
        ) {
            let verdict = decide(&spec(kind), &SEEDS, &runs, level);
            beside::decides_nothing(&verdict, &conclusion(&spec(kind), &SEEDS, &runs, level));
            let stored = serde_json::to_value(&verdict).expect("plain data");
            let read: Stored<Verdict> = serde_json::from_value(stored).expect("never an error");
            prop_assert_eq!(read.get(), Some(&verdict));
            prop_assert!(verdict.explanation.chars().count() <= crate::text::POST_CHARS);
            prop_assert!(!verdict.explanation.contains('\0'));
        }
    }
}

const SOLVE: &str = "kind = \"solve_rate\"\nthreshold = 0.01\nmargin = 0.1";

#[test]
fn solve_rates_are_compared_by_pairs() {
    let (solved, unsolved) = ([0.001; 8], [0.2; 8]);
    let clear = verdict(SOLVE, &solved, &unsolved);
    assert_eq!(
        (clear.outcome, clear.effect),
        (Outcome::Supported, Some(1.0))
    );
    assert!((clear.p_support.expect("p") - 1.0 / 256.0).abs() < 1e-12);
    let reversed = verdict(SOLVE, &unsolved, &solved);
    assert_eq!(
        (reversed.outcome, reversed.label),
        (Outcome::Falsified, Some(Label::Reversed))
    );
    let same = verdict(SOLVE, &solved, &solved);
    // Eight pairs without a difference do not bound a difference of ten points.
    assert_eq!(
        (same.outcome, same.effect),
        (Outcome::Inconclusive, Some(0.0))
    );
}

#[test]
fn identical_arms_have_no_spread_and_are_still_decided() {
    let verdict = verdict(DIFFERENCE, &A, &A);
    assert_eq!(verdict.outcome, Outcome::Falsified);
    assert_eq!(verdict.interval, Some([0.0, 0.0]));
}

#[test]
fn names_cannot_smuggle_markdown() {
    let mut spec = spec(DIFFERENCE);
    let name = "[x](javascript:alert(1)) <b>";
    spec.arms[0].name = name.into();
    if let Some(criterion) = &mut spec.criterion {
        criterion.treatment = name.into();
    }
    let verdict = decide(&spec, &SEEDS, &[], ALPHA);
    assert!(!verdict.explanation.contains("[x]("));
}
