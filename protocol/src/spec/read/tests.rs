use super::*;
use crate::spec::Seeds;

const GOOD: &str = r#"
title = "Does a fixed state mask beat a fresh one?"
seeds = 6
[task]
name = "adding"
length = 20
[training]
steps = 100
[[arms]]
name = "fixed mask"
dropout.state = { rate = 0.25, time = "fixed" }
[[arms]]
name = "fresh mask"
dropout.state = { rate = 0.25, time = "per_step" }
training.learning_rate = 1
[criterion]
kind = "difference"
metric = "test_mse"
treatment = "fixed mask"
control = "fresh mask"
margin = 0.02
"#;

fn complaints(text: &str) -> Vec<String> {
    let registrable = |spec: Spec| spec.registrable();
    match read(text, Format::Toml).and_then(registrable) {
        Ok(()) => Vec::new(),
        Err(problems) => problems.0.iter().map(Problem::to_string).collect(),
    }
}

fn assert_complains(text: &str, path: &str, words: &str) {
    let found = complaints(text);
    assert!(
        found
            .iter()
            .any(|line| line.starts_with(path) && line.contains(words)),
        "expected {path} … {words} in {found:#?}"
    );
}

#[test]
fn a_good_one_reads_and_is_complete() {
    let spec = read(GOOD, Format::Toml).expect("good");
    assert_eq!(spec.arms[1].setup.training.learning_rate, 1.0);
    assert_eq!(spec.arms[0].setup.training.learning_rate, 1e-3);
    assert_eq!(spec.model.hidden, 32);
    spec.registrable().expect("six seeds and a criterion");
}

