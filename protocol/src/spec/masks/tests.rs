use super::super::presets::PRESETS;
use super::super::types::Cell;
use super::super::{Format, Spec, read};
use super::*;

fn spec(cell: &str, layers: u32, dropout: &str) -> Result<Spec, String> {
    spec_on(r#"name = "adding""#, cell, layers, dropout)
}

fn spec_on(task: &str, cell: &str, layers: u32, dropout: &str) -> Result<Spec, String> {
    let text = format!(
        "title = \"t\"\nseeds = [1]\n[task]\n{task}\n[model]\ncell = \"{cell}\"\nlayers = {layers}\n\
         [training]\nsteps = 10\n[[arms]]\nname = \"a\"\ndropout = {{ {dropout} }}\n"
    );
    read(&text, Format::Toml).map_err(|problems| problems.to_string())
}

fn refused(cell: &str, layers: u32, dropout: &str, words: &str) {
    let error = spec(cell, layers, dropout).expect_err(dropout);
    assert!(error.contains(words), "{dropout}: {error}");
}

#[test]
fn every_preset_expands_for_every_cell_and_reads_the_same_when_written_out() {
    for preset in PRESETS {
        for task in ["name = \"adding\"", "name = \"word_lm\"\ndata = \"a\""] {
            for cell in ["rnn", "gru", "lstm"] {
                for layers in [1, 2] {
                    expands(preset, task, cell, layers);
                }
            }
        }
    }
}

fn expands(preset: &presets::Preset, task: &str, cell: &str, layers: u32) {
    let text = format!("preset = \"{}\"", preset.name);
    let first_site_missing = cell != "lstm" && preset.name.starts_with("moon");
    if first_site_missing {
        refused(cell, layers, &text, "needs a cell state");
        return;
    }
    let spec = spec_on(task, cell, layers, &text).expect(preset.name);
    let written = spec.to_toml();
    assert!(!written.contains("preset"), "{written}");
    assert_eq!(read(&written, Format::Toml).expect("its own TOML"), spec);
    let dropout = &spec.arms[0].dropout;
    let named = dropout.preset(&spec.model).expect("it is one");
    assert!(
        named == preset || named.sites.len() <= preset.sites.len(),
        "{} for {}",
        named.name,
        preset.name
    );
    let words = task.contains("word_lm");
    let mut expected = preset.sites.to_vec();
    expected.retain(|(name, _)| words || *name != SiteName::Embedding);
    let has = dropout.sites().count();
    assert!(
        has == expected.len() || cell != "lstm" || layers == 1,
        "{has} of {}",
        expected.len()
    );
}

#[test]
fn embeddings_are_dropped_by_type_or_by_token_and_that_says_when() {
    let words = r#"name = "word_lm", data = "a""#.replace(", ", "\n");
    let site = |fields: &str| {
        let spec = spec_on(&words, "lstm", 1, &format!("embedding = {{ {fields} }}"));
        spec.map(|spec| spec.arms[0].dropout.embedding.clone().expect("given"))
    };
    let by_type = site("rate = 0.1").expect("good");
    assert_eq!(
        (by_type.by, by_type.time),
        (Some(By::Type), MaskTime::Fixed)
    );
    let by_token = site(r#"rate = 0.1, by = "token""#).expect("good");
    assert_eq!(by_token.time, MaskTime::PerStep);
    let both = site(r#"rate = 0.1, by = "token", time = "fixed""#).expect_err("contradiction");
    assert!(both.contains("follows from by"), "{both}");
    refused(
        "lstm",
        1,
        "embedding.rate = 0.1",
        "needs characters or words",
    );
    refused(
        "lstm",
        1,
        r#"state = { rate = 0.1, by = "type" }"#,
        "only for the site embedding",
    );
}

#[test]
fn a_preset_takes_rates_of_its_own_and_further_sites() {
    let text = r#"preset = "gal_tied", input.rate = 0.35, state.rate = 0.1, update.rate = 0.4"#;
    let spec = spec("lstm", 2, text).expect("good");
    let dropout = &spec.arms[0].dropout;
    assert_eq!(dropout.state.as_ref().map(|site| site.rate), Some(0.1));
    assert_eq!(
        dropout.state.as_ref().map(|site| site.time),
        Some(MaskTime::Fixed)
    );
    assert_eq!(dropout.update.as_ref().map(|site| site.rate), Some(0.4));
    assert_eq!(dropout.preset(&spec.model), None, "it is gal_tied no more");
}

#[test]
fn what_makes_no_sense_is_refused_with_the_reason() {
    refused(
        "gru",
        1,
        "cell.rate = 0.1",
        "dropout.cell: needs a cell state",
    );
    refused("rnn", 1, "zoneout_cell.rate = 0.1", "needs a cell state");
    refused("lstm", 1, "between.rate = 0.1", "has one layer");
    refused(
        "rnn",
        1,
        r#"state = { rate = 0.1, gates = "untied" }"#,
        "nothing to untie",
    );
    refused(
        "lstm",
        1,
        r#"output = { rate = 0.1, gates = "tied" }"#,
        "does not feed the gates",
    );
    refused(
        "lstm",
        1,
        r#"update = { rate = 0.1, noise = "moments" }"#,
        "enters a product",
    );
    refused(
        "lstm",
        1,
        r#"state = { rate = 0.1, carry = "masked" }"#,
        "only the site cell",
    );
    refused(
        "lstm",
        1,
        r#"zoneout_state = { rate = 0.1, scaling = "inverted" }"#,
        "scales none",
    );
    refused(
        "lstm",
        1,
        r#"recurrent_weights = { rate = 0.1, shared = "none" }"#,
        "shares its mask",
    );
    refused("lstm", 1, r#"state = { rate = 1 }"#, "below 1");
    refused(
        "lstm",
        1,
        r#"preset = "gal_tide""#,
        "Did you mean `gal_tied`?",
    );
    refused("lstm", 1, "sate.rate = 0.1", "Did you mean `state`?");
}

#[test]
fn defaults_depend_on_the_site() {
    let text =
        "cell.rate = 0.1, zoneout_state.rate = 0.1, state.rate = 0.1, recurrent_weights.rate = 0.1";
    let dropout = spec("lstm", 1, text).expect("good").arms[0].dropout.clone();
    let site = |name| dropout.site(name).expect("given").clone();
    assert!(site(SiteName::Cell).published() && !site(SiteName::State).published());
    assert_eq!(site(SiteName::ZoneoutState).time, MaskTime::PerStep);
    assert!(site(SiteName::RecurrentWeights).shared());
    assert_eq!(site(SiteName::State).gates, Some(Gates::Tied));
    let rnn = spec("rnn", 1, "state.rate = 0.1").expect("good");
    assert_eq!(rnn.model.cell, Cell::Rnn);
    assert_eq!(
        rnn.arms[0].dropout.state.as_ref().and_then(|s| s.gates),
        None
    );
}

#[test]
fn a_site_drops_in_the_first_share_of_the_steps() {
    let spec = spec(
        "lstm",
        1,
        "state = { rate = 0.3, until = 0.1 }, output = { rate = 0.2 }",
    )
    .expect("good");
    let dropout = &spec.arms[0].dropout;
    let rates = |step, steps| {
        let now = dropout.at(step, steps);
        now.sites().map(|(_, site)| site.rate).collect::<Vec<_>>()
    };
    for (step, steps, state) in [
        (0, 30, 0.3),
        (2, 30, 0.3),
        (3, 30, 0.0),
        (29, 30, 0.0),
        (0, 3, 0.3),
        (1, 3, 0.0),
    ] {
        assert_eq!(rates(step, steps), [state, 0.2], "{step} of {steps}");
    }
    assert_eq!(
        read(&spec.to_toml(), Format::Toml).expect("its own TOML"),
        spec
    );
    assert!(
        spec.canonical().contains(r#""until":0.1"#)
            && spec.canonical().matches("until").count() == 1
    );
    refused(
        "lstm",
        1,
        "state = { rate = 0.3, until = 0 }",
        "from 0.001 to 1, not 0",
    );
    refused(
        "lstm",
        1,
        "state = { rate = 0.3, until = 1.5 }",
        "from 0.001 to 1",
    );
    // Part of the time is another method.
    let part = spec_on(
        r#"name = "adding""#,
        "lstm",
        1,
        "preset = \"semeniuta\", update.until = 0.5",
    )
    .expect("good");
    assert_eq!(part.arms[0].dropout.preset(&part.model), None);
}
