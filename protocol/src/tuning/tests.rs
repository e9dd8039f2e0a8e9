use super::*;
use crate::spec::{Format, read};
use Score::{Diverged, Value};

fn spec(metric: &str) -> Spec {
    let text = format!(
        "title = \"t\"\nseeds = 8\n[task]\nname = \"copy\"\nlength = 5\n[training]\nsteps = 10\n\
         [[arms]]\nname = \"one\"\n[[arms]]\nname = \"other\"\nmodel.hidden = 16\n\
         [tuning]\nsearch = \"grid\"\nseeds = 3\nmetric = \"{metric}\"\n[[tuning.fields]]\nfield = \"training.learning_rate\"\n\
         values = [0.001, 0.01, 0.1]\n"
    );
    read(&text, Format::Toml).expect("a good specification")
}

/// The choice after runs that ended like this, trial by trial and seed by seed.
fn chosen(spec: &Spec, scores: &[[Score; 3]]) -> Vec<u32> {
    let seeds = spec.tuning_seeds(None);
    let tried: Vec<Tried> = (scores.iter().zip(1..))
        .flat_map(|(scores, trial)| {
            let end = |score: &Score| match score {
                Value(value) => End::Finished(Box::new(result(spec, *value))),
                Diverged => End::Diverged,
            };
            let runs = scores.iter().zip(&seeds);
            runs.map(move |(score, seed)| Tried {
                trial,
                seed: *seed,
                end: end(score),
            })
            .collect::<Vec<_>>()
        })
        .collect();
    let tuning = spec.tuning.as_ref().expect("one");
    let choice = choose(tuning, &spec.trials(None), &seeds, &tried).expect("whole");
    choice.values().map(|trial| trial.number).collect()
}

fn result(spec: &Spec, value: f64) -> RunResult {
    let metric = &spec.tuning.as_ref().expect("one").metric;
    RunResult::simulated(&[(metric, value), ("test_nll", -value)])
}

#[test]
fn each_arm_takes_its_best_median_and_of_equals_the_first() {
    let spec = spec("valid_nll");
    let [low, middle, high] = [1.0, 2.0, 3.0].map(Value);
    // One lucky seed does not choose, nor does one that diverged exclude.
    let lucky = [Value(0.0), high, high];
    let unlucky = [low, low, Diverged];
    let even = [middle; 3];
    assert_eq!(
        chosen(&spec, &[lucky, unlucky, even, even, even, lucky]),
        [2, 4]
    );
    // More than half diverged: worse than every number, and where all did the first is taken.
    let lost = [low, Diverged, Diverged];
    assert_eq!(
        chosen(&spec, &[lost, lucky, lost, lost, lost, lost]),
        [2, 4]
    );
}

#[test]
fn where_more_is_better_the_highest_is_chosen() {
    let spec = spec("valid_accuracy");
    let of = |value: f64| [Value(value); 3];
    assert_eq!(
        chosen(
            &spec,
            &[of(0.2), of(0.9), of(0.5), of(0.2), of(0.1), [Diverged; 3]]
        ),
        [2, 4]
    );
}

#[test]
fn an_even_number_has_the_mean_of_the_middle_two() {
    let spec = spec("valid_nll");
    let tuning = spec.tuning.as_ref().expect("one");
    let of = |scores: &[Score]| median(tuning, scores.to_vec());
    assert_eq!(
        of(&[Value(4.0), Value(1.0), Value(2.0), Diverged]),
        Value(3.0)
    );
    assert_eq!(of(&[Value(4.0), Diverged, Value(2.0), Diverged]), Diverged);
    assert_eq!(of(&[]), Diverged);
}

