use super::*;
use crate::seed::TEMPLATES;

fn form(composition: &Composition, changes: &[(&str, &str)], action: &str) -> Posted {
    let mut posted = vec![
        ("form".to_owned(), FORM.to_owned()),
        ("sync".to_owned(), composition.sync()),
        ("toml".to_owned(), composition.toml.replace('\n', "\r\n")),
        ("seeds".to_owned(), composition.fields.seeds.clone()),
    ];
    for list in [listed::SPACE, listed::TUNED] {
        posted.extend(list.posted(&composition.fields.rows(&list)));
    }
    for name in composition.fields.names() {
        if !name.starts_with("arms-") && posted.iter().all(|(there, _)| *there != name) {
            let value = composition.fields.get(&name).to_owned();
            posted.push((name, value));
        }
    }
    for (index, arm) in composition.fields.arms.iter().enumerate() {
        posted.push((format!("arms-{index}-name"), arm.name.clone()));
        posted.extend(arm.posted(&format!("arms-{index}")));
    }
    for (name, value) in changes {
        match posted.iter_mut().find(|(key, _)| key == name) {
            Some(entry) => entry.1 = (*value).to_owned(),
            None => posted.push(((*name).to_owned(), (*value).to_owned())),
        }
    }
    posted.push(("action".to_owned(), action.to_owned()));
    posted.into()
}

fn template() -> Composition {
    Composition::from_toml(TEMPLATES[0].toml, &Board::default())
}

#[test]
fn saving_untouched_keeps_the_text_with_its_comments() {
    let saved = Composition::from_form(&form(&template(), &[], "save"), &Board::default());
    assert_eq!(saved.toml, TEMPLATES[0].toml);
    assert!(saved.spec.is_some());
}

#[test]
fn saving_after_a_field_was_changed_takes_the_field() {
    let saved = Composition::from_form(
        &form(&template(), &[("task-length", "41")], "save"),
        &Board::default(),
    );
    assert_eq!(saved.spec.expect("valid").task.length, 41);
    assert!(saved.toml.contains("length = 41"));
}

#[test]
fn saving_after_the_toml_was_changed_takes_the_toml() {
    let toml = TEMPLATES[0].toml.replace("length = 30", "length = 42");
    let saved = Composition::from_form(
        &form(&template(), &[("toml", &toml)], "save"),
        &Board::default(),
    );
    assert_eq!(saved.spec.expect("valid").task.length, 42);
    assert_eq!(saved.fields.get("task-length"), "42");
}

#[test]
fn a_disagreement_is_asked_about_and_nothing_is_lost() {
    let toml = TEMPLATES[0].toml.replace("length = 30", "length = 42");
    let changes = [("toml", toml.as_str()), ("task-length", "41")];
    let saved = Composition::from_form(&form(&template(), &changes, "save"), &Board::default());
    assert!(saved.conflict);
    assert_eq!(saved.fields.get("task-length"), "41");
    assert!(saved.toml.contains("length = 42"));
}

#[test]
fn mistakes_lead_to_their_field_and_line() {
    let changes = [("arms-1-dropout-state-rate", "2"), ("task-length", "x")];
    let applied = Composition::from_form(&form(&template(), &changes, "apply"), &Board::default());
    let fields: Vec<&str> = applied.problems.iter().map(|p| p.field.as_str()).collect();
    assert!(fields.contains(&"task-length"), "{:?}", applied.problems);
    assert!(
        fields.contains(&"arms-1-dropout-state-rate"),
        "{:?}",
        applied.problems
    );
    assert!(
        applied
            .problems
            .iter()
            .all(|problem| problem.line.is_some())
    );
    assert_eq!(applied.fields.get("task-length"), "x");
}

#[test]
fn mistakes_at_presets_and_further_sites_lead_to_their_field() {
    for (change, value, field) in [
        ("arms-0-dropout-preset", "gal_tide", "arms-0-dropout-preset"),
        (
            "arms-1-dropout-update-rate",
            "2",
            "arms-1-dropout-update-rate",
        ),
        // The template has one layer, so there is no such site.
        (
            "arms-1-dropout-between-rate",
            "0.2",
            "arms-1-dropout-between-time",
        ),
    ] {
        let time = change.replace("-rate", "-time");
        let mut changes = vec![(change, value)];
        if time != change {
            changes.push((&time, "fixed"));
        }
        let applied =
            Composition::from_form(&form(&template(), &changes, "apply"), &Board::default());
        let fields: Vec<&str> = applied.problems.iter().map(|p| p.field.as_str()).collect();
        assert_eq!(fields, [field], "{:?}", applied.problems);
        assert!(applied.problems[0].line.is_some());
    }
}

