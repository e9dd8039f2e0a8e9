use super::*;
use crate::seed::TEMPLATES;
use breakmywork_protocol::spec::{self, Format, SiteName};

fn posted(fields: &Fields) -> Posted {
    let mut posted: Vec<(String, String)> = fields.values.clone().into_iter().collect();
    posted.push(("seeds".into(), fields.seeds.clone()));
    for (index, arm) in fields.arms.iter().enumerate() {
        posted.push((format!("arms-{index}-name"), arm.name.clone()));
        posted.extend(arm.posted(&format!("arms-{index}")));
    }
    for list in LISTS {
        posted.extend(list.posted(&fields.rows(&list)));
    }
    posted.into()
}

#[test]
fn untouched_fields_change_nothing() {
    for template in TEMPLATES {
        let document: Table = template.toml.parse().expect("TOML");
        let fields = Fields::from_form(&posted(&Fields::from_toml(&document)));
        let mut applied = document.clone();
        fields.apply(&mut applied);
        assert_eq!(applied, document, "{}", template.name);
    }
}

/// Everything that a task on a data set may say.
const WORDS: &str = r#"
title = "t"
seeds = [1, 2]
[task]
name = "word_lm"
data = "penn_treebank@1"
vocabulary = 10_000
windows = "variable"
[model]
embedding = 200
tied_embeddings = true
initial_range = 1e-1
[training]
epochs = 13
anneal = 0.5
anneal_after = 4
loss_over_time = "sum"
weight_decay = 1e-7
[[arms]]
name = "a"
dropout.embedding = { rate = 0.2, by = "type" }
"#;

#[test]
fn untouched_fields_of_a_task_on_a_data_set_change_nothing() {
    let document: Table = WORDS.parse().expect("TOML");
    let fields = Fields::from_form(&posted(&Fields::from_toml(&document)));
    assert_eq!(fields.get("task-vocabulary"), "10000");
    assert_eq!(fields.get("model-tied_embeddings"), "true");
    assert_eq!(applied(&fields, &document), document);
}

#[test]
fn what_is_typed_arrives_and_the_rest_stays() {
    let mut document: Table =
        "[task]\nname = \"adding\"\nodd = 1\n[[arms]]\nname = \"a\"\ntraining.steps = 5\n"
            .parse()
            .expect("TOML");
    let mut fields = Fields::from_toml(&document);
    fields.values.insert("task-length".into(), "abc".into());
    fields.values.insert("training-clip".into(), "0,5".into());
    fields.seeds = "1-3, 7".into();
    fields.arms[0].sites[1] = SiteFields {
        rate: "0.25".into(),
        when: "fixed".into(),
        ..SiteFields::default()
    };
    fields.apply(&mut document);
    assert_eq!(document["task"]["odd"].as_integer(), Some(1));
    assert_eq!(document["task"]["length"].as_str(), Some("abc"));
    assert_eq!(document["training"]["clip"].as_float(), Some(0.5));
    assert_eq!(document["seeds"].as_array().map(Vec::len), Some(4));
    assert_eq!(
        document["arms"][0]["training"]["steps"].as_integer(),
        Some(5)
    );
    assert_eq!(
        document["arms"][0]["dropout"]["state"]["rate"].as_float(),
        Some(0.25)
    );
    assert_eq!(Fields::from_toml(&document), {
        fields.values.insert("training-clip".into(), "0.5".into());
        fields
    });
}

#[test]
fn seeds_read_as_they_are_shown() {
    let shown = |text| {
        let seeds = seeds_read(text).expect("seeds");
        seeds_shown(&seeds)
    };
    for text in ["8", "1-8", "1, 2", "5-5", "1-3, 7, 9-12"] {
        assert_eq!(shown(text), text);
    }
    for (text, reason) in [
        ("many", "cannot be read at \"many\""),
        ("10-1", "write 1-10"),
        (
            "1-99999999999",
            "names 99\u{202f}999\u{202f}999\u{202f}999 seeds; at most 40",
        ),
        ("0-999 0-999", "names 2000 seeds; at most 40"),
        (
            "0-9223372036854775807 0-9223372036854775807",
            "seeds; at most 40",
        ),
    ] {
        let said = seeds_read(text).expect_err(text);
        assert!(said.contains(reason), "{text}: {said}");
    }
}