#[test]
fn one_run_without_a_result_keeps_all_from_choosing() {
    let spec = spec("valid_nll");
    let tuning = spec.tuning.as_ref().expect("one");
    let (trials, seeds) = (spec.trials(None), spec.tuning_seeds(None));
    let mut tried: Vec<Tried> = (trials.iter())
        .flat_map(|trial| {
            seeds.iter().map(|seed| Tried {
                trial: trial.number,
                seed: *seed,
                end: End::Diverged,
            })
        })
        .collect();
    tried[4].end = End::Cancelled;
    let missing = choose(tuning, &trials, &seeds, &tried).expect_err("missing");
    assert!(
        missing.by_people && missing.reason.contains("1 of 18 tuning runs"),
        "{missing:?}"
    );
    tried[7].end = End::Missing("The disk is full.".into());
    let missing = choose(tuning, &trials, &seeds, &tried).expect_err("missing");
    assert!(
        !missing.by_people && missing.reason.contains("The disk is full."),
        "{missing:?}"
    );
    // A result without the metric by which is chosen is none.
    let mut other = result(&spec, 1.0);
    other.metrics.remove("valid_nll");
    tried[4].end = End::Finished(Box::new(other));
    let missing = choose(tuning, &trials, &seeds, &tried).expect_err("missing");
    assert!(
        missing.reason.contains("does not report valid_nll"),
        "{missing:?}"
    );
}

#[test]
fn a_choice_at_the_edge_of_what_was_tried_is_told() {
    let spec = spec("valid_nll");
    let trials = spec.trials(None);
    let edges = |chosen: usize| at_edges(trials.iter(), &trials[chosen]);
    assert_eq!(edges(0), ["training.learning_rate"]);
    assert_eq!(edges(1), Vec::<String>::new());
    assert_eq!(edges(2), ["training.learning_rate"]);
    let choice = [(0, "one"), (4, "other")].map(|(at, arm)| (arm.to_owned(), trials[at].clone()));
    let words = told(&spec, None, &choice.into());
    assert!(
        words.contains("“one” chose training.learning_rate 0.001, at the edge"),
        "{words}"
    );
    assert!(
        words.contains("“other” chose training.learning_rate 0.01."),
        "{words}"
    );
}

/// Less weight decay than none there is not: nothing lies beyond that edge.
#[test]
fn where_nothing_lies_beyond_no_edge_is_told() {
    let trial = |number, value| Trial {
        number,
        arm: "one".into(),
        settings: [("training.weight_decay".to_owned(), value)].into(),
    };
    let trials = [trial(1, 0.0), trial(2, 0.1)];
    assert_eq!(at_edges(trials.iter(), &trials[0]), Vec::<String>::new());
    assert_eq!(
        at_edges(trials.iter(), &trials[1]),
        ["training.weight_decay"]
    );
}

/// A grid that leaves out where the optimum may lie, on either side of what was chosen.
#[test]
fn a_choice_beside_a_gap_in_what_was_tried_is_told() {
    let gaps = |values: &[f64], chosen: usize| {
        let trial = |(value, number): (&f64, u32)| Trial {
            number,
            arm: "one".into(),
            settings: [("training.learning_rate".to_owned(), *value)].into(),
        };
        let trials: Vec<Trial> = values.iter().zip(1..).map(trial).collect();
        !beside_gaps(trials.iter(), &trials[chosen]).is_empty()
    };
    assert!(gaps(&[1e-8, 3e-4, 100.0], 1));
    assert!(gaps(&[1e-3, 3e-4, 1e-8], 1));
    assert!(gaps(&[2e-4, 3e-4, 1.0], 1));
    // The gap is elsewhere.
    assert!(!gaps(&[1e-8, 1e-4, 3e-4, 1e-3], 2));
    assert!(!gaps(&[1e-3, 1e-2, 1e-1], 1));
    // Nothing lies between nothing and a little that a factor could tell.
    assert!(!gaps(&[0.0, 0.1, 0.2], 1));
    assert!(!gaps(&[0.0, 0.1, 0.2], 0));
    let mut spec = spec("valid_nll").to_json();
    spec["tuning"]["fields"][0]["values"] = serde_json::json!([1e-8, 1e-3, 0.5]);
    let spec = Spec::from_stored(&spec).expect("readable");
    let trials = spec.trials(None);
    let choice = [(1, "one")].map(|(at, arm)| (arm.to_owned(), trials[at].clone()));
    let words = told(&spec, None, &choice.into());
    assert!(
        words.contains("chose training.learning_rate 0.001, beside a gap of more than a factor of ten in what it tried"),
        "{words}"
    );
}
