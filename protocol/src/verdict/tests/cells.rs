//! An effect in at least so many of several conditions: "b" over "a", "d" over "c", and "d" over "a".

use super::*;

pub(super) const CELLS: &str =
    "kind = \"cells\"\nconditions = [[\"d\", \"c\"], [\"d\", \"a\"]]\nat_least = 2\nmargin = 0.3";

fn of(criterion: &str, values: [[f64; 8]; 4]) -> Verdict {
    decide(&spec(criterion), &SEEDS, &runs(values), ALPHA)
}

#[test]
fn two_of_three_are_supported_with_the_golden_numbers() {
    let two = CELLS.replace("[\"d\", \"a\"]", "[\"b\", \"c\"]");
    let verdict = of(&two, [B, A, D, C]);
    // numpy, scipy.stats.binomtest and statsmodels' multipletests: bench/verdict/golden.py.
    let close =
        |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-9, "{found} is not {wanted}");
    close(verdict.effect.expect("effect"), GOLDEN.0);
    close(verdict.p_support.expect("p"), GOLDEN.1);
    close(verdict.p_falsify.expect("p"), GOLDEN.2);
    assert_eq!(verdict.outcome, Outcome::Supported);
    assert_eq!(verdict.conditions.len(), 3);
    assert_eq!(
        (
            &*verdict.conditions[2].treatment,
            &*verdict.conditions[2].control
        ),
        ("b", "c")
    );
    insta::assert_snapshot!(verdict.explanation);
    // All three are too many: "d" over "c" is hardly there.
    let all = of(&two.replace("= 2", "= 3"), [B, A, D, C]);
    assert_ne!(all.outcome, Outcome::Supported);
}

#[test]
fn too_few_conditions_with_the_effect_falsify() {
    // Only "b" over "a" is there.
    let one = of(CELLS, [B, A, C, C]);
    assert!(one.p_support > Some(ALPHA));
    let alike = of(CELLS, [B, A, A, A]);
    assert_eq!(
        (alike.outcome, alike.label),
        (Outcome::Falsified, Some(Label::Negligible))
    );
    let worse = of(CELLS, [B, A, A.map(|a| a + 1.0), A]);
    assert_eq!(
        (worse.outcome, worse.label),
        (Outcome::Falsified, Some(Label::Reversed))
    );
    // One of three is enough where one is asked for.
    let enough = of(&CELLS.replace("= 2", "= 1"), [B, A, A, A]);
    assert_eq!(enough.outcome, Outcome::Supported);
}

#[test]
fn a_treatment_may_diverge_in_its_condition_and_no_control_may() {
    let with = |first: usize, count: usize, criterion: &str| {
        let mut runs = runs([B, A, D, C]);
        for run in &mut runs[first..first + count] {
            run.end = End::Diverged;
        }
        decide(&spec(criterion), &SEEDS, &runs, ALPHA)
    };
    // "d" is a treatment alone: lost where it is compared, which leaves one condition of three.
    let lost = with(16, 8, CELLS);
    assert_eq!(
        (lost.outcome, lost.label),
        (Outcome::Falsified, Some(Label::Reversed))
    );
    assert_eq!(
        with(16, 8, &CELLS.replace("= 2", "= 1")).outcome,
        Outcome::Supported
    );
    for control in [8, 24] {
        let none = with(control, 2, CELLS);
        assert_eq!(none.outcome, Outcome::Inconclusive);
        assert!(none.explanation.contains("nothing to compare with"));
    }
}

/// "b" is the treatment of the first condition and the control of the second, where it cannot lose.
#[test]
fn a_treatment_that_is_a_control_elsewhere_may_not_diverge() {
    let chained = "kind = \"cells\"\nconditions = [[\"d\", \"b\"]]\nat_least = 1\nmargin = 0.3";
    let mut runs = runs([B, A, D, C]);
    runs[0].end = End::Diverged;
    runs[1].end = End::Diverged;
    let verdict = decide(&spec(chained), &SEEDS, &runs, ALPHA);
    assert_eq!(verdict.outcome, Outcome::Inconclusive);
    assert!(
        verdict.explanation.contains("2 runs of \"b\" diverged"),
        "{}",
        verdict.explanation
    );
}

/// A condition in which no network learned says nothing about the effect there, and cannot refute it.
#[test]
fn every_condition_must_have_learned_something() {
    let text = "title = \"t\"\nseeds = 8\n[task]\nname = \"adding\"\n[training]\nsteps = 10\n[[arms]]\nname = \"b\"\n\
                dropout.state.rate = 0.1\n[[arms]]\nname = \"a\"\n[[arms]]\nname = \"d\"\ntask.length = 30\n\
                dropout.state.rate = 0.1\n[[arms]]\nname = \"c\"\ntask.length = 30\n[criterion]\nmetric = \"test_mse\"\n\
                treatment = \"b\"\ncontrol = \"a\"\nkind = \"cells\"\nconditions = [[\"d\", \"c\"]]\nat_least = 2\n\
                margin = 0.02";
    let spec = read(text, Format::Toml).expect("a good specification");
    let of = |treatment: f64, control: f64| {
        let runs = runs([[0.01; 8], [0.05; 8], [treatment; 8], [control; 8]]);
        decide(&spec, &SEEDS, &runs, ALPHA)
    };
    assert_eq!(of(0.01, 0.05).outcome, Outcome::Supported);
    let refuted = of(0.05, 0.05);
    assert_eq!(
        (refuted.outcome, refuted.label),
        (Outcome::Falsified, Some(Label::Negligible))
    );
    let unlearned = of(0.167, 0.167);
    assert_eq!(unlearned.outcome, Outcome::Inconclusive);
    assert!(
        unlearned
            .explanation
            .contains("the best run of \"d\" and \"c\" ended at"),
        "{}",
        unlearned.explanation
    );
}

/// Effect, and p-values for and against.
const GOLDEN: (f64, f64, f64) = (0.8, 0.0078125, 1.0);
