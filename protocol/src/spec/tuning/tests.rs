use crate::spec::{Format, Problems, Spec, TunedSettings, TuningSearch, limits, read};
use std::collections::{BTreeMap, BTreeSet};

const ARMS: &str = "[[arms]]\nname = \"fixed\"\ndropout.state = { rate = 0.25, time = \"fixed\" }\n\
                    [[arms]]\nname = \"fresh\"\ndropout.state = { rate = 0.25, time = \"per_step\" }\n";
const GRID: &str = "search = \"grid\"\nseeds = 2\n[[tuning.fields]]\nfield = \"training.learning_rate\"\nvalues = [0.001, 0.01]\n\
                    [[tuning.fields]]\nfield = \"dropout.state.rate\"\nvalues = [0.1, 0.3, 0.5]\n";
const RANDOM: &str = "search = \"random\"\ntrials = 5\n[[tuning.fields]]\nfield = \"training.learning_rate\"\nfrom = 0.0001\nto = 0.1\n\
                      scale = \"log\"\n";

fn of(arms: &str, tuning: &str) -> Result<Spec, Problems> {
    on("adding", "", "test_mse", arms, tuning)
}

fn on(task: &str, base: &str, metric: &str, arms: &str, tuning: &str) -> Result<Spec, Problems> {
    let text = format!(
        "title = \"t\"\nseeds = 8\n[task]\nname = \"{task}\"\nlength = 5\n[training]\nsteps = 10\n{base}\n{arms}[criterion]\n\
         kind = \"difference\"\nmetric = \"{metric}\"\ntreatment = \"fixed\"\ncontrol = \"fresh\"\nmargin = 0.02\n[tuning]\n{tuning}"
    );
    read(&text, Format::Toml)
}

/// The first complaint about the tuning: where and in which words.
#[track_caller]
fn refuses(arms: &str, tuning: &str, path: &str, words: &str) {
    let problems = of(arms, tuning).expect_err("refused");
    let first = &problems.0[0];
    assert_eq!(first.path(), path, "{problems}");
    assert!(first.detail.contains(words), "{problems}");
}

#[test]
fn a_grid_is_every_combination_for_every_arm_and_reads_back() {
    let spec = of(ARMS, GRID).expect("good");
    let tuning = spec.tuning.as_ref().expect("one");
    assert_eq!(
        (tuning.metric.as_str(), tuning.search, tuning.trials()),
        ("valid_mse", TuningSearch::Grid, 6)
    );
    let trials = spec.trials(Some("salt"));
    assert_eq!(trials.len(), 12);
    assert_eq!((spec.tuning_runs(), spec.runs()), (24, 16));
    for arm in ["fixed", "fresh"] {
        let own: Vec<&TunedSettings> = (trials.iter())
            .filter(|trial| trial.arm == arm)
            .map(|trial| &trial.settings)
            .collect();
        let pairs: Vec<[f64; 2]> = (own.iter())
            .map(|settings| {
                [
                    settings["training.learning_rate"],
                    settings["dropout.state.rate"],
                ]
            })
            .collect();
        assert_eq!(
            pairs,
            [
                [0.001, 0.1],
                [0.001, 0.3],
                [0.001, 0.5],
                [0.01, 0.1],
                [0.01, 0.3],
                [0.01, 0.5]
            ]
        );
    }
    let plan = spec.trial_plan(&trials[11], 7).expect("an arm");
    assert_eq!(plan.arm, "fresh");
    assert_eq!(plan.setup.training.learning_rate, 0.01);
    assert_eq!(plan.setup.dropout.state.expect("a site").rate, 0.5);
    assert_eq!(
        read(&spec.to_toml(), Format::Toml).as_ref(),
        Ok(&spec),
        "{}",
        spec.to_toml()
    );
    assert_eq!(Spec::from_stored(&spec.to_json()).as_ref(), Ok(&spec));
}

