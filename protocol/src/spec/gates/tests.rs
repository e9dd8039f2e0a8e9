//! Plans that were accepted once, and those beside them that must stay welcome.

use crate::spec::{Format, read};

fn refused(arms: &str, criterion: &str, seeds: usize) -> Vec<(String, String)> {
    on("adding", arms, criterion, seeds)
}

fn on(task: &str, arms: &str, criterion: &str, seeds: usize) -> Vec<(String, String)> {
    let text = format!(
        "title = \"t\"\nseeds = {seeds}\n[task]\nname = \"{task}\"\n[training]\nsteps = 10\n{arms}\n[criterion]\ntreatment = \"a\"\n\
         control = \"b\"\n{criterion}"
    );
    let spec = read(&text, Format::Toml).expect("readable");
    let problems = spec
        .registrable()
        .err()
        .map_or(Vec::new(), |problems| problems.0);
    problems
        .into_iter()
        .map(|problem| (problem.pointer, problem.detail))
        .collect()
}

const ARMS: &str = "[[arms]]\nname = \"a\"\ndropout.state.rate = 0.25\n[[arms]]\nname = \"b\"\n";
const DIFFERENCE: &str = "kind = \"difference\"\nmetric = \"test_mse\"\nmargin = 0.02\n";

#[track_caller]
fn only(found: Vec<(String, String)>, pointer: &str, words: &str) {
    let [(at, detail)] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(at, pointer, "{detail}");
    assert!(detail.contains(words), "{detail}");
}

#[test]
fn a_good_plan_passes() {
    assert_eq!(refused(ARMS, DIFFERENCE, 8), []);
}

#[test]
fn arms_that_train_the_same_are_refused_however_they_are_written() {
    for arms in [
        "[[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\n",
        "[[arms]]\nname = \"a\"\ndropout.state.rate = 0\n[[arms]]\nname = \"b\"\n",
        "[[arms]]\nname = \"a\"\ntraining.learning_rate = 1e-3\n[[arms]]\nname = \"b\"\ntraining.learning_rate = 0.001\n",
        "[[arms]]\nname = \"a\"\nmodel.forget_bias = 1\n[[arms]]\nname = \"b\"\n",
        "[[arms]]\nname = \"a\"\nmodel.normalization = \"batch\"\nmodel.normalization_gain = 0.1\n[[arms]]\nname = \"b\"\n\
         model.normalization = \"batch\"\n",
        "[[arms]]\nname = \"a\"\ndropout.state = { rate = 0.5, until = 1 }\n[[arms]]\nname = \"b\"\ndropout.state = { rate = 0.5 }\n",
        "[[arms]]\nname = \"a\"\nevaluation.shift = 0\n[[arms]]\nname = \"b\"\nevaluation.length = 50\n",
        "[[arms]]\nname = \"a\"\ndropout.preset = \"none\"\n[[arms]]\nname = \"b\"\nmodel.cell = \"lstm\"\n",
    ] {
        only(
            refused(arms, DIFFERENCE, 8),
            "/criterion/control",
            "trains the same",
        );
    }
    let other = "[[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\ntraining.steps = 11\n";
    assert_eq!(refused(other, DIFFERENCE, 8), []);
}

/// In one step there is no state before, and no step at which a mask could be another.
#[test]
fn a_picture_read_at_once_has_no_time_for_masks_to_differ_in() {
    let arms = |task: &str| {
        format!(
            "[[arms]]\nname = \"a\"\ntask = {task}\ndropout.state.rate = 0.25\ndropout.output = {{ rate = 0.5 }}\n[[arms]]\n\
             name = \"b\"\ntask = {task}\ndropout.output = {{ rate = 0.5, time = \"per_step\" }}\n"
        )
    };
    let of = |length: u32| {
        format!("{{ name = \"sequential_mnist\", data = \"mnist\", length = {length} }}")
    };
    let criterion = DIFFERENCE.replace("test_mse", "test_nll");
    only(
        refused(&arms(&of(1)), &criterion, 8),
        "/criterion/control",
        "trains the same",
    );
    assert_eq!(refused(&arms(&of(2)), &criterion, 8), []);
    let other = arms(&of(1)).replace("rate = 0.5, time", "rate = 0.4, time");
    assert_eq!(refused(&other, &criterion, 8), []);
}

#[test]
fn a_level_that_no_number_of_agreeing_pairs_reaches_is_refused_with_the_number_that_does() {
    let strict = format!("{DIFFERENCE}alpha = 0.01\n");
    only(
        refused(ARMS, &strict, 6),
        "/criterion/alpha",
        "0.0156, so neither outcome can be reached. Take 7 seeds",
    );
    assert_eq!(refused(ARMS, &strict, 7), []);
}

