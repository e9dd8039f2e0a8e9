//! Whether an advantage is greater under one condition than under another.

use super::*;

pub(super) const INTERACTION: &str =
    "kind = \"interaction\"\nother_treatment = \"d\"\nother_control = \"c\"\nmargin = 0.5";

fn of(values: [[f64; 8]; 4]) -> Verdict {
    decide(&spec(INTERACTION), &SEEDS, &runs(values), ALPHA)
}

#[test]
fn a_greater_advantage_is_supported_with_the_golden_numbers() {
    let verdict = of([B, A, D, C]);
    assert_eq!(verdict.outcome, Outcome::Supported);
    GOLDEN.holds(&verdict);
    assert_eq!(verdict.checks.expect("checks").superiority, None);
    assert_eq!(verdict.pairs[0].others, [Some(D[0]), Some(C[0])]);
    insta::assert_snapshot!(verdict.explanation);
}

#[test]
fn it_falls_reversed_negligible_or_short_of_the_margin() {
    let label = |values| {
        let verdict = of(values);
        (verdict.outcome, verdict.label)
    };
    assert_eq!(
        label([D, C, B, A]),
        (Outcome::Falsified, Some(Label::Reversed))
    );
    assert_eq!(
        label([B, A, B, A]),
        (Outcome::Falsified, Some(Label::Negligible))
    );
    // Both advantages are large and alike: an advantage alone is no interaction.
    let both = of([B, A, B.map(|b| b + 0.1), A]);
    assert_eq!(both.outcome, Outcome::Falsified);
}

#[test]
fn what_the_advantage_is_measured_against_may_not_diverge_and_the_treatment_loses() {
    let mut one = runs([B, A, D, C]);
    one[0].end = End::Diverged;
    let verdict = decide(&spec(INTERACTION), &SEEDS, &one, ALPHA);
    assert_eq!(verdict.diverged, [1, 0]);
    assert_eq!(verdict.p_support, Some(9.0 / 256.0));
    for first in [8, 16, 24] {
        let mut two = runs([B, A, D, C]);
        two[first].end = End::Diverged;
        two[first + 1].end = End::Diverged;
        let verdict = decide(&spec(INTERACTION), &SEEDS, &two, ALPHA);
        assert_eq!(verdict.outcome, Outcome::Inconclusive);
        assert!(
            verdict.explanation.contains("nothing to compare with"),
            "{}",
            verdict.explanation
        );
    }
    // A treatment that diverges everywhere under this condition, and nowhere under the other.
    let mut all = runs([B, A, D, C]);
    for run in &mut all[..8] {
        run.end = End::Diverged;
    }
    let verdict = decide(&spec(INTERACTION), &SEEDS, &all, ALPHA);
    assert_eq!(verdict.label, Some(Label::Reversed));
}

#[test]
fn missing_and_mixed_runs_of_the_other_pair_count_as_those_of_the_first() {
    let mut mixed = runs([B, A, D, C]);
    let End::Finished(result) = &mut mixed[26].end else {
        unreachable!("it has a result")
    };
    result.provenance.device = "cuda:0".into();
    let verdict = decide(&spec(INTERACTION), &SEEDS, &mixed, ALPHA);
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    let said = "seed 3: its runs had different devices (cpu and cuda)";
    assert!(
        verdict.explanation.contains(said),
        "{}",
        verdict.explanation
    );
    let mut missing = runs([B, A, D, C]);
    for run in &mut missing[16..19] {
        run.end = End::Missing("the worker was lost".into());
    }
    let verdict = decide(&spec(INTERACTION), &SEEDS, &missing, ALPHA);
    assert_eq!(verdict.outcome, Outcome::Aborted);
    assert_eq!(
        (&*verdict.others[0].arm, verdict.others[0].missing),
        ("d", 3)
    );
    let cancelled = |mut runs: Vec<RunOutcome>| {
        for run in &mut runs[24..27] {
            run.end = End::Cancelled;
        }
        decision(&spec(INTERACTION), &SEEDS, &runs, ALPHA).by_people
    };
    assert!(cancelled(runs([B, A, D, C])));
}

const GOLDEN: Golden = Golden {
    effect: 0.85,
    bounds: [0.2, 1.1],
    p_support: 0.00390625,
    p_falsify: 0.85546875,
    mean: 0.7375,
    mean_bounds: [0.42963097667287153, 1.045369023327123],
};
