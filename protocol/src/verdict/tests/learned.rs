//! Arms that were hardly trained cannot differ, whatever is measured of them.

use super::*;
use crate::result::Constant;
use crate::spec::Spec;

/// Characters of tiny Shakespeare, by how often each comes: a space is 15% of it.
const LETTERS: Constant = Constant {
    loss: 3.31,
    accuracy: Some(0.15),
};

/// "b" against "a" on a text.
fn text(criterion: &str) -> Spec {
    of("name = \"char_lm\"\ndata = \"tiny_shakespeare\"", criterion)
}

fn of(task: &str, criterion: &str) -> Spec {
    let text = format!(
        "title = \"t\"\nseeds = 8\n[task]\n{task}\n[training]\nsteps = 3\n[[arms]]\nname = \"b\"\n\
         dropout.state.rate = 0.25\n[[arms]]\nname = \"a\"\n[criterion]\ntreatment = \"b\"\ncontrol = \"a\"\n{criterion}"
    );
    read(&text, Format::Toml).expect("a good specification")
}

/// Eight runs of each arm with that metric, each a little apart, and what else each reports.
fn ran(
    name: &str,
    [treatment, control]: [f64; 2],
    more: &[(&str, f64)],
    constant: Option<Constant>,
) -> Vec<RunOutcome> {
    let run = |arm: &str, seed: u32, value: f64| {
        let value = value + f64::from(seed) * 1e-5;
        let mut result = RunResult::simulated(&[&[(name, value)], more].concat());
        result.constant = constant;
        RunOutcome {
            arm: arm.into(),
            seed,
            end: End::Finished(Box::new(result)),
        }
    };
    let pair = |seed| [run("b", seed, treatment), run("a", seed, control)];
    (1..=8).flat_map(pair).collect()
}

const NATS: &str = "metric = \"test_nll\"\nkind = \"difference\"\nmargin = 0.01";

fn outcome(spec: &Spec, runs: &[RunOutcome]) -> Outcome {
    decide(spec, &SEEDS, runs, ALPHA).outcome
}

/// Three steps of training: better than one guess of 5,000, and worse than the letters by their frequency.
#[test]
fn a_network_that_knows_less_than_how_often_each_letter_comes_has_learned_nothing() {
    let spec = text(NATS);
    let untrained = ran("test_nll", [4.17, 4.17], &[], Some(LETTERS));
    let verdict = decide(&spec, &SEEDS, &untrained, ALPHA);
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    let words = "ended at 4.17 in test log loss, where an answer that is always the same has 3.31; the typical run of";
    assert!(
        verdict.explanation.contains(words),
        "{}",
        verdict.explanation
    );
    // Less than a twentieth of the way is gone.
    let hardly = ran("test_nll", [3.2, 3.2], &[], Some(LETTERS));
    assert_eq!(outcome(&spec, &hardly), Outcome::Inconclusive);
    assert_eq!(decision(&spec, &SEEDS, &hardly, ALPHA).noise, None);
    let learned = ran("test_nll", [2.4, 2.4], &[], Some(LETTERS));
    assert_eq!(outcome(&spec, &learned), Outcome::Falsified);
    assert!(decision(&spec, &SEEDS, &learned, ALPHA).noise.is_some());
    // "No worse" is not lifted by it either.
    let no_worse = text("metric = \"test_nll\"\nkind = \"non_inferiority\"\nmargin = 0.01");
    assert_eq!(outcome(&no_worse, &untrained), Outcome::Inconclusive);
    assert_eq!(outcome(&no_worse, &learned), Outcome::Supported);
    // Whatever the loss is measured in.
    for (metric, margin, untrained, learned) in [
        ("test_bits", 0.02, 4.6, 3.5),
        ("test_accuracy", 0.01, 0.16, 0.35),
        ("test_nll_early_stopped", 0.01, 3.4, 2.4),
    ] {
        let spec = text(&format!(
            "metric = \"{metric}\"\nkind = \"difference\"\nmargin = {margin}"
        ));
        let at = |value| outcome(&spec, &ran(metric, [value, value], &[], Some(LETTERS)));
        assert_eq!(at(untrained), Outcome::Inconclusive, "{metric}");
        assert_eq!(at(learned), Outcome::Falsified, "{metric}");
    }
}

