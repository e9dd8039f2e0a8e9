//! Criteria with more than two arms: what is refused, in which words, and that all of it survives storage.

use crate::spec::{Criterion, CriterionKind, Format, Problems, Spec, read, read_value};

const ARMS: &str = "[[arms]]\nname = \"a\"\ndropout.state.rate = 0.25\n[[arms]]\nname = \"b\"\n\
    [[arms]]\nname = \"c\"\ndropout.state.rate = 0.25\ntask.length = 60\n[[arms]]\nname = \"d\"\ntask.length = 60\n";

fn with(criterion: &str) -> Result<Spec, Problems> {
    on(ARMS, criterion)
}

fn on(arms: &str, criterion: &str) -> Result<Spec, Problems> {
    let text = format!(
        "title = \"t\"\nseeds = 8\n[task]\nname = \"adding\"\nlength = 10\n[training]\nsteps = 10\n\
         {arms}[criterion]\nmetric = \"test_mse\"\ntreatment = \"a\"\ncontrol = \"b\"\nmargin = 0.02\n{criterion}"
    );
    read(&text, Format::Toml)
}

#[track_caller]
fn refuses(criterion: &str, path: &str, words: &str) {
    refuses_on(ARMS, criterion, path, words);
}

#[track_caller]
fn refuses_on(arms: &str, criterion: &str, path: &str, words: &str) {
    let problems = on(arms, criterion).expect_err("is refused").0;
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}");
    };
    assert_eq!(problem.path(), format!("criterion.{path}"));
    assert!(problem.detail.contains(words), "{}", problem.detail);
}

