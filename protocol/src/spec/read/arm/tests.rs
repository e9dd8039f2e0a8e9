use crate::spec::{Format, Problem, Spec, read, read_value};

fn spec(sections: &str, arm: &str) -> Result<Spec, Vec<String>> {
    let text = format!(
        "title = \"t\"\nseeds = [1]\n{sections}\n[[arms]]\nname = \"base\"\n[[arms]]\nname = \"other\"\n{arm}\n"
    );
    read(&text, Format::Toml).map_err(|problems| {
        problems
            .0
            .iter()
            .map(Problem::to_string)
            .collect::<Vec<_>>()
    })
}

fn task(name: &str) -> String {
    let data = match name {
        "adding" | "copy" => "",
        "char_lm" | "word_lm" => "data = \"mine\"\n",
        _ => "data = \"digits\"\n",
    };
    format!("[task]\nname = \"{name}\"\n{data}")
}

/// What two fields make together is wrong whether both stand in the base or one in an arm, and there it is said at
/// the arm's field.
#[test]
fn what_an_override_makes_of_the_base_is_checked_at_the_override() {
    let steps = "[training]\nsteps = 60\n";
    for (sections, arm, path, words) in [
        (
            format!(
                "{}[model]\nnormalization = \"layer\"\n{steps}",
                task("adding")
            ),
            "model.cell = \"gru\"",
            "arms[1].model.cell: ",
            "model.normalization is defined for the lstm",
        ),
        (
            format!("{}{steps}batch = 1\n", task("adding")),
            "model.normalization = \"batch\"",
            "arms[1].model.normalization: ",
            "training.batch must be at least 2",
        ),
        (
            format!(
                "{}[model]\nnormalization = \"batch\"\n{steps}",
                task("adding")
            ),
            "training.batch = 1",
            "arms[1].training.batch: ",
            "must be at least 2",
        ),
        (
            format!("{}length = 50\n{steps}", task("adding")),
            "task = { name = \"sequential_mnist\", data = \"digits\" }",
            "arms[1].task.name: ",
            "task.length must divide the 784 pixels",
        ),
        (
            format!(
                "{}[model]\nhidden = 16\nembedding = 16\ntied_embeddings = true\n{steps}",
                task("char_lm")
            ),
            "model.hidden = 32",
            "arms[1].model.hidden: ",
            "model.tied_embeddings: the output can share",
        ),
        (
            format!("{}{steps}[evaluation]\nevery = 50\n", task("adding")),
            "training.steps = 40",
            "arms[1].training.steps: ",
            "evaluation.every must be a whole number from 1 to 40, not 50",
        ),
        (
            format!("{}{steps}[evaluation]\nevery = 10\n", task("adding")),
            "training.steps = 40000",
            "arms[1].training.steps: ",
            "evaluation.every must be a whole number from 20",
        ),
        (
            format!("{}{steps}", task("adding")),
            "task.name = \"char_lm\"",
            "arms[1].task.name: ",
            "task.data is missing",
        ),
        (
            format!("{}[training]\nepochs = 2\n", task("char_lm")),
            "task.name = \"adding\"",
            "arms[1].task.name: ",
            "training.epochs: generated sequences have no end",
        ),
        (
            format!("{}[training]\nepochs = 9\nanneal = 0.5\n", task("char_lm")),
            "training.steps = 5",
            "arms[1].training.steps: ",
            "training.anneal is only for training by epochs",
        ),
        (
            format!("{}{steps}", task("char_lm")),
            "task.data = \"mnist\"",
            "arms[1].task.data: ",
            "holds pictures",
        ),
        (
            format!(
                "{}data = \"tiny_shakespeare\"\n{steps}",
                "[task]\nname = \"char_lm\"\n"
            ),
            "task.name = \"music\"",
            "arms[1].task.name: ",
            "task.data: tiny_shakespeare holds text",
        ),
        (
            format!("{}{steps}", task("adding")),
            "model.cell = \"rnn\"\ndropout.state = { rate = 0.1, gates = \"untied\" }",
            "arms[1].dropout.state.gates: ",
            "nothing to untie",
        ),
        (
            format!("{}[model]\nlayers = 2\n{steps}", task("adding")),
            "model.layers = 1\ndropout.between = { rate = 0.1 }",
            "arms[1].dropout.between: ",
            "lies between layers",
        ),
        (
            format!("{}{steps}", task("char_lm")),
            "task = { name = \"adding\" }\ndropout.embedding = { rate = 0.1 }",
            "arms[1].dropout.embedding: ",
            "needs characters or words",
        ),
    ] {
        let found = spec(&sections, arm).expect_err(arm);
        assert!(
            found.len() == 1 && found[0].starts_with(path) && found[0].contains(words),
            "{arm}: {found:#?}"
        );
    }
}