/// A verdict of an earlier release stays what it was: its runs do not say what reading nothing reaches.
#[test]
fn results_of_earlier_releases_are_held_by_the_rule_of_their_time() {
    let earlier = ran("test_nll", [4.17, 4.17], &[], None);
    assert_eq!(outcome(&text(NATS), &earlier), Outcome::Falsified);
}

/// A difference where one arm learns is what experiments are for.
#[test]
fn one_arm_that_learned_is_enough() {
    let spec = text(NATS);
    let helped = ran("test_nll", [2.4, 3.3], &[], Some(LETTERS));
    assert_eq!(outcome(&spec, &helped), Outcome::Supported);
    let harmed = ran("test_nll", [3.3, 2.4], &[], Some(LETTERS));
    assert_eq!(outcome(&spec, &harmed), Outcome::Falsified);
}

/// The luck of one run in eight is none of the others.
#[test]
fn the_typical_run_counts_and_not_the_best() {
    let spec = of(
        "name = \"adding\"",
        "metric = \"test_mse\"\nscale = \"log\"\nkind = \"difference\"\nmargin = 0.1",
    );
    let constant = crate::metric::constant(&spec.arms[0].setup.task);
    assert_eq!(constant.expect("generated").loss, 1.0 / 6.0);
    let mut lucky = ran("test_mse", [0.166, 0.166], &[], constant);
    let best = |run: &mut RunOutcome, error| {
        if let End::Finished(result) = &mut run.end {
            result.metrics.insert("test_mse".into(), error);
        }
    };
    for run in lucky.iter_mut().take(6) {
        best(run, 0.06);
    }
    assert_eq!(outcome(&spec, &lucky), Outcome::Inconclusive);
    for run in lucky.iter_mut().take(8) {
        best(run, 0.06);
    }
    assert_eq!(outcome(&spec, &lucky), Outcome::Falsified);
}

/// What was learned by heart is worse on the test than a constant, and was learned: overfitting is what some claims are about.
#[test]
fn what_was_learned_by_heart_was_learned() {
    let spec = of(
        "name = \"sentiment\"\ndata = \"cornell_scale\"",
        "metric = \"test_rmse\"\nkind = \"difference\"\nmargin = 0.004",
    );
    let labels = Some(Constant {
        loss: 0.18 * 0.18,
        accuracy: None,
    });
    let at = |train: f64| {
        let runs = ran("test_rmse", [0.2, 0.2], &[("train_rmse", train)], labels);
        outcome(&spec, &runs)
    };
    assert_eq!(at(0.179), Outcome::Inconclusive);
    assert_eq!(at(0.05), Outcome::Falsified);
}

/// Of shares of solved runs the effect that is asked for needs as many that learn.
#[test]
fn as_many_must_have_learned_as_the_margin_of_a_solve_rate() {
    let criterion =
        "metric = \"test_accuracy\"\nkind = \"solve_rate\"\nthreshold = 0.95\nmargin = 0.25";
    let spec = of("name = \"temporal_order\"", criterion);
    let constant = crate::metric::constant(&spec.arms[0].setup.task);
    let solved = |count: usize| {
        let mut runs = ran("test_accuracy", [0.25, 0.25], &[], constant);
        let treatments = runs.iter_mut().filter(|run| run.arm == "b");
        for run in treatments.take(count) {
            if let End::Finished(result) = &mut run.end {
                result.metrics.insert("test_accuracy".into(), 1.0);
            }
        }
        decide(&spec, &SEEDS, &runs, ALPHA).explanation
    };
    assert!(solved(1).contains("Nothing was learned"), "{}", solved(1));
    assert!(!solved(2).contains("Nothing was learned"));
}