#[test]
fn seeds_are_counted_before_they_are_spelled_out() {
    let started = std::time::Instant::now();
    // 43 million seeds in 256 kB.
    assert!(seeds_read(&"0-999 ".repeat(43_000)).is_err());
    assert!(seeds_read(&"7 ".repeat(128_000)).is_err());
    assert!(started.elapsed() < std::time::Duration::from_millis(500));
}

#[test]
fn a_renamed_arm_keeps_its_part_in_the_criterion() {
    let document: Table = TEMPLATES[0].toml.parse().expect("TOML");
    let mut fields = Fields::from_toml(&document);
    let old = std::mem::replace(&mut fields.arms[0].name, "constant".to_owned());
    assert_eq!(fields.get("criterion-treatment"), old);
    fields.follow_renames(&document);
    assert_eq!(fields.get("criterion-treatment"), "constant");
    assert_eq!(fields.get("criterion-control"), fields.arms[1].name);
}

#[test]
fn a_rate_typed_where_nothing_was_dropped_counts_and_a_choice_of_nothing_does_too() {
    let document: Table = TEMPLATES[0].toml.parse().expect("TOML");
    let mut fields = Fields::from_toml(&document);
    fields.arms[0].sites[2].rate = "0.4".to_owned();
    // The state's mask is switched off while its rate still stands there.
    fields.arms[0].sites[1].when = String::new();
    let arms = applied(&fields, &document);
    let dropout = &arms["arms"][0]["dropout"];
    assert_eq!(dropout["output"]["rate"].as_float(), Some(0.4));
    assert!(dropout.get("state").is_none());
}

#[test]
fn more_arms_than_have_fields_stay_in_the_text() {
    let mut toml = String::from("title = \"t\"\n");
    for arm in 0..100 {
        toml.push_str(&format!("[[arms]]\nname = \"{arm}\"\n"));
    }
    let document: Table = toml.parse().expect("TOML");
    let mut fields = Fields::from_toml(&document);
    assert_eq!(fields.arms.len(), MOST_ARMS);
    fields.arms[3].name = "another".to_owned();
    let arms = applied(&fields, &document);
    assert_eq!(arms["arms"].as_array().map(Vec::len), Some(100));
    assert_eq!(arms["arms"][3]["name"].as_str(), Some("another"));
}

fn applied(fields: &Fields, document: &Table) -> Table {
    let mut applied = document.clone();
    fields.apply(&mut applied);
    applied
}

fn arm(dropout: &str) -> Table {
    format!("[[arms]]\nname = \"a\"\n{dropout}\n")
        .parse()
        .expect("TOML")
}

#[test]
fn untouched_dropout_of_any_kind_changes_nothing() {
    for dropout in [
        "",
        "dropout = {}",
        "dropout = 3",
        "dropout.state = 3",
        "dropout.preset = \"gal_untied\"",
        "dropout.preset = 3",
        "dropout.preset = \"zoneout\"\ndropout.zoneout_cell.rate = 0.25",
        "dropout.preset = \"awd\"\ndropout.between = { shared = \"batch\" }",
        "dropout.state.rate = 0.25",
        "dropout.zoneout_state.rate = 0.05",
        "dropout.state = {}",
        "dropout.state = { rate = 0.25, time = \"fixed\", gates = \"untied\", shared = \"batch\" }",
        "dropout.cell = { rate = 0.3, carry = \"unmasked\", scaling = \"inverted\" }",
        "dropout.recurrent_weights = { rate = 0.5, time = \"fixed\" }",
        "dropout.embedding.rate = 0.2",
        "dropout.embedding = { rate = 0.2, by = \"token\", time = \"per_step\", shared = \"batch\" }",
        "dropout.embedding = { rate = 0.2, time = \"per_step\" }",
        "dropout.embedding = { rate = 0.2, by = \"type\", time = \"per_step\" }",
        "dropout = { preset = \"awd\", embedding = { rate = 0.3 } }",
    ] {
        let document = arm(dropout);
        let fields = Fields::from_form(&posted(&Fields::from_toml(&document)));
        assert_eq!(applied(&fields, &document), document, "{dropout}");
    }
}

#[test]
fn a_rate_beside_a_preset_is_kept_and_a_site_without_time_needs_one_otherwise() {
    let document = arm("dropout.preset = \"gal_tied\"");
    let mut fields = Fields::from_toml(&document);
    fields.arms[0].sites[1].rate = "0.1".into();
    let with = applied(&fields, &document);
    let expected = arm("dropout.preset = \"gal_tied\"\ndropout.state.rate = 0.1");
    assert_eq!(with, expected);
    let mut fields = Fields::from_toml(&with);
    assert_eq!(fields.arms[0].sites[1].when, "");
    fields.arms[0].preset.clear();
    let without = applied(&fields, &with);
    assert_eq!(without, arm(""), "no method, and \"nothing\" at the site");
}