#[test]
fn a_task_on_a_data_set_is_composed_from_the_fields() {
    let changes = [
        ("task-name", "word_lm"),
        ("task-data", "penn_treebank"),
        ("task-length", "20"),
        ("task-vocabulary", "10,000"),
        ("model-tied_embeddings", "true"),
        ("model-initial_range", "0.1"),
        ("training-steps", ""),
        ("training-epochs", "13"),
        ("training-anneal", "0.5"),
        ("training-anneal_after", "4"),
        ("evaluation-every", ""),
        ("evaluation-sequences", ""),
        ("criterion-metric", "test_perplexity"),
        ("arms-0-dropout-embedding-by", "token"),
        ("arms-0-dropout-embedding-rate", "0.2"),
        ("seeds", "6"),
    ];
    let saved = Composition::from_form(&form(&template(), &changes, "save"), &Board::default());
    let spec = saved.spec.expect("valid");
    assert_eq!(spec.task.data.as_deref(), Some("penn_treebank@1"));
    assert_eq!(spec.model.tied_embeddings, Some(true));
    assert_eq!(spec.training.epochs, Some(13));
    let embedding = spec.arms[0].dropout.embedding.as_ref();
    assert_eq!(
        embedding.and_then(|site| site.by),
        Some(breakmywork_protocol::spec::By::Token)
    );
    assert!(
        saved
            .toml
            .contains("embedding = { rate = 0.2, by = \"token\" }")
    );
}

#[test]
fn mistakes_of_a_task_on_a_data_set_lead_to_their_field() {
    let words = [("task-name", "word_lm"), ("task-data", "penn_treebank")];
    for (change, field) in [
        (("task-data", ""), "task-data"),
        (("task-data", "../x"), "task-data"),
        (("task-vocabulary", "3"), "task-vocabulary"),
        (("task-windows", "odd"), "task-windows"),
        (("model-embedding", "many"), "model-embedding"),
        (
            ("model-tied_embeddings", "perhaps"),
            "model-tied_embeddings",
        ),
        (("model-initial_range", "-1"), "model-initial_range"),
        (("training-epochs", "2"), "training-epochs"),
        (("training-anneal", "0.5"), "training-anneal"),
        (
            ("training-loss_over_time", "max"),
            "training-loss_over_time",
        ),
        (
            ("arms-0-dropout-embedding-by", "place"),
            "arms-0-dropout-embedding-by",
        ),
    ] {
        let mut changes = words.to_vec();
        changes.push(("criterion-metric", "test_perplexity"));
        changes.push(("evaluation-every", ""));
        changes.push(("arms-0-dropout-embedding-rate", "0.2"));
        changes.retain(|(name, _)| *name != change.0);
        changes.push(change);
        if change.0 != "arms-0-dropout-embedding-by" {
            changes.push(("arms-0-dropout-embedding-by", "type"));
        }
        let applied =
            Composition::from_form(&form(&template(), &changes, "apply"), &Board::default());
        let fields: Vec<&str> = applied.problems.iter().map(|p| p.field.as_str()).collect();
        assert_eq!(fields, [field], "{:?}", applied.problems);
    }
    // On numbers there is no such site; its choice is by what is dropped together.
    let changes = [
        ("arms-0-dropout-embedding-by", "type"),
        ("arms-0-dropout-embedding-rate", "0.2"),
    ];
    let applied = Composition::from_form(&form(&template(), &changes, "apply"), &Board::default());
    assert_eq!(applied.problems[0].field, "arms-0-dropout-embedding-by");
}