/// As it is stored, and as it is written out, it reads the same.
#[track_caller]
fn survives(arms: &str, criterion: &str) -> Spec {
    let spec = on(arms, criterion).expect("is good");
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
    let spec = survives(ARMS, &format!("{KIND}other_control = \"d\""));
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

const SWEEP: &str = "[[arms]]\nname = \"a\"\ntask.length = 40\n[[arms]]\nname = \"b\"\n\
    [[arms]]\nname = \"c\"\ntask.length = 20\n";
const TREND: &str = "kind = \"trend\"\nfield = \"task.length\"\nfield_scale = \"log\"\n";

#[test]
fn a_trend_sweeps_one_number_over_three_arms_or_more() {
    let small = |criterion: &str| criterion.replace("margin = 0.02", "");
    let spec = survives(SWEEP, &small(TREND));
    let weights: Vec<String> = (spec.contrast().iter())
        .map(|term| format!("{} {:.9}", term.arm, term.weight))
        .collect();
    // In the middle, to the last digit.
    assert_eq!(spec.contrast()[2].weight, 0.0);
    assert_eq!(
        weights,
        ["a 0.500000000", "b -0.500000000", "c 0.000000000"]
    );
    let criterion = spec.criterion.expect("has one");
    insta::assert_snapshot!(format!(
        "{}\n{}\n{}\n{}",
        criterion.reading(),
        criterion.falsifier(),
        criterion.survival(),
        criterion.unit(spec.task.name)
    ));
    let kind = "kind = \"trend\"\n";
    refuses_on(
        SWEEP,
        kind,
        "field",
        "is missing; give a number that differs between the arms: task.length.",
    );
    let at = |field: &str| format!("{kind}field = \"{field}\"");
    refuses_on(
        SWEEP,
        &at("task.name"),
        "field",
        "is no number of arm \"a\"",
    );
    refuses_on(
        SWEEP,
        &at("dropout.state.rate"),
        "field",
        "is no number of arm \"a\"",
    );
    refuses_on(
        SWEEP,
        &at("model.hidden"),
        "field",
        "is the same in arms \"a\" and \"b\"",
    );
    let inner = SWEEP.replace("= 20", "= 80");
    refuses_on(
        &inner,
        TREND,
        "treatment",
        "at an end of the sweep, \"b\" or \"c\"",
    );
    let (two, _) = SWEEP.split_once("[[arms]]\nname = \"c\"").expect("has it");
    refuses_on(
        two,
        TREND,
        "field",
        "is swept over 2 arms; a trend needs 3 to 12",
    );
    let decay = "[[arms]]\nname = \"a\"\ntraining.weight_decay = 0.1\n[[arms]]\nname = \"b\"\n[[arms]]\nname = \"c\"\n\
                 training.weight_decay = 0.01\n";
    let log = TREND.replace("task.length", "training.weight_decay");
    refuses_on(decay, &log, "field_scale", "not above 0; use \"additive\"");
    survives(decay, &log.replace("log", "additive"));
    refuses(
        "kind = \"difference\"\nfield = \"task.length\"",
        "field",
        "only for kind \"trend\"",
    );
}

#[test]
fn a_dispersion_has_a_factor_for_its_margin_and_no_estimand() {
    let spec = survives(ARMS, "kind = \"dispersion\"");
    let criterion = Criterion {
        margin: 2.0_f64.ln(),
        ..spec.criterion.expect("has one")
    };
    insta::assert_snapshot!(format!(
        "{}\n{}\n{}\n{}",
        criterion.reading(),
        criterion.falsifier(),
        criterion.survival(),
        criterion.unit(spec.task.name)
    ));
    refuses(
        "kind = \"dispersion\"\nestimand = \"mean\"",
        "estimand",
        "a ratio of spreads is what is estimated",
    );
}

const CELLS: &str = "kind = \"cells\"\nconditions = [[\"c\", \"d\"]]\n";

#[test]
fn cells_are_pairs_of_arms_and_a_number_of_them() {
    let spec = survives(ARMS, &format!("{CELLS}at_least = 2"));
    let weights: Vec<(&str, f64)> = (spec.contrast().iter())
        .map(|term| (term.arm, term.weight))
        .collect();
    assert_eq!(weights, [("a", 1.0), ("b", -1.0), ("c", 0.0), ("d", 0.0)]);
    let criterion = spec.criterion.expect("has one");
    let parts = ["a", "b", "c", "d"].map(|arm| criterion.part(arm));
    assert_eq!(
        parts[2..],
        ["treatment, other condition", "control, other condition"]
    );
    insta::assert_snapshot!(format!(
        "{}\n{}\n{}\n{}",
        criterion.reading(),
        criterion.falsifier(),
        criterion.survival(),
        criterion.unit(spec.task.name)
    ));
}

#[test]
fn cells_that_cannot_be_read_are_refused_where_they_stand() {
    let with =
        |conditions: &str| format!("kind = \"cells\"\nat_least = 1\nconditions = {conditions}");
    refuses(
        "kind = \"cells\"\nat_least = 1",
        "conditions",
        "is missing; give pairs of arms",
    );
    refuses(&with("\"c\""), "conditions", "must be a list, not text");
    refuses(&with("[]"), "conditions", "names none");
    refuses(
        &with("[[\"c\", \"d\"], [\"c\"]]"),
        "conditions[1]",
        "is no pair of arms",
    );
    refuses(&with("[[\"c\", 1]]"), "conditions[0]", "is no pair of arms");
    refuses(
        &with("[[\"c\", \"x\"]]"),
        "conditions[0]",
        "no arm is called so",
    );
    refuses(
        &with("[[\"c\", \"c\"]]"),
        "conditions[0]",
        "names one arm twice",
    );
    refuses(
        &with("[[\"a\", \"b\"]]"),
        "conditions[0]",
        "was named before",
    );
    let twice = with("[[\"c\", \"d\"], [\"c\", \"d\"]]");
    refuses(&twice, "conditions[1]", "was named before");
    let many = ["[\"c\", \"d\"]"; 12].join(", ");
    refuses(&with(&format!("[{many}]")), "conditions", "has 12 entries");
    refuses(
        CELLS,
        "at_least",
        "is missing; give a whole number from 1 to 2",
    );
    refuses(
        &format!("{CELLS}at_least = 3"),
        "at_least",
        "must be a whole number from 1 to 2, not 3",
    );
    refuses(
        &format!("{CELLS}at_least = 1\nestimand = \"mean\""),
        "estimand",
        "the typical pair of each condition is what is estimated",
    );
    for field in ["at_least = 1", "conditions = [[\"c\", \"d\"]]"] {
        let name = field.split(' ').next().expect("a name");
        refuses(
            &format!("kind = \"difference\"\n{field}"),
            name,
            "only for kind \"cells\"",
        );
    }
}

#[test]
fn a_sequential_plan_is_of_the_typical_pair_of_two_arms() {
    let spec = survives(ARMS, "kind = \"difference\"\nstopping = \"e_value\"");
    let criterion = spec.criterion.expect("has one");
    insta::assert_snapshot!(format!(
        "{}\n{}",
        criterion.falsifier(),
        criterion.survival()
    ));
    for other in [
        "kind = \"difference\"\nestimand = \"mean\"",
        "kind = \"equivalence\"",
    ] {
        refuses(
            &format!("{other}\nstopping = \"e_value\""),
            "stopping",
            "only for kind \"difference\" in the typical pair",
        );
    }
    refuses(
        "kind = \"difference\"\nstopping = \"p_value\"",
        "stopping",
        "must be \"e_value\"",
    );
}

#[test]
fn a_margin_in_logarithms_is_told_as_people_say_it() {
    let log = |kind: &str, margin: f64| {
        let arms = "[[arms]]\nname = \"a\"\ndropout.state.rate = 0.25\n[[arms]]\nname = \"b\"\n";
        let spec = on(arms, &format!("{kind}scale = \"log\"\n")).expect("is good");
        Criterion {
            margin,
            ..spec.criterion.expect("has one")
        }
    };
    let difference = log("kind = \"difference\"\n", 0.1);
    assert_eq!(
        difference.reading(),
        "“a” reaches a lower test error than “b” by at least 9.5 % (0.1 in logarithm)."
    );
    let no_loss = log("kind = \"non_inferiority\"\n", 0.1);
    assert!(
        no_loss
            .reading()
            .contains("by less than 10.5 % (0.1 in logarithm), or better")
    );
    let same = log("kind = \"equivalence\"\n", 2.0_f64.ln());
    assert!(
        same.reading()
            .contains("by less than a factor of 2 (0.6931 in logarithm) either way")
    );
    let found = |effect: f64| difference.finding(effect).expect("words");
    assert!(found(0.538).starts_with("The test error of “a” was typically 41.6 % lower than that of “b”; predicted was at least 9.5 %"));
    assert!(found(-0.538).contains("1.71 times as high as that of “b”"));
    assert!(found(-9.68e-5).contains("typically nearly the same as that of “b”"));
    assert!(found(-0.1).contains("10.5 % higher than"));
    assert!(found(0.0).contains("was typically the same as that of"));
    for nothing in [4e-4, -4e-4] {
        assert!(found(nothing).contains("was typically nearly the same as that of"));
    }
    assert!(found(-6e-4).contains("0.1 % higher than"));
    let solved = Criterion {
        kind: CriterionKind::SolveRate,
        ..difference
    };
    for (effect, words) in [
        (0.0, "in as many of the seeds as “b”"),
        (-0.25, "in 25.0 points fewer of the seeds than"),
        (0.25, "in 25.0 points more of the seeds than"),
    ] {
        let found = solved.finding(effect).expect("words");
        assert!(found.contains(words), "{found}");
    }
}