#[test]
fn a_cleared_rate_beside_a_preset_leaves_the_finer_settings() {
    let document =
        arm("dropout.preset = \"awd\"\ndropout.input = { rate = 0.1, shared = \"batch\" }");
    let mut fields = Fields::from_toml(&document);
    fields.arms[0].sites[0].rate.clear();
    let expected = arm("dropout.preset = \"awd\"\ndropout.input.shared = \"batch\"");
    assert_eq!(applied(&fields, &document), expected);
}

#[test]
fn every_site_has_fields_and_can_be_set() {
    let mut document = arm("");
    for (index, name) in SITES.into_iter().enumerate() {
        let chosen = match name {
            SiteName::Embedding => "token",
            _ => "per_step",
        };
        let mut fields = Fields::from_toml(&document);
        fields.arms[0].sites[index] = SiteFields {
            rate: "0.5".into(),
            when: chosen.into(),
            ..SiteFields::default()
        };
        document = applied(&fields, &document);
        let site = &document["arms"][0]["dropout"][name.name()];
        assert_eq!(site["rate"].as_float(), Some(0.5));
        assert_eq!(site[when(name)].as_str(), Some(chosen));
        let field = format!("arms-0-dropout-{}-{}", name.name(), when(name));
        assert!(fields.names().contains(&field));
    }
    let names: std::collections::BTreeSet<_> = SITES.into_iter().collect();
    assert_eq!(names.len(), SiteName::ALL.len(), "each site once");
}

#[test]
fn the_embedding_is_read_by_what_or_when_and_written_by_what() {
    let place = SITES
        .iter()
        .position(|site| *site == SiteName::Embedding)
        .expect("a site");
    for (written, shown) in [
        ("rate = 0.2", "type"),
        ("rate = 0.2, by = \"token\"", "token"),
        ("rate = 0.2, time = \"fixed\"", "type"),
        ("rate = 0.2, time = \"per_step\"", "token"),
        ("rate = 0.2, by = \"token\", time = \"per_step\"", "token"),
    ] {
        let document = arm(&format!("dropout.embedding = {{ {written} }}"));
        let mut fields = Fields::from_toml(&document);
        assert_eq!(fields.arms[0].sites[place].when, shown, "{written}");
        fields.arms[0].sites[place].rate = "0.1".into();
        let expected = arm(&format!(
            "dropout.embedding = {{ rate = 0.1, by = \"{shown}\" }}"
        ));
        assert_eq!(applied(&fields, &document), expected, "{written}");
    }
    let method = arm("dropout.preset = \"awd\"\ndropout.embedding.rate = 0.3");
    assert_eq!(Fields::from_toml(&method).arms[0].sites[place].when, "");
}

#[test]
fn numbers_truths_and_texts_are_typed_as_such() {
    let mut fields = Fields::default();
    for (field, typed) in [
        ("task-data", "5"),
        ("task-vocabulary", "10,000"),
        ("task-length", "1,5"),
        ("model-hidden", "1 500"),
        ("model-tied_embeddings", "true"),
        ("model-initial_range", "0,04"),
        ("training-epochs", "13"),
        ("training-anneal", "0.5"),
        ("training-loss_over_time", "sum"),
    ] {
        fields.values.insert(field.into(), typed.into());
    }
    let document = applied(&fields, &Table::new());
    let expected: Table = "[task]\ndata = \"5\"\nvocabulary = 10000\nlength = 1.5\n\
        [model]\nhidden = 1500\ntied_embeddings = true\ninitial_range = 0.04\n\
        [training]\nepochs = 13\nanneal = 0.5\nloss_over_time = \"sum\"\n"
        .parse()
        .expect("TOML");
    assert_eq!(document, expected);
    // What is no truth stays as typed, for the reader to complain of.
    fields
        .values
        .insert("model-tied_embeddings".into(), "perhaps".into());
    let document = applied(&fields, &document);
    assert_eq!(
        document["model"]["tied_embeddings"].as_str(),
        Some("perhaps")
    );
}

