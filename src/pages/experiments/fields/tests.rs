use super::*;
use crate::seed::TEMPLATES;

fn posted(fields: &Fields) -> Vec<(String, String)> {
    let mut posted: Vec<(String, String)> = fields.values.clone().into_iter().collect();
    posted.push(("seeds".into(), fields.seeds.clone()));
    for (index, arm) in fields.arms.iter().enumerate() {
        posted.push((format!("arms-{index}-name"), arm.name.clone()));
        posted.extend(arm.posted(&format!("arms-{index}")));
    }
    posted
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
        time: "fixed".into(),
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
    for text in ["1-8", "1, 2", "5", "1-3, 7, 9-12"] {
        assert_eq!(seeds_shown(&seeds_read(text)), text);
    }
    assert_eq!(seeds_read("many").as_str(), Some("many"));
    assert_eq!(seeds_read("1-99999999999").as_str(), Some("1-99999999999"));
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
    assert_eq!(fields.arms[0].sites[1].time, "");
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
        let mut fields = Fields::from_toml(&document);
        fields.arms[0].sites[index] = SiteFields {
            rate: "0.5".into(),
            time: "per_step".into(),
        };
        document = applied(&fields, &document);
        let site = &document["arms"][0]["dropout"][name.name()];
        assert_eq!(site["rate"].as_float(), Some(0.5));
        assert_eq!(site["time"].as_str(), Some("per_step"));
        assert!(fields.has(&format!("arms-0-dropout-{}-time", name.name())));
    }
    let names: std::collections::BTreeSet<_> = SITES.into_iter().collect();
    assert_eq!(names.len(), SiteName::ALL.len(), "each site once");
}