#[test]
fn toml_json_and_storage_agree() {
    let spec = read(GOOD, Format::Toml).expect("good");
    let again = read(&spec.to_toml(), Format::Toml).expect("its own TOML");
    assert_eq!(again, spec);
    assert_eq!(read_value(&spec.to_json()).expect("its own JSON"), spec);
    assert_eq!(again.sha256(), spec.sha256());
    assert!(spec.canonical().starts_with(r#"{"arms":[{"dropout":"#));
}

#[test]
fn every_mistake_is_named_at_once() {
    let text = GOOD
        .replace("length = 20", "lenght = 20")
        .replace(
            "rate = 0.25, time = \"per_step\"",
            "rate = 1.5, time = \"sometimes\"",
        )
        .replace("seeds = 6", "seeds = [1, 1, -2]")
        .replace("treatment = \"fixed mask\"", "treatment = \"fixed\"");
    assert_complains(&text, "task.lenght", "Did you mean `length`?");
    assert_complains(&text, "arms[1].dropout.state.rate", "from 0 to 1");
    assert_complains(
        &text,
        "arms[1].dropout.state.time",
        "\"fixed\" or \"per_step\"",
    );
    assert_complains(&text, "seeds[1]", "twice");
    assert_complains(&text, "seeds[2]", "whole number");
    assert_complains(
        &text,
        "criterion.treatment",
        "\"fixed mask\", \"fresh mask\"",
    );
    assert_eq!(complaints(&text).len(), 6);
}

#[test]
fn bad_input_is_refused_with_the_place() {
    assert_complains(
        &GOOD.replace("rate = 0.25, time = \"fixed\"", "rate = 1.0"),
        "arms[0].dropout.state.rate",
        "below 1",
    );
    assert_complains(
        &GOOD.replace("rate = 0.25, time = \"fixed\"", "rate = nan"),
        "arms[0].dropout.state.rate",
        "from 0 to 1, not nan",
    );
    assert_complains(&GOOD.replace("= 6", "= []"), "seeds", "at least one");
    assert_complains(
        &GOOD.replace("steps = 100", "steps = \"many\""),
        "training.steps",
        "whole number",
    );
    assert_complains(
        &GOOD.replace("steps = 100", "steps = 900000\nbatch = 1024"),
        "training.steps",
        "hours of one CPU worker",
    );
    assert_complains(
        &GOOD.replace(
            "dropout.state = { rate = 0.25, time = \"fixed\" }",
            "dropout.zoneout = 1",
        ),
        "arms[0].dropout.zoneout",
        "not a field",
    );
    assert_complains(
        &GOOD.replace("name = \"fresh mask\"", "name = \"fixed mask\""),
        "arms[1].name",
        "differ",
    );
    assert_complains(
        &GOOD.replace("test_mse", "test_accuracy"),
        "criterion.metric",
        "test_mse",
    );
    assert_complains(
        &GOOD.replace("margin = 0.02", "margin = 0.02\nbetter = \"higher\""),
        "criterion.better",
        "swap",
    );
    assert_complains("title = ", "", "Line 1");
    assert_complains(
        &GOOD.replace("[task]\nname = \"adding\"\nlength = 20\n", ""),
        "task",
        "missing",
    );
    assert_complains(
        &GOOD.replace("learning_rate = 1", "learning_rate = -1"),
        "arms[1].training.learning_rate",
        "number from",
    );
    let deep = format!("x = {}1{}", "[".repeat(5000), "]".repeat(5000));
    assert_complains(&deep, "", "not valid TOML");
    let json = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    assert!(read(&json, Format::Json).is_err());
    assert!(read(&"#".repeat(10_000_000), Format::Toml).is_err());
    let error = read_bytes(b"title = \"\xff\"", Format::Toml).expect_err("not UTF-8");
    assert!(error.to_string().contains("UTF-8"));
}

#[test]
fn what_a_person_meant_is_named() {
    for (from, to, path, words) in [
        (
            "margin = 0.02",
            "margin = inf",
            "criterion.margin",
            "not inf",
        ),
        (
            "margin = 0.02",
            "margin = -inf",
            "criterion.margin",
            "not -inf",
        ),
        (
            "learning_rate = 1",
            "lr = 1",
            "arms[1].training.lr",
            "Did you mean `learning_rate`?",
        ),
        (
            "[training]",
            "[model]\ncell = \"LSTM\"\nrnn_size = 5\n[training]",
            "model.cell",
            "Did you mean `lstm`?",
        ),
        (
            "[training]",
            "[model]\nrnn_size = 5\n[training]",
            "model.rnn_size",
            "Did you mean `hidden`?",
        ),
        (
            "steps = 100",
            "steps = 100\noptimizer = \"SGD\"",
            "training.optimizer",
            "Did you mean `sgd`?",
        ),
        ("= 6", "= [1.5, 2]", "seeds[0]", "whole number"),
    ] {
        assert_complains(&GOOD.replace(from, to), path, words);
    }
    let whole = GOOD.replace("= 6", "= [1.0, 2.0, 3]");
    let spec = read(&whole, Format::Toml).expect("1.0 is the whole number 1");
    assert_eq!(spec.seeds, Seeds::Listed(vec![1, 2, 3]));
}

#[test]
fn a_text_in_another_format_is_recognised_and_marks_of_editors_are_no_part_of_it() {
    let json = read(GOOD, Format::Toml)
        .expect("good")
        .to_json()
        .to_string();
    assert_complains(&json, "", "looks like JSON");
    let yaml = "# an experiment\ntitle: A text\nseeds: [1, 2]\ntask:\n  name: adding\n";
    assert_complains(yaml, "", "looks like YAML");
    assert_complains(
        "title = \"a: b\"\nseeds",
        "",
        "Line 2: this is not valid TOML",
    );
    for (text, format) in [(GOOD, Format::Toml), (json.as_str(), Format::Json)] {
        let marked = format!("\u{feff}{text}");
        assert!(read_bytes(marked.as_bytes(), format).is_ok());
    }
    assert!(read(&GOOD.replace('\n', "\r\n"), Format::Toml).is_ok());
    let wide: Vec<u8> = std::iter::once(0xfeff)
        .chain(GOOD.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let error = read_bytes(&wide, Format::Toml).expect_err("UTF-16");
    assert!(error.to_string().contains("it is UTF-16. Save it as UTF-8"));
}

#[test]
fn registration_wants_six_seeds_and_a_criterion() {
    let text = GOOD.replace("= 6", "= 3");
    let (text, _) = text.split_once("[criterion]").expect("has one");
    let spec = read(text, Format::Toml).expect("fine to train locally");
    let problems = spec.registrable().expect_err("too small");
    let pointers: Vec<&str> = problems.0.iter().map(|p| p.pointer.as_str()).collect();
    assert_eq!(pointers, ["/seeds", "/criterion"]);
}

#[test]
fn measurements_of_all_runs_are_bounded_at_registration() {
    let text = GOOD.replace("= 6", "= 40");
    let mut stored = read(&text, Format::Toml).expect("good").to_json();
    for section in [None, Some(0), Some(1)] {
        let place = match section {
            None => &mut stored,
            Some(arm) => &mut stored["arms"][arm],
        };
        place["training"]["steps"] = 2_000.into();
        place["evaluation"]["every"] = 1.into();
    }
    let spec = Spec::from_stored(&stored).expect("readable");
    let problems = spec.registrable().expect_err("160,000 measurements");
    let pointers: Vec<&str> = problems.0.iter().map(|p| p.pointer.as_str()).collect();
    assert!(pointers.contains(&"/evaluation/every"), "{problems}");
}

#[test]
fn unknown_fields_cost_little_and_are_told_briefly() {
    let mut text = String::from("title = \"t\"\n[task]\n");
    for key in 0..7_000 {
        text.push_str(&format!("k{key}=1\n"));
    }
    for arm in 0..12 {
        text.push_str(&format!(
            "[[arms]]\nname = \"{arm}\"\n[arms.task]\nlength = 9\n"
        ));
    }
    assert!(text.len() <= limits::TEXT_BYTES, "{}", text.len());
    let started = std::time::Instant::now();
    let Problems(problems) = read(&text, Format::Toml).expect_err("unknown fields");
    assert!(problems.len() <= 102, "{}", problems.len());
    let told: usize = problems.iter().map(|problem| problem.detail.len()).sum();
    assert!(told < 60_000, "{told} bytes");
    let more = |problem: &Problem| problem.detail == "6990 more fields here do not exist.";
    assert!(problems.iter().any(more));
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
}

#[test]
fn what_was_accepted_stays_readable_when_limits_shrink() {
    let mut stored = read(GOOD, Format::Toml).expect("good").to_json();
    stored["model"]["hidden"] = 100_000.into();
    assert!(read_value(&stored).is_err());
    assert!(Spec::from_stored(&stored).is_ok());
}

const WORDS: &str = r#"
title = "t"
seeds = [1]
[task]
name = "word_lm"
data = "penn_treebank"
[training]
epochs = 13
optimizer = "sgd"
anneal = 0.5
anneal_after = 4
[[arms]]
name = "a"
"#;

#[test]
fn a_language_model_is_trained_by_epochs_on_a_named_data_set() {
    let spec = read(WORDS, Format::Toml).expect("good");
    let setup = &spec.arms[0].setup;
    assert_eq!(setup.task.data.as_deref(), Some("penn_treebank@1"));
    assert_eq!(
        (setup.task.length, setup.task.vocabulary),
        (35, Some(10_000))
    );
    assert_eq!(setup.model.embedding, Some(setup.model.hidden));
    assert_eq!((setup.training.steps, setup.evaluation.every), (None, None));
    assert_eq!(setup.evaluation.sequences, setup.training.batch);
    let again = read(&spec.to_toml(), Format::Toml).expect("its own TOML");
    assert_eq!(again, spec);
    assert_eq!(Spec::from_stored(&spec.to_json()).expect("stored"), spec);
}

#[test]
fn fields_that_only_some_tasks_have_are_refused_elsewhere() {
    let with = |from: &str, to: &str| WORDS.replace(from, to);
    let no_data = with("data = \"penn_treebank\"\n", "");
    assert_complains(&no_data, "task.data", "learns from a data set");
    let bad = with("\"penn_treebank\"", "\"../ptb\"");
    assert_complains(&bad, "task.data", "does not name a data set");
    let both = with("epochs = 13", "epochs = 13\nsteps = 5");
    assert_complains(&both, "training.epochs", "leave one of them out");
    let endless = with("epochs = 13\n", "");
    assert_complains(&endless, "training.steps", "or epochs");
    let costly = with("epochs = 13", "epochs = 1000\nbatch = 1");
    assert_complains(&costly, "training.epochs", "fewer epochs");
    let every = with("[[arms]]", "[evaluation]\nevery = 5\n[[arms]]");
    assert_complains(&every, "evaluation.every", "after each");
    let tied = with(
        "[training]",
        "[model]\nembedding = 7\ntied_embeddings = true\n[training]",
    );
    assert_complains(&tied, "model.tied_embeddings", "same width");
    let steps = with("epochs = 13", "steps = 5");
    assert_complains(&steps, "training.anneal", "training by epochs");
    for (line, path) in [
        ("data = \"a\"", "task.data"),
        ("vocabulary = 50", "task.vocabulary"),
        ("windows = \"fixed\"", "task.windows"),
    ] {
        let text = GOOD.replace("length = 20", line);
        assert_complains(&text, path, "is only for");
    }
    let embedded = GOOD.replace("[training]", "[model]\nembedding = 5\n[training]");
    assert_complains(&embedded, "model.embedding", "is only for");
    let endless = GOOD.replace("steps = 100", "epochs = 2");
    assert_complains(&endless, "training.epochs", "no epochs");
    let pixels = GOOD.replace(
        "name = \"adding\"\nlength = 20",
        "name = \"permuted_mnist\"\ndata = \"m\"\nlength = 100",
    );
    assert_complains(&pixels, "task.length", "must divide");
}

#[test]
fn how_a_network_begins_and_how_much_it_learns_from_can_be_said() {
    let plain = read(GOOD, Format::Toml).expect("good");
    for absent in ["fraction", "forget_bias", "normalization_gain"] {
        assert!(!plain.canonical().contains(absent), "{absent}");
    }
    let begun = GOOD.replace(
        "[training]",
        "[model]\nnormalization = \"layer\"\nnormalization_gain = 0.1\nforget_bias = 0\n[training]",
    );
    let begun = begun.replace("training.learning_rate = 1", "model.forget_bias = 2");
    let spec = read(&begun, Format::Toml).expect("good");
    assert_eq!(spec.model.normalization_gain, Some(0.1));
    let biases: Vec<_> = spec
        .arms
        .iter()
        .map(|arm| arm.setup.model.forget_bias)
        .collect();
    assert_eq!(biases, [Some(0.0), Some(2.0)]);
    assert_eq!(
        read(&spec.to_toml(), Format::Toml).expect("its own TOML"),
        spec
    );
    // An arm with a cell that has no forget gate has no use for its bias.
    let other = begun.replace("normalization = \"layer\"\nnormalization_gain = 0.1\n", "");
    let other = other.replace("model.forget_bias = 2", "model.cell = \"gru\"");
    let spec = read(&other, Format::Toml).expect("good");
    assert_eq!(spec.arms[1].setup.model.forget_bias, None);
    for (field, path, words) in [
        (
            "[model]\nforget_bias = 11",
            "model.forget_bias",
            "from -10 to 10",
        ),
        (
            "[model]\ncell = \"rnn\"\nforget_bias = 1",
            "model.forget_bias",
            "is only for the lstm",
        ),
        (
            "[model]\nnormalization_gain = 1",
            "model.normalization_gain",
            "is only for networks with",
        ),
        (
            "task.fraction = 0.5",
            "task.fraction",
            "is only for tasks that learn from a data set",
        ),
    ] {
        let text = if field.starts_with("task") {
            GOOD.replace("length = 20", "length = 20\nfraction = 0.5")
        } else {
            GOOD.replace("[training]", &format!("{field}\n[training]"))
        };
        assert_complains(&text, path, words);
    }
    let digits = GOOD.replace(
        "\"adding\"\nlength = 20",
        "\"sequential_mnist\"\ndata = \"mnist\"\nfraction = 0",
    );
    assert_complains(&digits, "task.fraction", "from 0.001 to 1, not 0");
}

#[test]
fn a_test_may_be_of_other_numbers_and_longer_sequences_than_training() {
    let with = |field: &str| {
        GOOD.replace(
            "[[arms]]\nname = \"fixed mask\"",
            &format!("[evaluation]\n{field}\n[[arms]]\nname = \"fixed mask\""),
        )
    };
    let spec = read(&with("shift = 1\nlength = 40"), Format::Toml).expect("good");
    assert_eq!(
        (spec.evaluation.shift, spec.evaluation.length),
        (Some(1.0), Some(40))
    );
    assert_eq!(
        read(&spec.to_toml(), Format::Toml).expect("its own TOML"),
        spec
    );
    assert!(
        spec.canonical().contains(r#""shift":1.0"#),
        "{}",
        spec.canonical()
    );
    let plain = read(&with(""), Format::Toml).expect("good");
    assert!(!plain.canonical().contains("shift"));
    let seconds = |spec: &Spec| super::cost::run_seconds(&spec.arms[0].setup);
    assert!(seconds(&spec) > seconds(&plain));
    let memory = |spec: &Spec| {
        memory::run_memory(
            &spec.arms[0].setup,
            memory::DataShape::expected(&spec.arms[0].setup),
        )
    };
    assert!(memory(&spec) > memory(&plain));
    assert_complains(&with("shift = 101"), "evaluation.shift", "from -100 to 100");
    assert_complains(&with("length = 2"), "evaluation.length", "from 3 to 1000");
    let copy = with("shift = 1").replace("\"adding\"", "\"copy\"");
    assert_complains(&copy, "evaluation.shift", "is only for the adding problem");
    let digits = with("length = 28").replace(
        "\"adding\"\nlength = 20",
        "\"sequential_mnist\"\ndata = \"mnist\"\nlength = 28",
    );
    assert_complains(
        &digits,
        "evaluation.length",
        "is only for generated sequences",
    );
}

#[test]
fn a_temperature_is_a_number_or_fitted_on_validation_data() {
    let with = |task: &str, temperature: &str| {
        let text = GOOD
            .replace("\"adding\"", task)
            .replace("test_mse", "test_nll");
        text.replace(
            "[[arms]]\nname = \"fixed mask\"",
            &format!("[evaluation]\ntemperature = {temperature}\n[[arms]]\nname = \"fixed mask\""),
        )
    };
    let fitted = read(&with("\"copy\"", "\"valid\""), Format::Toml).expect("good");
    assert_eq!(
        fitted.evaluation.temperature,
        Temperature::Fitted(FittedOn::Valid)
    );
    assert_eq!(
        read(&fitted.to_toml(), Format::Toml).expect("its own TOML"),
        fitted
    );
    assert!(fitted.canonical().contains(r#""temperature":"valid""#));
    let given = read(&with("\"copy\"", "2"), Format::Toml).expect("good");
    assert!(
        given.canonical().contains(r#""temperature":2.0"#),
        "{}",
        given.canonical()
    );
    let seconds = |spec: &Spec| super::cost::run_seconds(&spec.arms[0].setup);
    assert!(seconds(&fitted) > seconds(&given));
    assert_complains(
        &with("\"copy\"", "\"test\""),
        "evaluation.temperature",
        "or \"valid\"",
    );
    assert_complains(
        &with("\"copy\"", "0"),
        "evaluation.temperature",
        "from 0.05 to 20, not 0",
    );
    assert_complains(
        &with("\"adding\"", "\"valid\"").replace("test_nll", "test_mse"),
        "evaluation.temperature",
        "only for tasks that predict probabilities",
    );
    let other = with("\"copy\"", "\"valid\"")
        .replace("training.learning_rate = 1", "task.name = \"adding\"");
    let other = other
        .split("[criterion]")
        .next()
        .expect("a part")
        .to_owned();
    let spec = read(&other, Format::Toml).expect("good");
    assert_eq!(
        spec.arms[1].setup.evaluation.temperature,
        Temperature::Given(1.0)
    );
}

#[test]
fn an_entropy_is_of_probabilities_and_makes_the_rank_correlation_one_of_every_arm() {
    let text = |task: &str, treatment: &str, control: &str| {
        let text = GOOD
            .replace("\"adding\"", task)
            .replace("test_mse", "uncertainty_error_rank");
        text.replace(
            "[[arms]]\nname = \"fixed mask\"",
            &format!("[[arms]]\nname = \"fixed mask\"\n{treatment}"),
        )
        .replace(
            "[[arms]]\nname = \"fresh mask\"",
            &format!("[[arms]]\nname = \"fresh mask\"\n{control}"),
        )
    };
    let (sampled, entropy) = (
        "evaluation.samples = 5",
        "evaluation.uncertainty = \"entropy\"",
    );
    let good = text("\"copy\"", sampled, entropy);
    let spec = read(&good, Format::Toml).expect("good");
    assert_eq!(
        read(&spec.to_toml(), Format::Toml).expect("its own TOML"),
        spec
    );
    let evaluations = spec.arms.iter().map(|arm| &arm.setup.evaluation);
    let said: Vec<_> = evaluations.map(|e| (e.samples, e.uncertainty)).collect();
    assert_eq!(said, [(5, None), (0, Some(Uncertainty::Entropy))]);
    // Without either there is no uncertainty.
    assert_complains(
        &text("\"copy\"", sampled, ""),
        "criterion.metric",
        "arm \"fresh mask\" does not report",
    );
    assert_complains(
        &text("\"adding\"", sampled, entropy),
        "arms[1].evaluation.uncertainty",
        "only for tasks that predict probabilities",
    );
    assert_complains(
        &text("\"copy\"", sampled, "evaluation.uncertainty = \"variance\""),
        "arms[1].evaluation.uncertainty",
        "entropy",
    );
}

/// A gap and a rank correlation may decide, by plain differences.
#[test]
fn a_gap_and_a_rank_correlation_may_decide() {
    let gap = GOOD.replace("test_mse", "gap");
    assert_eq!(complaints(&gap), Vec::<String>::new());
    let log = |text: &str| text.replace("margin = 0.02", "margin = 0.02\nscale = \"log\"");
    assert_complains(&log(&gap), "criterion.scale", "its ratios mean nothing");
    let rank = GOOD.replace("test_mse", "variance_error_rank");
    assert_complains(&rank, "criterion.metric", "does not report");
    let rank = rank.replace(
        "[[arms]]\nname = \"fixed mask\"",
        "[evaluation]\nsamples = 5\n[[arms]]\nname = \"fixed mask\"",
    );
    assert_eq!(complaints(&rank), Vec::<String>::new());
    assert_complains(&log(&rank), "criterion.scale", "its ratios mean nothing");
    assert_complains(
        &rank.replace("margin = 0.02", "margin = 1"),
        "criterion.margin",
        "only 1.0000",
    );
    let lower = rank.replace("margin = 0.02", "margin = 0.02\nbetter = \"lower\"");
    assert_complains(&lower, "criterion.better", "better when it is higher");
}

#[test]
fn several_networks_are_of_an_arm_and_change_nothing_where_they_are_absent() {
    let with = |networks: &str| {
        let arm = "training.learning_rate = 1";
        GOOD.replace(arm, &format!("{arm}\ntraining.networks = {networks}"))
    };
    let plain = read(GOOD, Format::Toml).expect("good");
    assert!(!plain.canonical().contains("networks"));
    let spec = read(&with("5"), Format::Toml).expect("good");
    assert_eq!(
        read(&spec.to_toml(), Format::Toml).expect("its own TOML"),
        spec
    );
    let [one, five] = [0, 1].map(|arm| &spec.arms[arm].setup);
    assert_eq!([one, five].map(|it| it.training.networks()), [1, 5]);
    assert_eq!(
        [one, five].map(|it| it.training.run_steps()),
        [Some(100), Some(500)]
    );
    assert_eq!(five.evaluation.every, one.evaluation.every);
    // A base of several has an arm of one.
    let one_of_several = GOOD
        .replace("steps = 100", "steps = 100\nnetworks = 3")
        .replace("training.learning_rate = 1", "training.networks = 1");
    let spec = read(&one_of_several, Format::Toml).expect("good");
    let networks = |arm: &Arm| arm.setup.training.networks();
    assert_eq!([0, 1].map(|arm| networks(&spec.arms[arm])), [3, 1]);

    // What an experiment of several may be judged by: no one step at which all of them stop, a variance without samples.
    let reported = crate::metric::of(five);
    assert!(reported.contains(&"test_variance") && !reported.contains(&"early_stopped_at"));
    let reported = crate::metric::of(one);
    assert!(!reported.contains(&"test_variance") && reported.contains(&"early_stopped_at"));

    for wrong in ["0", "11", "2.5", "\"five\""] {
        assert_complains(&with(wrong), "arms[1].training.networks", "1 to 10");
    }
    assert_complains(
        &with("5").replace("steps = 100", "steps = 300_000"),
        "arms[1].training.networks",
        "5 networks of 300000 steps each make 1500000; a run of several may make 1000000",
    );
    let by_epochs = with("5")
        .replace("\"adding\"", "\"char_lm\"\ndata = \"tiny_shakespeare\"")
        .replace("steps = 100", "epochs = 401")
        .replace("test_mse", "test_nll");
    assert_complains(
        &by_epochs,
        "arms[1].training.networks",
        "5 networks of 401 epochs each make 2005; a run of several may make 2000",
    );
    // Two thousand measurements are of all of them.
    let often = |every: u32| {
        let text = with("5").replace("steps = 100", "steps = 2000");
        text.replace(
            "[[arms]]\nname = \"fixed mask\"",
            &format!("[evaluation]\nevery = {every}\n[[arms]]\nname = \"fixed mask\""),
        )
    };
    assert_eq!(complaints(&often(5)), [""; 0]);
    assert_complains(&often(4), "arms[1].training.networks", "5");
    let fitted = with("5")
        .replace("\"adding\"", "\"copy\"")
        .replace("test_mse", "test_nll")
        + "[evaluation]\ntemperature = \"valid\"\n";
    assert_complains(
        &fitted,
        "arms[1].training.networks",
        "is found for one network",
    );
}
