//! The same runs read for a claim and for its denial: each verdict holds on its own terms, and they never contradict.

use super::*;
use crate::scope::{Margins, Predicts, Scope};
use crate::spec::{Criterion, CriterionKind};
use proptest::prelude::*;

/// The two specifications: that the treatment is better by a half, and that the control is no worse by that.
fn both(further: &str) -> [Spec; 2] {
    let spec = spec(&format!(
        "kind = \"difference\"\nscale = \"log\"\nmargin = 0.5\n{further}"
    ));
    let rival = Scope {
        predicts: Predicts::NotWorse,
        margin: Margins {
            relative: 0.5,
            ..Margins::default()
        },
        ..Scope::default()
    };
    let criterion = spec.criterion.as_ref().expect("one");
    let denied = rival
        .criterion_of_rival(criterion)
        .expect("it can be asked");
    let other = Spec {
        criterion: Some(denied),
        ..spec.clone()
    };
    [spec, other]
}

fn verdicts(further: &str, logs: &[f64]) -> [Verdict; 2] {
    let control = vec![1.0; logs.len()];
    // Lower is better, so an advantage of the treatment is a smaller value.
    let treatment: Vec<f64> = logs.iter().map(|log| (-log).exp()).collect();
    let runs = outcomes(&treatment, &control);
    both(further).map(|spec| decide(&spec, &SEEDS, &runs, 0.05))
}

#[test]
fn an_advantage_that_is_there_does_not_yet_deny_the_denial() {
    // Proven above 0, estimated at the margin, and not proven to reach it.
    let logs = [0.4, 0.6, 0.45, 0.55, 0.5, 0.6, 0.52, 0.7];
    let [claim, denial] = verdicts("", &logs);
    assert_eq!(claim.outcome, Outcome::Supported, "{}", claim.explanation);
    assert_eq!(
        denial.outcome,
        Outcome::Inconclusive,
        "{}",
        denial.explanation
    );
    // Proven to reach it.
    let [claim, denial] = verdicts("", &logs.map(|log| log + 0.4));
    assert_eq!(claim.outcome, Outcome::Supported);
    assert_eq!(denial.outcome, Outcome::Falsified);
    assert_eq!(denial.label, None);
    assert!(
        denial
            .explanation
            .contains("“a” is worse than “b” by more than"),
        "{}",
        denial.explanation
    );
    // Proven not to.
    let [claim, denial] = verdicts("", &logs.map(|log| log - 0.6));
    assert_eq!(claim.outcome, Outcome::Falsified);
    assert_eq!(denial.outcome, Outcome::Supported);
    assert!((claim.p_falsify.expect("p") - denial.p_support.expect("p")).abs() < 1e-12);
}

proptest! {
    /// What falsifies a claim supports its denial and the other way round; what falsifies the denial supports the claim.
    #[test]
    fn verdicts_of_rivals_never_contradict(
        logs in prop::array::uniform8(-2.0..2.0_f64),
        mean in any::<bool>(),
    ) {
        let further = if mean { "estimand = \"mean\"\n" } else { "" };
        let [claim, denial] = verdicts(further, &logs);
        prop_assert_eq!(claim.outcome == Outcome::Falsified, denial.outcome == Outcome::Supported);
        if denial.outcome == Outcome::Falsified {
            prop_assert_eq!(claim.outcome, Outcome::Supported);
        }
    }
}

#[test]
fn the_criterion_of_a_rival_is_its_own() {
    let better = Scope {
        margin: Margins {
            relative: 0.2,
            ..Margins::default()
        },
        ..Scope::default()
    };
    let [claim, denial] = both("").map(|spec| spec.criterion.expect("one"));
    assert_eq!(denial.kind, CriterionKind::NonInferiority);
    assert_eq!(
        (denial.treatment.as_str(), denial.control.as_str()),
        ("a", "b")
    );
    assert_eq!(denial.margin, 0.5);
    assert_eq!(denial.alpha, claim.alpha);
    // A rival that says the opposite is asked for the opposite, at what counts for it.
    let opposite = better.criterion_of_rival(&claim).expect("it can be asked");
    assert_eq!(
        (opposite.kind, opposite.margin),
        (CriterionKind::Difference, 0.2)
    );
    assert_eq!(opposite.treatment, "a");
    // The denial of a denial is the claim.
    assert_eq!(better.denied().denied(), better);
    let back = better.criterion_of_rival(&denial).expect("it can be asked");
    assert_eq!(
        (back.kind, back.treatment.as_str()),
        (CriterionKind::Difference, "b")
    );
    // Two that say only "no worse" are no rivals; nor is there one of another kind, or of a plan that stops by itself.
    let not_worse = better.denied();
    assert!(not_worse.criterion_of_rival(&denial).is_err());
    let equivalence = Criterion {
        kind: CriterionKind::Equivalence,
        ..claim.clone()
    };
    assert!(better.criterion_of_rival(&equivalence).is_err());
    let sequential = Criterion {
        stopping: Some(crate::spec::Stopping::EValue),
        ..claim
    };
    assert!(better.criterion_of_rival(&sequential).is_err());
}