/// Conditions are rows; what is no list of pairs stays in the text, where the reader complains of it.
#[test]
fn conditions_are_rows_and_follow_their_arms() {
    let with = |conditions: &str| -> Table {
        format!(
            "[[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\n[criterion]\nkind = \"cells\"\ntreatment = \"a\"\n{conditions}"
        )
        .parse()
        .expect("TOML")
    };
    let document = with("conditions = [[\"a\", \"b\"], [\"b\", \"a\"]]\nat_least = 2");
    let mut fields = Fields::from_toml(&document);
    assert_eq!(fields.get("criterion-at_least"), "2");
    assert_eq!(applied(&fields, &document), document);
    let rows: Vec<[&str; 2]> = fields.conditions().map(|(_, pair)| pair).collect();
    assert_eq!(rows, [["a", "b"], ["b", "a"], ["", ""], ["", ""]]);
    fields.arms[1].name = "c".into();
    fields.follow_renames(&document);
    let renamed = with("conditions = [[\"a\", \"c\"], [\"c\", \"a\"]]");
    assert_eq!(
        applied(&fields, &document)["criterion"]["conditions"],
        renamed["criterion"]["conditions"]
    );
    fields.conditions.clear();
    assert!(
        applied(&fields, &document)["criterion"]
            .get("conditions")
            .is_none()
    );
    for odd in [
        "conditions = 3",
        "conditions = [[\"a\"]]",
        "conditions = [\"a\", \"b\"]",
    ] {
        let document = with(odd);
        let fields = Fields::from_toml(&document);
        assert_eq!(applied(&fields, &document), document);
    }
}

/// Every field that the reader of a specification knows, with the pointer of its table: an unknown one in each table makes it
/// name those that it knows.
fn known(text: &str) -> Vec<(String, String)> {
    let problems = spec::read(text, Format::Toml).expect_err("unknown fields");
    let mut known = Vec::new();
    for problem in problems.0 {
        let Some(table) = problem.pointer.strip_suffix("/zzz") else {
            continue;
        };
        let (_, list) = problem.detail.split_once("Known: ").expect("a list");
        let names = list.trim_end_matches('.').split(", ");
        known.extend(names.map(|name| (table.to_owned(), name.to_owned())));
    }
    known
}

/// A language model of two layers that drops at every site, and says what no table knows.
fn unknown_everywhere() -> String {
    let sites: String = SITES
        .iter()
        .map(|site| format!("dropout.{} = {{ rate = 0.1, zzz = 1 }}\n", site.name()))
        .collect();
    format!(
        "title = \"t\"\nseeds = 8\nzzz = 1\n[task]\nname = \"char_lm\"\ndata = \"d\"\nzzz = 1\n[model]\nlayers = 2\nzzz = 1\n\
         [training]\nsteps = 5\nzzz = 1\n[evaluation]\nzzz = 1\n[[arms]]\nname = \"a\"\nzzz = 1\ndropout.zzz = 1\n{sites}\
         [criterion]\nzzz = 1\n"
    )
}

/// The template of that name, with something that no table knows in each that follows the header.
fn unknown_after(template: &str, headers: &[&str]) -> String {
    let template = TEMPLATES.iter().find(|known| known.name == template);
    let mut text = template.expect("a template").toml.to_owned();
    for header in headers {
        text = text.replacen(header, &format!("{header}\nzzz = 1 #"), 1);
    }
    text
}

/// What is a table of other fields, and not a field.
const TABLES: [&str; 9] = [
    "task",
    "model",
    "training",
    "evaluation",
    "arms",
    "criterion",
    "dropout",
    "search",
    "tuning",
];

/// Fields of sites that have no control: where a site refuses what it is told, or takes one value only, and where another
/// field says the same.
const NOT_OF_A_SITE: [(&str, &[&str]); 10] = [
    ("input", &["by", "carry"]),
    ("state", &["by", "carry"]),
    ("output", &["by", "carry", "gates"]),
    // `by` settles the time.
    ("embedding", &["time", "noise", "gates", "carry"]),
    ("between", &["by", "carry"]),
    (
        "recurrent_weights",
        &["by", "carry", "gates", "noise", "shared"],
    ),
    ("update", &["by", "carry", "gates", "noise"]),
    ("cell", &["by", "gates", "noise"]),
    (
        "zoneout_cell",
        &["by", "carry", "gates", "noise", "scaling"],
    ),
    (
        "zoneout_state",
        &["by", "carry", "gates", "noise", "scaling"],
    ),
];