/// What is typed about a search and about tuning, right and wrong, and where each mistake leads.
#[test]
fn settings_to_search_and_to_tune_are_typed_and_their_mistakes_lead_to_their_field() {
    let board = Board::default();
    let of = |name: &str| {
        let template = TEMPLATES.iter().find(|template| template.name == name);
        Composition::from_toml(template.expect("a template").toml, &board)
    };
    let (searching, tuned) = (of("where-it-fails"), of("each-at-its-best"));
    let long = "9".repeat(5000);
    let many = "1 ".repeat(3_000);
    for (start, changes, field) in [
        (&searching, vec![("search-budget", "")], "search-budget"),
        (&searching, vec![("search-budget", "-1")], "search-budget"),
        (
            &searching,
            vec![("search-budget", long.as_str())],
            "search-budget",
        ),
        (
            &searching,
            vec![("criterion-kind", "difference")],
            "search-budget",
        ),
        (
            &searching,
            vec![("search-space-0-field", "")],
            "search-space-0-field",
        ),
        (
            &searching,
            vec![("search-space-0-field", "<script>alert(1)</script>")],
            "search-space-0-field",
        ),
        (
            &searching,
            vec![("search-space-1-field", "model.hidden")],
            "search-space-2-field",
        ),
        (
            &searching,
            vec![("search-space-1-values", "50, many")],
            "search-space-1-values",
        ),
        (
            &searching,
            vec![("search-space-1-values", many.as_str())],
            "search-space-1-values",
        ),
        (
            &searching,
            vec![("search-space-1-values", "")],
            "search-space-1-values",
        ),
        (
            &searching,
            vec![("search-space-1-from", "3")],
            "search-space-1-values",
        ),
        (
            &searching,
            vec![("search-space-3-to", "1e-9")],
            "search-space-3-to",
        ),
        (
            &searching,
            vec![("search-space-3-scale", "steep")],
            "search-space-3-scale",
        ),
        (
            &searching,
            vec![("search-space-3-levels", "1e9")],
            "search-space-3-levels",
        ),
        (
            &template(),
            vec![("criterion-kind", "search")],
            "search-budget",
        ),
        (
            &template(),
            vec![("tuning-search", "grid")],
            "tuning-fields-0-field",
        ),
        (&tuned, vec![("tuning-search", "")], "tuning-search"),
        (&tuned, vec![("tuning-trials", "40")], "tuning-trials"),
        (&tuned, vec![("tuning-seeds", "0")], "tuning-seeds"),
        (&tuned, vec![("tuning-metric", "test_mse")], "tuning-metric"),
        (
            &tuned,
            vec![("tuning-fields-0-field", "task.length")],
            "tuning-fields-0-field",
        ),
        (
            &tuned,
            vec![("tuning-fields-0-to", "nan")],
            "tuning-fields-0-to",
        ),
        (
            &tuned,
            vec![("tuning-fields-1-field", "training.learning_rate")],
            "tuning-fields-1-field",
        ),
        (
            &tuned,
            vec![("tuning-fields-1-values", "0.1, 7")],
            "tuning-fields-1-values",
        ),
        (
            &tuned,
            vec![("tuning-fields-1-values", "[[[")],
            "tuning-fields-1-values",
        ),
    ] {
        let applied = Composition::from_form(&form(start, &changes, "apply"), &board);
        let fields: Vec<&str> = applied
            .problems
            .iter()
            .map(|it| it.field.as_str())
            .collect();
        assert!(
            fields.contains(&field),
            "{changes:?}: {:?}",
            applied.problems
        );
        assert!(
            !fields.contains(&"toml"),
            "{changes:?}: {:?}",
            applied.problems
        );
    }
    // What is right arrives, and what is taken away is gone.
    let changes = [
        ("search-budget", "200"),
        ("search-space-0-field", ""),
        ("search-space-0-values", ""),
        ("search-space-4-field", "training.clip"),
        ("search-space-4-from", "0,5"),
        ("search-space-4-to", "2"),
        ("search-space-4-levels", "4"),
    ];
    let saved = Composition::from_form(&form(&searching, &changes, "save"), &board);
    let search = saved.spec.expect("valid").search.expect("a search");
    let fields: Vec<&str> = search
        .space
        .iter()
        .map(|axis| axis.field.as_str())
        .collect();
    assert_eq!(
        fields,
        [
            "task.length",
            "model.hidden",
            "training.learning_rate",
            "training.clip"
        ]
    );
    assert_eq!((search.budget, search.space[3].values.len()), (200, 4));
    assert!(
        saved
            .toml
            .contains("\n[[search.space]]\nfield = \"training.clip\"\n")
    );
    let changes = [
        ("tuning-search", "grid"),
        ("tuning-trials", ""),
        ("tuning-fields-0-from", ""),
        ("tuning-fields-0-to", ""),
        ("tuning-fields-0-values", "0.002; 0,005"),
    ];
    let saved = Composition::from_form(&form(&tuned, &changes, "save"), &board);
    assert_eq!(
        saved.spec.expect("valid").tuning.expect("tuned").trials(),
        6
    );
}