#[test]
fn what_is_wrong_in_the_base_is_said_there_and_once() {
    let tied =
        "[model]\nhidden = 8\nembedding = 4\ntied_embeddings = true\n[training]\nsteps = 60\n";
    let sections = format!("{}{tied}", task("char_lm"));
    let found = spec(&sections, "training.learning_rate = 0.1").expect_err("wrong");
    assert!(
        found.len() == 1 && found[0].starts_with("model.tied_embeddings"),
        "{found:#?}"
    );
    // An arm that makes it wrong in another way is told so, too.
    let found = spec(&sections, "model.hidden = 16").expect_err("wrong twice");
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[1].starts_with("arms[1].model.hidden"), "{found:#?}");
}

/// The frozen form has the base's defaults written out; its arms must still be what they were when it was read.
#[test]
fn defaults_of_an_arm_survive_freezing() {
    for (sections, arm) in [
        (
            "[task]\nname = \"adding\"\n[training]\nsteps = 1000\n",
            "training.steps = 20",
        ),
        (
            "[task]\nname = \"adding\"\n[training]\nsteps = 1000\n",
            "task = { name = \"char_lm\", data = \"mine\" }",
        ),
        (
            "[task]\nname = \"char_lm\"\ndata = \"mine\"\n[training]\nsteps = 1000\n",
            "task.name = \"adding\"",
        ),
        (
            "[task]\nname = \"char_lm\"\ndata = \"mine\"\n[training]\nsteps = 1000\n",
            "model.hidden = 64\ntraining.batch = 7",
        ),
        (
            "[task]\nname = \"char_lm\"\ndata = \"mine\"\n[training]\nsteps = 1000\n",
            "training.epochs = 2",
        ),
        (
            "[task]\nname = \"char_lm\"\ndata = \"mine\"\n[training]\nepochs = 2\n",
            "training.steps = 70",
        ),
    ] {
        let spec = spec(sections, arm).expect(arm);
        let frozen = Spec::from_stored(&spec.to_json()).expect("stored");
        assert_eq!(frozen, spec, "{arm}");
        assert_eq!(read_value(&spec.to_json()).expect("sent again"), spec);
        assert_eq!(read(&spec.to_toml(), Format::Toml).expect("its TOML"), spec);
    }
    let by_steps = "[task]\nname = \"adding\"\n[training]\nsteps = 1000\n";
    let char_lm = spec(by_steps, "task = { name = \"char_lm\", data = \"mine\" }").expect("good");
    let task = &char_lm.arms[1].setup.task;
    assert_eq!(task.length, 100, "the usual length of its own task");
    let epochs = "[task]\nname = \"char_lm\"\ndata = \"mine\"\n[training]\nepochs = 2\n";
    let by_steps = spec(epochs, "training.steps = 70").expect("good");
    let training = &by_steps.arms[1].setup.training;
    assert_eq!((training.steps, training.epochs), (Some(70), None));
}

#[test]
fn null_in_an_arm_says_nothing() {
    let text =
        "[task]\nname = \"char_lm\"\ndata = \"mine\"\n[training]\nepochs = 9\nanneal = 0.5\n";
    let mut value = spec(text, "").expect("good").to_json();
    value["arms"][1]["training"] = serde_json::json!({ "anneal": null });
    let spec = read_value(&value).expect("good");
    assert_eq!(spec.arms[1].setup, spec.arms[0].setup);
    assert_eq!(Spec::from_stored(&spec.to_json()).expect("stored"), spec);
}
