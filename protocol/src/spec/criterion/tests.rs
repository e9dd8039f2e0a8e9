//! Criteria with more than two arms: what is refused, in which words, and that all of it survives storage.

use crate::spec::{Format, Problems, Spec, read, read_value};

const ARMS: &str = "[[arms]]\nname = \"a\"\ndropout.state.rate = 0.25\n[[arms]]\nname = \"b\"\n\
    [[arms]]\nname = \"c\"\ndropout.state.rate = 0.25\ntask.length = 60\n[[arms]]\nname = \"d\"\ntask.length = 60\n";

fn with(criterion: &str) -> Result<Spec, Problems> {
    let text = format!(
        "title = \"t\"\nseeds = [1, 2, 3, 4, 5, 6, 7, 8]\n[task]\nname = \"adding\"\nlength = 10\n[training]\nsteps = 10\n\
         {ARMS}[criterion]\nmetric = \"test_mse\"\ntreatment = \"a\"\ncontrol = \"b\"\nmargin = 0.02\n{criterion}"
    );
    read(&text, Format::Toml)
}

#[track_caller]
fn refuses(criterion: &str, path: &str, words: &str) {
    let problems = with(criterion).expect_err("is refused").0;
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}");
    };
    assert_eq!(problem.path(), format!("criterion.{path}"));
    assert!(problem.detail.contains(words), "{}", problem.detail);
}

/// As it is stored, and as it is written out, it reads the same.
#[track_caller]
fn survives(criterion: &str) -> Spec {
    let spec = with(criterion).expect("is good");
    assert_eq!(read(&spec.to_toml(), Format::Toml).as_ref(), Ok(&spec));
    assert_eq!(Spec::from_stored(&spec.to_json()).as_ref(), Ok(&spec));
    assert_eq!(read_value(&spec.to_json()).as_ref(), Ok(&spec));
    assert_eq!(spec.registrable(), Ok(()));
    spec
}

#[test]
fn what_older_kinds_have_not_is_absent_from_their_frozen_form() {
    let frozen = with("kind = \"difference\"").expect("is good").canonical();
    let criterion = "\"criterion\":{\"alpha\":0.05,\"better\":\"lower\",\"control\":\"b\",\"estimand\":\"median\",\
                     \"kind\":\"difference\",\"margin\":0.02,\"metric\":\"test_mse\",\"scale\":\"additive\",\
                     \"treatment\":\"a\"}";
    assert!(frozen.contains(criterion), "{frozen}");
}

#[test]
fn an_interaction_names_four_different_arms() {
    const KIND: &str = "kind = \"interaction\"\nother_treatment = \"c\"\n";
    let spec = survives(&format!("{KIND}other_control = \"d\""));
    let weights: Vec<(&str, f64)> = (spec.contrast().iter())
        .map(|term| (term.arm, term.weight))
        .collect();
    assert_eq!(weights, [("a", 1.0), ("b", -1.0), ("c", -1.0), ("d", 1.0)]);
    let criterion = spec.criterion.expect("has one");
    insta::assert_snapshot!(format!(
        "{}\n{}\n{}",
        criterion.reading(),
        criterion.falsifier(),
        criterion.survival()
    ));
    refuses(KIND, "other_control", "is missing");
    refuses(
        &format!("{KIND}other_control = \"b\""),
        "other_control",
        "must be another arm",
    );
    refuses(
        &format!("{KIND}other_control = \"x\""),
        "other_control",
        "no arm is called \"x\"",
    );
    refuses(
        "kind = \"difference\"\nother_control = \"d\"",
        "other_control",
        "only for kind \"interaction\"; leave it out",
    );
}