#[test]
fn every_field_of_a_specification_has_a_control() {
    let all = [
        unknown_everywhere(),
        unknown_after("where-it-fails", &["[search]", "[[search.space]]"]),
        unknown_after("each-at-its-best", &["[tuning]", "[[tuning.fields]]"]),
    ];
    let known: Vec<_> = all.iter().flat_map(|text| known(text)).collect();
    let names: HashSet<String> = all
        .iter()
        .flat_map(|text| Fields::from_toml(&text.parse().expect("TOML")).names())
        .collect();
    let mut tables = std::collections::BTreeSet::new();
    for (table, field) in &known {
        tables.insert(table.as_str());
        let id = format!("{table}/{field}")
            .trim_start_matches('/')
            .replace('/', "-");
        let site = table.strip_prefix("/arms/0/dropout/");
        let exempt = site.and_then(|site| NOT_OF_A_SITE.iter().find(|(name, _)| *name == site));
        if exempt.is_some_and(|(_, fields)| fields.contains(&field.as_str())) {
            assert!(!names.contains(&id), "{id} has a control");
            continue;
        }
        let is_table = TABLES.contains(&field.as_str())
            // The way in which trials are made is a field of its section.
            && !table.starts_with("/tuning")
            || (table == "/arms/0/dropout" && SITES.iter().any(|site| site.name() == field));
        let rows = [id.clone(), format!("{id}-0-0"), format!("{id}-0-field")];
        assert!(
            is_table || rows.iter().any(|id| names.contains(id)),
            "{table}/{field} can be said in TOML alone"
        );
    }
    assert_eq!(tables.len(), 12 + SITES.len(), "{tables:?}");
    // What the base says an arm can say differently.
    let own: Vec<String> = own::settings().collect();
    for (table, field) in &known {
        let section = table.trim_start_matches('/');
        if TABLES[..4].contains(&section) {
            assert!(
                own.contains(&format!("{section}.{field}")),
                "{section}.{field}"
            );
        }
    }
}

#[test]
fn what_an_arm_has_differently_is_rows() {
    let document: Table = "[[arms]]\nname = \"a\"\ntraining.learning_rate = 1e-2\nmodel.cell = \"gru\"\nmodel.odd = 1\n"
        .parse()
        .expect("TOML");
    let mut fields = Fields::from_form(&posted(&Fields::from_toml(&document)));
    assert_eq!(applied(&fields, &document), document);
    let own = |fields: &Fields| fields.arms[0].own.clone();
    let row = |setting: &str, value: &str| [setting.to_owned(), value.to_owned()];
    assert_eq!(
        own(&fields),
        [
            row("model.cell", "gru"),
            row("training.learning_rate", "0.01")
        ]
    );
    fields.arms[0].own = vec![
        row("training.learning_rate", "0,02"),
        row("evaluation.temperature", "valid"),
        row("task.length", ""),
        row("nothing.known", "1"),
    ];
    let changed = applied(&fields, &document);
    let expected: Table =
        "[[arms]]\nname = \"a\"\ntraining.learning_rate = 0.02\nmodel.odd = 1\nevaluation.temperature = \"valid\"\n"
            .parse()
            .expect("TOML");
    assert_eq!(changed, expected);
    // A row that was only begun is not lost, and where a mistake in one is found is known.
    let mut again = Fields::from_toml(&changed);
    again.keep_begun(&fields);
    assert_eq!(own(&again).last(), Some(&row("task.length", "")));
    assert_eq!(again.whole(), Fields::from_toml(&changed));
    assert_eq!(
        again.aliases()["arms-0-evaluation-temperature"],
        "arms-0-own-1-1"
    );
}

/// The document of a search over one field of that kind, or whatever stands in its place.
fn searching(space: &str) -> Table {
    format!("[search]\nbudget = 40\nspace = {space}\n")
        .parse()
        .expect("TOML")
}

