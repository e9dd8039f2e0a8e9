//! Sequential plans: where they stop, and what they say then.

use super::*;

const SEQUENTIAL: &str = "kind = \"difference\"\nmargin = 0.8\nstopping = \"e_value\"";

/// Twelve seeds, in an order of their own.
const DRAWN: [u32; 12] = [31, 7, 19, 2, 44, 5, 23, 11, 8, 90, 61, 70];

fn sequential() -> Spec {
    let mut spec = spec(SEQUENTIAL);
    spec.seeds = crate::spec::Seeds::Count(12);
    spec
}

/// Runs whose pairs differ by these, as the claim predicts where positive, for the first of the drawn seeds.
fn pairs(differences: &[f64]) -> Vec<RunOutcome> {
    let run = |arm: &str, seed, value| RunOutcome {
        arm: arm.into(),
        seed,
        end: finished(value),
    };
    DRAWN
        .into_iter()
        .zip(differences)
        .flat_map(|(seed, difference)| [run("b", seed, 80.0 - difference), run("a", seed, 80.0)])
        .collect()
}

fn decided(outcomes: &[RunOutcome]) -> Decision {
    decision(&sequential(), &DRAWN, outcomes, ALPHA)
}

fn process(verdict: &Verdict) -> &Sequential {
    verdict.sequential.as_ref().expect("a sequential plan")
}

#[test]
fn the_process_agrees_with_scipy_and_stops_where_it_decides() {
    // bench/verdict/golden.py
    let support = [
        1.5,
        2.333333333333333,
        3.75,
        6.2,
        10.500000000000002,
        18.142857142857142,
        31.875,
    ];
    let falsify = [
        0.5,
        0.6666666666666666,
        0.41666666666666663,
        0.30000000000000004,
        0.36666666666666664,
        0.2761904761904762,
        0.22023809523809523,
    ];
    let verdict = verdict(SEQUENTIAL, &B, &A);
    let process = process(&verdict);
    assert_eq!(process.steps.len(), 7);
    for ((step, support), falsify) in process.steps.iter().zip(support).zip(falsify) {
        assert!((step.support - support).abs() < 1e-12, "{step:?}");
        assert!((step.falsify - falsify).abs() < 1e-12, "{step:?}");
    }
    assert_eq!((process.cap, process.decides), (8, 20.0));
    assert_eq!(process.stop, Some(Stop::Decided));
    assert_eq!(verdict.outcome, Outcome::Supported);
    assert_eq!(verdict.pairs.len(), 7);
    assert!((verdict.p_support.expect("one") - 1.0 / 31.875).abs() < 1e-12);
    // All seven lie above the bound that 31.875 proves.
    let [low, high] = verdict.interval.expect("bounds");
    assert!((low - 0.5).abs() < 1e-9 && (high - 1.2).abs() < 1e-9);
    insta::assert_snapshot!(verdict.explanation);
    let checks = verdict.checks.expect("checks");
    assert_eq!(
        (checks.sign_flip, checks.wilcoxon, checks.mean_interval),
        (None, None, None)
    );
}

#[test]
fn it_asks_for_pair_after_pair_until_one_side_is_proven() {
    for (done, next) in DRAWN.into_iter().enumerate().take(7) {
        let decision = decided(&pairs(&vec![0.1; done]));
        assert_eq!(decision.next_seed, Some(next));
        let process = process(&decision.verdict);
        assert_eq!((process.steps.len(), process.stop), (done, None));
    }
    // Above 0 as well as below the margin, in all seven: below the margin is what the claim falls by.
    let small = decided(&pairs(&[0.1; 7]));
    assert_eq!(small.next_seed, None);
    assert_eq!(small.verdict.outcome, Outcome::Falsified);
    assert_eq!(small.verdict.label, Some(Label::Negligible));
    let reversed = decided(&pairs(&[-3.0; 7])).verdict;
    assert_eq!(
        (reversed.outcome, reversed.label),
        (Outcome::Falsified, Some(Label::Reversed))
    );
    let large = decided(&pairs(&[3.0; 7])).verdict;
    assert_eq!(large.outcome, Outcome::Supported);
    assert!(large.severity.expect("one") > 0.5);
}

