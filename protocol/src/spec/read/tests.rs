use super::*;

const GOOD: &str = r#"
title = "Does a fixed state mask beat a fresh one?"
seeds = [1, 2, 3, 4, 5, 6]
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
        .replace("seeds = [1, 2, 3, 4, 5, 6]", "seeds = [1, 1, -2]")
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
    assert_complains(
        &GOOD.replace("[1, 2, 3, 4, 5, 6]", "[]"),
        "seeds",
        "at least one",
    );
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
        ("[1, 2, 3, 4, 5, 6]", "[1.5, 2]", "seeds[0]", "whole number"),
    ] {
        assert_complains(&GOOD.replace(from, to), path, words);
    }
    let whole = GOOD.replace("[1, 2, 3, 4, 5, 6]", "[1.0, 2.0, 3, 4, 5, 6]");
    let spec = read(&whole, Format::Toml).expect("1.0 is the whole number 1");
    assert_eq!(spec.seeds, [1, 2, 3, 4, 5, 6]);
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
    let text = GOOD.replace("[1, 2, 3, 4, 5, 6]", "[1, 2, 3]");
    let (text, _) = text.split_once("[criterion]").expect("has one");
    let spec = read(text, Format::Toml).expect("fine to train locally");
    let problems = spec.registrable().expect_err("too small");
    let pointers: Vec<&str> = problems.0.iter().map(|p| p.pointer.as_str()).collect();
    assert_eq!(pointers, ["/seeds", "/criterion"]);
}

#[test]
fn measurements_of_all_runs_are_bounded_at_registration() {
    let seeds: Vec<String> = (1..=40).map(|seed| seed.to_string()).collect();
    let text = GOOD.replace("[1, 2, 3, 4, 5, 6]", &format!("[{}]", seeds.join(", ")));
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