#[test]
fn a_margin_beyond_what_there_is_to_gain_is_refused() {
    let with = |margin: &str| format!("kind = \"difference\"\nmetric = \"test_mse\"\n{margin}\n");
    for margin in ["margin = 0.17", "margin = 1000"] {
        only(
            refused(ARMS, &with(margin), 8),
            "/criterion/margin",
            "learned nothing (0.1667)",
        );
    }
    only(
        refused(ARMS, &with("scale = \"log\"\nmargin = 5"), 8),
        "/criterion/margin",
        "a factor of 1.484e2",
    );
    assert_eq!(refused(ARMS, &with("scale = \"log\"\nmargin = 0.7"), 8), []);
    let equivalence = "kind = \"equivalence\"\nmetric = \"test_mse\"\nmargin = 0.2\n";
    only(
        refused(ARMS, equivalence, 8),
        "/criterion/margin",
        "smallest difference that would matter",
    );
}

/// Twice the margin of what there is to gain on the numbers trained on may well be gained on others.
#[test]
fn a_margin_on_shifted_numbers_is_taken_as_it_is() {
    let shifted = ARMS
        .replace("name = \"a\"\n", "name = \"a\"\nevaluation.shift = 1\n")
        .replace("name = \"b\"\n", "name = \"b\"\nevaluation.shift = 1\n");
    let margin = DIFFERENCE.replace("0.02", "0.3");
    only(refused(ARMS, &margin, 8), "/criterion/margin", "only");
    assert_eq!(refused(&shifted, &margin, 8), []);
    let training = margin.replace("test_mse", "train_mse");
    only(refused(&shifted, &training, 8), "/criterion/margin", "only");
}

#[test]
fn a_threshold_that_all_or_none_reach_is_refused() {
    let with = |threshold: &str| {
        format!(
            "kind = \"solve_rate\"\nmetric = \"test_mse\"\nmargin = 0.1\nthreshold = {threshold}\n"
        )
    };
    only(
        refused(ARMS, &with("1e6"), 8),
        "/criterion/threshold",
        "every run would count as solved",
    );
    only(
        refused(ARMS, &with("0"), 8),
        "/criterion/threshold",
        "which no run reaches",
    );
    assert_eq!(refused(ARMS, &with("0.01"), 8), []);
    let accuracy = |threshold: &str| {
        format!(
            "kind = \"solve_rate\"\nmetric = \"test_accuracy\"\nmargin = 0.1\nthreshold = {threshold}\n"
        )
    };
    only(
        on("temporal_order", ARMS, &accuracy("0.25"), 8),
        "/criterion/threshold",
        "every run would count",
    );
    only(
        on("temporal_order", ARMS, &accuracy("1.01"), 8),
        "/criterion/threshold",
        "no run reaches",
    );
    assert_eq!(on("temporal_order", ARMS, &accuracy("0.95"), 8), []);
}

const SQUARE: &str = "[[arms]]\nname = \"a\"\ndropout.state.rate = 0.25\n[[arms]]\nname = \"b\"\n\
    [[arms]]\nname = \"c\"\ndropout.state.rate = 0.25\nmodel.cell = \"gru\"\n\
    [[arms]]\nname = \"d\"\nmodel.cell = \"gru\"\n";
const INTERACTION: &str = "kind = \"interaction\"\nother_treatment = \"c\"\nother_control = \"d\"\n\
    metric = \"test_mse\"\nmargin = 0.02\n";

#[test]
fn the_two_pairs_of_an_interaction_must_differ_in_the_same() {
    assert_eq!(refused(SQUARE, INTERACTION, 8), []);
    let more = SQUARE.replace(
        "dropout.state.rate = 0.25\nmodel",
        "dropout.state.rate = 0.5\nmodel",
    );
    only(
        refused(&more, INTERACTION, 8),
        "/criterion/other_treatment",
        "(dropout.state.rate)",
    );
    let lone = SQUARE.replace("model.cell = \"gru\"\n", "");
    only(
        refused(&lone, INTERACTION, 8),
        "/criterion/other_treatment",
        "one of the two conditions is missing",
    );
    let same = SQUARE.replace("dropout.state.rate = 0.25\nmodel", "model");
    only(
        refused(&same, INTERACTION, 8),
        "/criterion/other_control",
        "trains the same as the other treatment",
    );
    // Two advantages of up to 1/6 each.
    let margin = |margin: &str| INTERACTION.replace("0.02", margin);
    assert_eq!(refused(SQUARE, &margin("0.2"), 8), []);
    only(
        refused(SQUARE, &margin("0.4"), 8),
        "/criterion/margin",
        "two advantages cannot differ by more than 0.3333",
    );
}

#[test]
fn the_arms_of_a_trend_differ_in_the_swept_setting_alone() {
    let arms = "[[arms]]\nname = \"a\"\ntask.length = 40\n[[arms]]\nname = \"c\"\ntask.length = 20\n\
                [[arms]]\nname = \"b\"\ntask.length = 10\n";
    let trend = |margin: &str| {
        format!(
            "kind = \"trend\"\nfield = \"task.length\"\nmetric = \"test_mse\"\nmargin = {margin}\n"
        )
    };
    assert_eq!(refused(arms, &trend("0.001"), 8), []);
    let more = arms.replace("= 20", "= 20\nmodel.hidden = 7");
    only(
        refused(&more, &trend("0.001"), 8),
        "/criterion/field",
        "differ in (model.hidden)",
    );
    // All there is to gain, at one half of the sweep against the other.
    only(
        refused(arms, &trend("0.006"), 8),
        "/criterion/margin",
        "no slope is steeper than 0.005952",
    );
}