/// Both arms draw the same points, other ones with another salt; each within its range, and none twice.
#[test]
fn a_random_search_draws_the_same_points_for_every_arm() {
    let spec = of(ARMS, RANDOM).expect("good");
    let points = |salt: &str, arm: &str| -> Vec<f64> {
        let trials = spec
            .trials(Some(salt))
            .into_iter()
            .filter(|trial| trial.arm == arm);
        trials
            .map(|trial| trial.settings["training.learning_rate"])
            .collect()
    };
    let drawn = points("salt", "fixed");
    assert_eq!(drawn, points("salt", "fresh"));
    assert_ne!(drawn, points("other", "fixed"));
    assert_eq!(drawn.len(), 5);
    assert!(
        drawn.iter().all(|value| (0.0001..=0.1).contains(value)),
        "{drawn:?}"
    );
    // On a logarithmic scale a third of many lies in each decade.
    let many: Vec<f64> = (0..100)
        .flat_map(|salt| points(&salt.to_string(), "fixed"))
        .collect();
    let lowest = many.iter().filter(|value| **value < 0.001).count();
    assert!((130..=205).contains(&lowest), "{lowest} of {}", many.len());
    assert_eq!(
        read(&spec.to_toml(), Format::Toml).as_ref(),
        Ok(&spec),
        "{}",
        spec.to_toml()
    );
}

#[test]
fn no_seed_is_both_tuned_and_compared_on() {
    let spec = of(ARMS, GRID).expect("good");
    for salt in [None, Some("one"), Some("two")] {
        let compared: BTreeSet<u32> = spec.seeds_drawn(salt).into_iter().collect();
        let tuned: BTreeSet<u32> = spec.tuning_seeds(salt).into_iter().collect();
        assert_eq!((compared.len(), tuned.len()), (8, 2));
        assert!(compared.is_disjoint(&tuned));
    }
    let listed = of(ARMS, GRID)
        .expect("good")
        .to_toml()
        .replace("seeds = 8", "seeds = [1, 2, 3]");
    let problems = read(&listed, Format::Toml).expect_err("refused");
    assert_eq!(problems.0[0].path(), "seeds");
}

/// What was chosen is a specification of its own, that reads back and trains the same.
#[test]
fn a_settled_specification_has_each_arms_choice_as_its_own_settings() {
    let spec = of(ARMS, GRID).expect("good");
    let trials = spec.trials(None);
    let chosen: BTreeMap<String, TunedSettings> = [&trials[4], &trials[6]]
        .map(|trial| (trial.arm.clone(), trial.settings.clone()))
        .into();
    let settled = spec.settled(&chosen);
    assert_eq!(settled.tuning, None);
    assert_eq!(settled.plan("fixed", 3), spec.trial_plan(&trials[4], 3));
    assert_eq!(settled.plan("fresh", 3), spec.trial_plan(&trials[6], 3));
    assert_eq!(
        read(&settled.to_toml(), Format::Toml).as_ref(),
        Ok(&settled),
        "{}",
        settled.to_toml()
    );
}

#[test]
fn only_a_validation_metric_may_choose() {
    let choose_by = |metric: &str| format!("metric = \"{metric}\"\n{GRID}");
    for test in ["test_mse", "test_mse_early_stopped", "train_mse"] {
        refuses(
            ARMS,
            &choose_by(test),
            "tuning.metric",
            "is not measured in validation",
        );
    }
    refuses(
        ARMS,
        &choose_by("valid_nll"),
        "tuning.metric",
        "offers: valid_mse, valid_mse_early_stopped",
    );
    let early = on("adding", "", "test_mse_early_stopped", ARMS, GRID).expect("good");
    assert_eq!(early.tuning.expect("one").metric, "valid_mse_early_stopped");
}

#[test]
fn what_the_arms_are_compared_in_cannot_be_tuned() {
    let apart = ARMS.replace(
        "rate = 0.25, time = \"per_step\"",
        "rate = 0.5, time = \"per_step\"",
    );
    refuses(
        &apart,
        GRID,
        "tuning.fields[1].field",
        "is what arms differ in",
    );
    // What is no number, and what a run costs, either.
    let field = |path: &str| GRID.replace("training.learning_rate", path);
    refuses(
        ARMS,
        &field("training.steps"),
        "tuning.fields[0].field",
        "cannot be tuned",
    );
    refuses(
        ARMS,
        &field("dropout.state.time"),
        "tuning.fields[0].field",
        "cannot be tuned",
    );
    refuses(
        ARMS,
        &field("training.learning_rte"),
        "tuning.fields[0].field",
        "Did you mean `training.learning_rate`?",
    );
    refuses(
        ARMS,
        &field("model.initial_range"),
        "tuning.fields[0].field",
        "no arm has model.initial_range",
    );
    // At rate 0 arms that are told apart by a site would be one.
    let none = GRID.replace("[0.1, 0.3, 0.5]", "[0.0, 0.3, 0.5]");
    refuses(ARMS, &none, "tuning.fields[1].values[0]", "from 0.001");
    let unknown = format!("trails = 3\n{GRID}");
    refuses(ARMS, &unknown, "tuning.trails", "Did you mean `trials`?");
}