#[test]
fn untouched_lists_of_settings_of_any_kind_change_nothing() {
    for space in [
        "[{ field = \"task.length\", values = [20, 50] }]",
        "[{ field = \"training.learning_rate\", from = 1e-3, to = 0.1, scale = \"log\", levels = 5 }]",
        "[{ field = \"model.cell\", values = [\"lstm\", \"gru\"] }, { values = [true] }]",
        // What people would not type so.
        "[{ field = \"a\", values = [\"0.5\", 0.5, \"a b\", \"\", [1], 1979-05-27] }]",
        "[{ field = \"a\", values = [] }]",
        "[{ field = \"a\", values = 3 }]",
        "[{ field = \"a\", values = [nan, inf] }]",
        "[{ field = \"a\", odd = 1 }]",
        "[{ field = 3, from = \"x\" }]",
        // What has no place in rows.
        "[]",
        "[{}]",
        "[1, 2]",
        "3",
    ] {
        let document = searching(space);
        let fields = Fields::from_form(&posted(&Fields::from_toml(&document)));
        let after = applied(&fields, &document);
        assert_eq!(after.to_string(), document.to_string(), "{space}");
    }
    let long = format!("[{}]", "{ field = \"a\" }, ".repeat(1000));
    let document = searching(&long);
    let fields = Fields::from_form(&posted(&Fields::from_toml(&document)));
    assert_eq!(fields.rows(&listed::SPACE).len(), 1, "one to fill");
    assert_eq!(applied(&fields, &document), document);
}

#[test]
fn a_list_of_settings_is_typed_in_rows_and_goes_as_it_came() {
    let mut fields = Fields::default();
    for (field, typed) in [("tuning-search", "grid"), ("tuning-seeds", "2")] {
        fields.values.insert(field.into(), typed.into());
    }
    // A row into which nothing was typed is none.
    let rows = |list: listed::List, rows: &[(usize, usize, &str)]| {
        let mut all = vec![vec![String::new(); list.names(0).len()]; 3];
        for (row, key, typed) in rows {
            all[*row][*key] = (*typed).to_owned();
        }
        list.typed_rows(&list.posted(&all).into())
    };
    fields.lists = [
        rows(
            listed::SPACE,
            &[
                (0, 0, "model.cell"),
                (0, 1, "[\"lstm\", \"gru\"]"),
                (1, 1, "[1] x"),
            ],
        ),
        rows(
            listed::TUNED,
            &[
                (0, 0, "training.learning_rate"),
                (0, 1, "0.001, 3e-3 0.01"),
                (0, 4, "log"),
                (2, 0, "dropout.state.rate"),
                (2, 1, "0,1; 0,25"),
            ],
        ),
    ];
    let document = applied(&fields, &Table::new());
    let expected: Table = "[search]\nspace = [{ field = \"model.cell\", values = [\"lstm\", \"gru\"] }, { values = [\"[1]\", \"x\"] }]\n\
        [tuning]\nsearch = \"grid\"\nseeds = 2\nfields = [{ field = \"training.learning_rate\", values = [0.001, 0.003, 0.01], \
        scale = \"log\" }, { field = \"dropout.state.rate\", values = [0.1, 0.25] }]\n"
        .parse()
        .expect("TOML");
    assert_eq!(document, expected);
    let again = Fields::from_toml(&document);
    assert_eq!(again.rows(&listed::SPACE)[0][1], "lstm, gru");
    assert_eq!(again.rows(&listed::TUNED).len(), 3, "two and one to fill");
    // Emptied, the sections are gone: what is left of them would still ask for something.
    let mut emptied = again;
    emptied.lists = [Some(Vec::new()), Some(Vec::new())];
    for typed in emptied.values.values_mut() {
        typed.clear();
    }
    assert_eq!(applied(&emptied, &document), Table::new());
    // A form that had no such rows says nothing about them.
    emptied.lists = [None, None];
    let kept = applied(&emptied, &document);
    assert_eq!(kept["search"], expected["search"]);
    assert_eq!(kept["tuning"]["fields"], expected["tuning"]["fields"]);
}

#[test]
fn finer_settings_of_a_site_are_typed_and_those_that_it_does_not_have_stay() {
    let document = arm("dropout.state = { rate = 0.25, time = \"fixed\", carry = \"masked\" }");
    let mut fields = Fields::from_toml(&document);
    let state = &mut fields.arms[0].sites[1];
    for (place, typed) in [(2, "untied"), (3, "unmasked"), (5, "0,5")] {
        state.finer[place] = typed.to_owned();
    }
    let expected = arm(
        "dropout.state = { rate = 0.25, time = \"fixed\", carry = \"masked\", gates = \"untied\", until = 0.5 }",
    );
    assert_eq!(applied(&fields, &document), expected);
    let untied = "arms-0-dropout-state-gates".to_owned();
    assert!(fields.names().contains(&untied));
    assert!(!Fields::from_toml(&arm("")).names().contains(&untied));
}