#[test]
fn a_spread_may_be_smaller_by_a_factor_of_twenty_at_most() {
    let kind =
        |margin: &str| format!("kind = \"dispersion\"\nmetric = \"test_mse\"\nmargin = {margin}\n");
    // More than all there is to gain in the metric, and yet no more than a factor of e.
    assert_eq!(refused(ARMS, &kind("1.0"), 8), []);
    only(
        refused(ARMS, &kind("3.1"), 8),
        "/criterion/margin",
        "at most 3 is taken",
    );
    only(
        refused(ARMS, &format!("{}alpha = 0.01\n", kind("1.0")), 6),
        "/criterion/alpha",
        "no exact test",
    );
}

/// Sweeps of the small fields: the end that is as the default is a point like any other.
#[test]
fn a_share_of_the_data_and_a_shift_can_be_swept_to_their_defaults() {
    let digits = "task = { name = \"sequential_mnist\", data = \"mnist\", length = 28, fraction =";
    let adding = "evaluation = { shift =";
    for (said, field, metric, points) in [
        (
            digits,
            "task.fraction",
            "test_accuracy",
            ["1", "0.25", "0.0625"],
        ),
        (adding, "evaluation.shift", "test_mse", ["0", "0.5", "1"]),
    ] {
        let arm = |(name, point): (&str, &str)| {
            format!("[[arms]]\nname = \"{name}\"\n{said} {point} }}\n")
        };
        let arms: String = ["a", "c", "b"].into_iter().zip(points).map(arm).collect();
        let trend = format!(
            "kind = \"trend\"\nfield = \"{field}\"\nmetric = \"{metric}\"\nmargin = 0.001\n"
        );
        assert_eq!(refused(&arms, &trend, 8), [], "{field}");
    }
}

/// A mask or none, at two lengths.
const CONDITIONS: &str = "[[arms]]\nname = \"a\"\ndropout.state.rate = 0.25\n[[arms]]\nname = \"b\"\n[[arms]]\nname = \"c\"\n\
    task.length = 60\ndropout.state.rate = 0.25\n[[arms]]\nname = \"d\"\ntask.length = 60\n";

#[test]
fn conditions_differ_and_each_has_something_to_find() {
    let cells = |conditions: &str, at_least: u32| {
        format!(
            "kind = \"cells\"\nmetric = \"test_mse\"\nmargin = 0.02\nat_least = {at_least}\nconditions = {conditions}"
        )
    };
    let good = cells("[[\"c\", \"d\"]]", 2);
    assert_eq!(refused(CONDITIONS, &good, 8), []);
    let alike = CONDITIONS.replace(
        "task.length = 60\ndropout.state.rate = 0.25",
        "task.length = 60",
    );
    only(
        refused(&alike, &good, 8),
        "/criterion/conditions/0",
        "\"c\" and \"d\", which train the same",
    );
    let twice = format!(
        "{CONDITIONS}[[arms]]\nname = \"e\"\ntask.length = 60\ndropout.state.rate = 0.25\n"
    );
    only(
        refused(&twice, &cells("[[\"c\", \"d\"], [\"e\", \"d\"]]", 2), 8),
        "/criterion/conditions/1",
        "trains the same as \"c\" and \"d\", so one effect would count twice",
    );
    // One of two refuted is enough where both are asked for: each is tested at half of the level.
    let strict = format!("{good}\nalpha = 0.02");
    only(
        refused(CONDITIONS, &strict, 6),
        "/criterion/alpha",
        "one of the outcomes cannot be reached. Take 7 seeds or more.",
    );
    assert_eq!(refused(CONDITIONS, &strict, 7), []);
}

/// Where more than so many conditions offer less than the margin, nothing could support it.
#[test]
fn a_margin_of_cells_is_held_against_the_conditions_that_must_show_it() {
    let at_least = |count: u32| {
        format!(
            "kind = \"cells\"\nmetric = \"test_mse\"\nmargin = 0.5\nat_least = {count}\nconditions = [[\"c\", \"d\"]]"
        )
    };
    for count in [1, 2] {
        let found = refused(CONDITIONS, &at_least(count), 8);
        only(
            found,
            "/criterion/margin",
            "of the conditions, so nothing could support this",
        );
    }
}

#[test]
fn a_sequential_plan_needs_pairs_enough_to_decide_at_all() {
    let with = |alpha: f64, seeds: usize| {
        let criterion = format!("{DIFFERENCE}stopping = \"e_value\"\nalpha = {alpha}");
        refused(ARMS, &criterion, seeds)
    };
    only(
        with(0.05, 6),
        "/criterion/stopping",
        "at most 18.14, even if all of them agree, and 1/alpha = 20 decides, so neither outcome can be reached. Take 7 \
         seeds or more",
    );
    assert_eq!(with(0.05, 7), []);
    only(
        with(0.0001, 16),
        "/criterion/stopping",
        "Take 17 seeds or more",
    );
    assert_eq!(with(0.0001, 17), []);
}