/// An arm without what is tuned must not have fewer trials, or none.
#[test]
fn every_arm_has_as_many_trials_or_it_is_refused() {
    let bare = ARMS.replace("dropout.state = { rate = 0.25, time = \"per_step\" }\n", "");
    refuses(
        &bare,
        GRID,
        "tuning.search",
        "gives arm \"fresh\", which has no dropout.state.rate, only 2 different trials",
    );
    let rate = "search = \"random\"\ntrials = 3\n[[tuning.fields]]\nfield = \"dropout.state.rate\"\nfrom = 0.1\nto = 0.5\n";
    refuses(
        &bare,
        rate,
        "tuning.fields",
        "none of these does arm \"fresh\" have",
    );
    let both = format!(
        "{rate}[[tuning.fields]]\nfield = \"training.learning_rate\"\nfrom = 0.001\nto = 0.1\n"
    );
    let spec = of(&bare, &both).expect("good");
    let of_arm = |arm: &'static str| {
        spec.trials(Some("salt"))
            .into_iter()
            .filter(move |trial| trial.arm == arm)
    };
    assert_eq!((of_arm("fixed").count(), of_arm("fresh").count()), (3, 3));
    assert!(of_arm("fresh").all(|trial| trial.settings.len() == 1));
    let few = "search = \"random\"\ntrials = 3\n[[tuning.fields]]\nfield = \"training.learning_rate\"\nvalues = [0.1, 0.2]\n";
    refuses(ARMS, few, "tuning.trials", "only 2 different trials");
}

/// Nothing is expanded before it is known to be small.
#[test]
fn a_grid_that_explodes_is_refused_before_it_is_made() {
    let values: Vec<String> = (1..=16)
        .map(|value| format!("{}", f64::from(value) / 100.0))
        .collect();
    let field = |path: &str| {
        format!(
            "[[tuning.fields]]\nfield = \"{path}\"\nvalues = [{}]\n",
            values.join(", ")
        )
    };
    let all = [
        "training.learning_rate",
        "training.clip",
        "training.ar",
        "training.tar",
    ]
    .map(field)
    .concat();
    refuses(
        ARMS,
        &format!("search = \"grid\"\n{all}"),
        "tuning.fields",
        "has 65536 combinations",
    );
    let fifth = format!("{all}{}", field("training.weight_decay"));
    refuses(
        ARMS,
        &format!("search = \"grid\"\n{fifth}"),
        "tuning.fields",
        "from 1 to 4 are allowed",
    );
    // Twelve arms, 32 trials, 10 seeds.
    let many: String = (0..12)
        .map(|arm| format!("[[arms]]\nname = \"{arm}\"\ndropout.state.rate = 0.2\n"))
        .collect::<String>()
        .replace("name = \"0\"", "name = \"fixed\"")
        .replace("name = \"1\"", "name = \"fresh\"");
    let wide = RANDOM.replace("trials = 5", "trials = 32\nseeds = 10");
    refuses(&many, &wide, "tuning.seeds", "makes 3840 runs");
    assert!(*limits::TRIALS.end() as usize * 12 * 3 > limits::TUNING_RUNS);
}

#[test]
fn tuning_is_part_of_what_an_experiment_costs() {
    let plain = of(ARMS, GRID).expect("good").settled(&BTreeMap::new());
    let tuned = of(ARMS, GRID).expect("good");
    let [plain, tuned] = [&plain, &tuned].map(crate::spec::cpu_seconds);
    // 24 runs beside 16.
    assert!(
        (tuned / plain - 40.0 / 16.0).abs() < 1e-9,
        "{tuned} {plain}"
    );
}