#[test]
fn arms_come_and_go() {
    let more = Composition::from_form(&form(&template(), &[], "add-arm"), &Board::default());
    assert_eq!(more.fields.arms.len(), 3);
    let fewer = Composition::from_form(&form(&more, &[], "remove-arm-0"), &Board::default());
    assert_eq!(fewer.fields.arms.len(), 2);
    assert_eq!(fewer.fields.arms[1].name, "arm 3");
}

#[test]
fn toml_that_cannot_be_read_stays_as_typed() {
    let broken = Composition::from_form(
        &form(&template(), &[("toml", "a = [")], "apply"),
        &Board::default(),
    );
    assert_eq!(broken.toml, "a = [");
    assert_eq!(broken.fields.get("task-length"), "30");
    assert!(!broken.problems.is_empty());
}

/// What is too long for one board is not for another.
#[test]
fn what_stands_against_registering_is_told_for_this_board() {
    let long = TEMPLATES[0].toml.replace("hidden = 32", "hidden = 1000");
    let long = long.replace("steps = 1500", "steps = 100000");
    let against = |hours: f64| {
        let board = Board {
            hours,
            ..Board::default()
        };
        let made = Composition::from_toml(&long, &board);
        assert!(made.spec.is_some(), "{:?}", made.problems);
        made.blockers.len()
    };
    assert_eq!((against(24.0), against(1e9)), (1, 0));
}

/// The first template, with an arm that is trained at another rate, in batches of none, and drops with a mask that is shared.
const DIFFERS: &str = "training.learning_rate = 0.5\ntraining.batch = 0\ndropout.input = { rate = 0.1, shared = \"batch\" }\n";

#[test]
fn a_mistake_in_what_an_arm_has_differently_leads_to_its_row() {
    let toml = TEMPLATES[0].toml.replacen(
        "[criterion]",
        &format!("[[arms]]\nname = \"z\"\n{DIFFERS}[criterion]"),
        1,
    );
    let made = Composition::from_toml(&toml, &Board::default());
    let place = made.fields.arms.len() - 1;
    let fields: Vec<&str> = made.problems.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(fields, [format!("arms-{place}-own-1-1")]);
}

#[test]
fn a_form_from_before_loses_nothing_that_it_had_no_fields_for() {
    let toml = TEMPLATES[0].toml.replacen(
        "[criterion]",
        &format!("[[arms]]\nname = \"z\"\n{DIFFERS}[criterion]"),
        1,
    );
    let made = Composition::from_toml(&toml, &Board::default());
    let mut old: Vec<(String, String)> = vec![
        ("sync".into(), made.sync()),
        ("toml".into(), toml.clone()),
        ("task-length".into(), "41".into()),
    ];
    for (place, arm) in made.fields.arms.iter().enumerate() {
        old.push((format!("arms-{place}-name"), arm.name.clone()));
        let before = [
            "-own-", "-shared", "-noise", "-gates", "-carry", "-scaling", "-until",
        ];
        let posted = arm.posted(&format!("arms-{place}")).into_iter();
        old.extend(posted.filter(|(name, _)| !before.iter().any(|part| name.contains(part))));
    }
    old.push(("action".into(), "apply".into()));
    let applied = Composition::from_form(&old.into(), &Board::default()).toml;
    assert!(
        applied.contains("length = 41") && applied.contains("shared = \"batch\""),
        "{applied}"
    );
    assert!(
        applied.contains("training.learning_rate = 0.5"),
        "{applied}"
    );
}