#[test]
fn what_ran_after_the_stop_changes_nothing() {
    let seven = decided(&pairs(&[3.0; 7]));
    let more = decided(&pairs(&[
        3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, -9.0, -9.0, -9.0,
    ]));
    assert_eq!(seven, more);
    // Nor does the order in which the runs are handed over.
    let mut backwards = pairs(&[3.0; 7]);
    backwards.reverse();
    assert_eq!(decided(&backwards).verdict.outcome, Outcome::Supported);
}

#[test]
fn it_goes_on_although_one_pair_disagrees_and_ends_where_nothing_can_decide() {
    let one_against = [3.0, 3.0, -3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0];
    let decision = decided(&pairs(&one_against[..7]));
    assert_eq!(decision.next_seed, Some(DRAWN[7]));
    let verdict = decided(&pairs(&one_against)).verdict;
    assert_eq!(
        (verdict.outcome, verdict.pairs.len()),
        (Outcome::Supported, 11)
    );
    // Two and two of twelve: neither side can have eleven any more.
    let futile = decided(&pairs(&[3.0, -3.0, 3.0, -3.0])).verdict;
    assert_eq!(futile.outcome, Outcome::Inconclusive);
    assert_eq!(process(&futile).stop, Some(Stop::Futile));
    assert!(
        futile.explanation.contains("After 4 of at most 12 pairs"),
        "{}",
        futile.explanation
    );
}

#[test]
fn diverged_runs_lose_and_missing_ones_are_passed_over() {
    let mut runs = pairs(&[3.0; 8]);
    for run in &mut runs {
        if run.seed == DRAWN[2] && run.arm == "b" {
            run.end = End::Missing("its worker was lost".into());
        }
    }
    assert_eq!(decided(&runs[..14]).next_seed, Some(DRAWN[7]));
    let passed = decided(&runs);
    assert_eq!(passed.verdict.outcome, Outcome::Supported);
    assert_eq!(
        (passed.verdict.pairs.len(), passed.verdict.missing),
        (8, [1, 0])
    );
    let e_values: Vec<f64> = process(&passed.verdict)
        .steps
        .iter()
        .map(|step| step.support)
        .collect();
    assert_eq!(e_values[1], e_values[2]);
    // Seven treatments that diverge beside controls that learn.
    let mut lost = pairs(&[3.0; 7]);
    for run in lost.iter_mut().filter(|run| run.arm == "b") {
        run.end = End::Diverged;
    }
    let verdict = decided(&lost).verdict;
    assert_eq!(
        (verdict.outcome, verdict.label),
        (Outcome::Falsified, Some(Label::Reversed))
    );
    // A pair both of whose runs diverged bets on neither side.
    let mut both = pairs(&[3.0]);
    both.iter_mut().for_each(|run| run.end = End::Diverged);
    let step = process(&decided(&both).verdict).steps[0];
    assert_eq!((step.support, step.falsify), (0.5, 0.5));
}

#[test]
fn too_many_missing_pairs_end_it_without_a_verdict() {
    let mut runs = pairs(&[3.0; 3]);
    runs.iter_mut()
        .for_each(|run| run.end = End::Missing("a disk is full".into()));
    let decision = decided(&runs);
    assert_eq!(decision.next_seed, None);
    assert_eq!(decision.verdict.outcome, Outcome::Aborted);
    assert!(!decision.by_people);
    runs.iter_mut().for_each(|run| run.end = End::Cancelled);
    assert!(decided(&runs).by_people);
    // Two of twelve may be missing, whoever cancelled them.
    assert_eq!(decided(&runs[..4]).next_seed, Some(DRAWN[2]));
}

#[test]
fn a_treatment_that_was_not_applied_ends_it_at_once() {
    let mut runs = pairs(&[3.0; 2]);
    if let End::Finished(result) = &mut runs[2].end {
        result.treatment.verified = false;
    }
    let verdict = decided(&runs).verdict;
    assert_eq!(verdict.outcome, Outcome::Inadmissible);
    assert_eq!(process(&verdict).stop, Some(Stop::Hindered));
}
