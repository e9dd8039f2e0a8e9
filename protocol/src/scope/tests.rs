use super::*;
use crate::spec::{Format, read};

mod narrow;

fn spec(task: &str, model: &str, criterion: &str) -> Spec {
    let text = format!(
        "title = \"t\"\nseeds = 8\n[task]\n{task}\n[model]\n{model}\n[training]\nsteps = 10\n\
         [[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\ndropout.state = {{ rate = 0.2, time = \"fixed\" }}\n\
         [criterion]\nkind = \"difference\"\ntreatment = \"b\"\ncontrol = \"a\"\n{criterion}"
    );
    read(&text, Format::Toml).expect("good")
}

/// A claim on a state mask against none.
fn scope(more: serde_json::Value) -> Scope {
    let mut value = serde_json::json!({ "arms": {
        "treatment": { "dropout.state.time": "fixed", "dropout.state.rate": { "least": 0.1, "most": 0.5 } },
        "control": { "dropout.state": "absent" }
    } });
    let table = value.as_object_mut().expect("a table");
    table.extend(more.as_object().expect("a table").clone());
    serde_json::from_value(value).expect("a scope")
}

const RELATIVE: &str = "metric = \"test_mse\"\nscale = \"log\"\nmargin = 0.02";

#[test]
fn a_claim_without_scope_has_the_usual_margins() {
    let scope = scope(serde_json::json!({}));
    let inside = |criterion: &str| scope.outside(&spec("name = \"copy\"", "", criterion));
    assert!(inside("metric = \"test_nll\"\nmargin = 0.01").is_empty());
    assert!(inside("metric = \"test_accuracy\"\nmargin = 0.01").is_empty());
    // What is no error on the test counts only where the claim names it.
    let rank = "metric = \"uncertainty_error_rank\"\nmargin = 0.02";
    let sampled = |criterion: &str| {
        let task = "name = \"copy\"\n[evaluation]\nsamples = 5";
        spec(task, "", criterion)
    };
    let said = scope.outside(&sampled(rank));
    assert!(
        said[0].contains("not about uncertainty_error_rank"),
        "{said:?}"
    );
    let names = serde_json::json!({ "metrics": ["uncertainty_error_rank", "test_variance"] });
    let named = self::scope(names);
    assert!(named.outside(&sampled(rank)).is_empty());
    // No logarithm of it would mean anything.
    let said = named.outside(&sampled("metric = \"test_variance\"\nmargin = 0.02"));
    assert!(
        said[0].ends_with("difference of test_variance counts."),
        "{said:?}"
    );
    // Twice the effect is not what the claim says, nor is half of it.
    for margin in ["0.02", "0.005"] {
        let said = inside(&format!("metric = \"test_nll\"\nmargin = {margin}"));
        assert!(
            said[0].contains("smallest effect of interest is 0.01"),
            "{said:?}"
        );
    }
    // What was measured while training says nothing about the test.
    let said = inside("metric = \"train_nll\"\nmargin = 0.01");
    assert!(said[0].contains("not about train_nll"), "{said:?}");
}

#[test]
fn squared_errors_have_a_margin_on_the_logarithmic_scale_alone() {
    let scope = scope(serde_json::json!({}));
    let of = |criterion: &str| scope.outside(&spec("name = \"adding\"", "", criterion));
    assert!(of(RELATIVE).is_empty());
    let said = of("metric = \"test_mse\"\nmargin = 0.02");
    assert!(said[0].contains("on scale = \"log\" it does"), "{said:?}");
}

#[test]
fn what_lies_outside_is_named() {
    let scope = scope(serde_json::json!({
        "tasks": ["word_lm", "char_lm"], "cells": ["lstm"], "hidden": { "least": 100 },
        "length": { "least": 20, "most": 100 }, "data": ["penn_treebank"]
    }));
    let said = scope.outside(&spec(
        "name = \"adding\"\nlength = 10",
        "cell = \"gru\"\nhidden = 32",
        RELATIVE,
    ));
    let words = [
        "the tasks word-level language modelling, character-level language modelling, not about the adding problem",
        "the cells lstm, not about gru",
        "penn_treebank, not about generated sequences",
        "at least 100 units a layer, not about 32",
        "20 to 100 time steps, not about 10",
    ];
    assert_eq!(said.len(), words.len(), "{said:?}");
    for (said, words) in said.iter().zip(words) {
        assert!(said.contains(words), "{said}");
    }
}

/// An arm that overrides its task, cell or size is judged by what it trains.
#[test]
fn overrides_of_the_arms_count() {
    let scope = scope(serde_json::json!({ "hidden": { "least": 30 } }));
    let text = "title = \"t\"\nseeds = 8\n[task]\nname = \"adding\"\n[model]\nhidden = 32\n[training]\nsteps = 10\n\
                [[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\nmodel.hidden = 2\ndropout.state.rate = 0.2\n\
                [criterion]\nkind = \"difference\"\ntreatment = \"b\"\ncontrol = \"a\"\nmetric = \"test_mse\"\n\
                scale = \"log\"\nmargin = 0.02";
    let spec = read(text, Format::Toml).expect("good");
    let said = scope.outside(&spec);
    assert!(said[0].contains("not about 2"), "{said:?}");
    assert!(said[1].contains("in model.hidden"), "{said:?}");
    assert_eq!(said.len(), 2, "{said:?}");
}

/// A prediction turned round, an arm spoilt beside the point, and a rate at which anything drowns.
#[test]
fn arms_that_the_claim_does_not_compare_are_found() {
    let scope = scope(serde_json::json!({}));
    let good = spec("name = \"adding\"", "", RELATIVE);
    assert_eq!(scope.outside(&good), Vec::<String>::new());
    let mut turned = good.clone();
    let criterion = turned.criterion.as_mut().expect("one");
    std::mem::swap(&mut criterion.treatment, &mut criterion.control);
    let said = scope.outside(&turned).concat();
    assert!(
        said.contains("treatment dropout.state.time is fixed; here it is absent"),
        "{said}"
    );
    assert!(said.contains("control dropout.state is absent"), "{said}");
    let mut alike = good.clone();
    alike.criterion.as_mut().expect("one").kind = CriterionKind::Equivalence;
    assert!(scope.outside(&alike)[0].contains("not that both are alike"));
    for (arm, field, value) in [
        (1, "training", serde_json::json!({ "learning_rate": 1e-8 })),
        (0, "training", serde_json::json!({ "weight_decay": 0.5 })),
        (1, "model", serde_json::json!({ "hidden": 4 })),
        (1, "evaluation", serde_json::json!({ "samples": 3 })),
        (
            0,
            "dropout",
            serde_json::json!({ "output": { "rate": 0.9 } }),
        ),
        (
            1,
            "dropout",
            serde_json::json!({ "state": { "rate": 0.99, "time": "fixed" } }),
        ),
        (
            1,
            "dropout",
            serde_json::json!({ "state": { "rate": 0.2, "time": "per_step" } }),
        ),
    ] {
        let mut spoilt = good.to_json();
        spoilt["arms"][arm][field] = value.clone();
        let spoilt = Spec::from_stored(&spoilt).expect("readable");
        assert!(!scope.outside(&spoilt).is_empty(), "{arm} {field} {value}");
    }
    // A site that drops nothing is none.
    let mut idle = good.to_json();
    idle["arms"][0]["dropout"] = serde_json::json!({ "state": { "rate": 0.0, "time": "fixed" } });
    let idle = Spec::from_stored(&idle).expect("readable");
    assert_eq!(scope.outside(&idle), Vec::<String>::new());
    // Nobody has said what is to be compared.
    assert!(Scope::default().outside(&good)[0].contains("does not say which arms"));
}

/// Settings at which no two arms can differ, in both of them.
#[test]
fn what_hides_an_effect_in_both_arms_does_not_bear_on_a_claim() {
    let state = scope(serde_json::json!({}));
    let said = |evaluation: &str| {
        let task = format!("name = \"adding\"\n[evaluation]\n{evaluation}");
        state.outside(&spec(&task, "", RELATIVE))
    };
    for usual in [
        "sequences = 200",
        "length = 50",
        "shift = 0.0",
        "samples = 5",
    ] {
        assert_eq!(said(usual), Vec::<String>::new(), "{usual}");
    }
    for (unusual, words) in [
        ("sequences = 199", "A test on 199 sequences measures luck"),
        ("shift = 0.5", "shifted by 0.5: leave evaluation.shift out"),
        ("length = 400", "on 400 time steps after training on 50"),
    ] {
        let [reason] = said(unusual).try_into().expect("one reason");
        assert!(reason.contains(words), "{reason}");
    }

    let nats = "metric = \"test_nll\"\nmargin = 0.01";
    let at = |temperature: &str| {
        let task = format!("name = \"copy\"\n[evaluation]\ntemperature = {temperature}");
        state.outside(&spec(&task, "", nats))
    };
    assert_eq!(at("1.0"), Vec::<String>::new());
    assert_eq!(at("\"valid\""), Vec::<String>::new());
    let [hot] = at("20.0").try_into().expect("one reason");
    assert!(hot.contains("a softmax at temperature 20"), "{hot}");

    // A text is read in streams, of which few are usual and each of many has nothing to remember.
    let streams = |count: u32| {
        let task = format!(
            "name = \"char_lm\"\ndata = \"tiny_shakespeare\"\n[evaluation]\nsequences = {count}"
        );
        state.outside(&spec(&task, "", nats))
    };
    assert_eq!(streams(1), Vec::<String>::new());
    assert!(streams(10_000)[0].contains("Cut into 10000 streams"));
    let words = |count: u32| {
        let task = format!("name = \"word_lm\"\ndata = \"penn_treebank\"\nvocabulary = {count}");
        state.outside(&spec(&task, "", nats))
    };
    assert_eq!(words(1_000), Vec::<String>::new());
    assert!(words(10)[0].contains("A language model of 10 words"));
}

/// One step of dropout is no dropout; of a site that does nothing, or is named by the claim, that is another matter.
#[test]
fn dropout_that_ends_early_bears_on_claims_that_name_its_end() {
    let until = |scope: &Scope, site: serde_json::Value| {
        let mut spec = spec("name = \"adding\"", "", RELATIVE).to_json();
        for arm in [0, 1] {
            spec["arms"][arm]["dropout"]["input"] = site.clone();
        }
        scope.outside(&Spec::from_stored(&spec).expect("readable"))
    };
    let site = |rate: f64, until: f64| serde_json::json!({ "rate": rate, "time": "fixed", "until": until });
    let state = scope(serde_json::json!({}));
    assert_eq!(until(&state, site(0.2, 1.0)), Vec::<String>::new());
    assert_eq!(until(&state, site(0.0, 0.1)), Vec::<String>::new());
    let [reason] = until(&state, site(0.2, 0.0025))
        .try_into()
        .expect("one reason");
    assert!(
        reason.contains("dropout.input ends after the share 0.0025 of them"),
        "{reason}"
    );
    let mut named = state.clone();
    let early = serde_json::json!({ "least": 0.001, "most": 0.2 });
    let wanted = |value| serde_json::from_value(value).expect("wanted");
    (named.arms.treatment).insert("dropout.input.until".into(), wanted(early));
    assert_eq!(until(&named, site(0.2, 0.0025)), Vec::<String>::new());
    // That the site may be anything says nothing of a share of the steps.
    let mut any = state;
    let anything = wanted(serde_json::json!("any"));
    any.arms.treatment.insert("dropout.input".into(), anything);
    assert_eq!(until(&any, site(0.2, 0.0025)).len(), 1);
}

#[test]
fn a_scope_is_stored_as_it_was_written() {
    assert_eq!(
        serde_json::to_value(Scope::default()).expect("plain"),
        serde_json::json!({})
    );
    let stored = serde_json::json!({ "hidden": { "least": 100 }, "margin": { "relative": 0.1 } });
    let scope: Scope = serde_json::from_value(stored).expect("a scope");
    assert_eq!(scope.margin.nats, 0.01);
    assert!(serde_json::from_value::<Scope>(serde_json::json!({ "hiden": {} })).is_err());
}

/// An effect in all of several conditions is what a claim says, if all of them lie in its scope; in some of them it is less.
#[test]
fn cells_bear_on_a_claim_if_all_conditions_must_show_the_effect() {
    let scope = scope(serde_json::json!({ "length": { "least": 10, "most": 40 } }));
    let cells = |length: u32, other: &str, at_least: u32| {
        let text = format!(
            "title = \"t\"\nseeds = 8\n[task]\nname = \"adding\"\nlength = 10\n[training]\nsteps = 10\n\
             [[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\ndropout.state.rate = 0.2\n\
             [[arms]]\nname = \"c\"\ntask.length = {length}\n[[arms]]\nname = \"d\"\ntask.length = {length}\n{other}\
             dropout.state.rate = 0.2\n[criterion]\nkind = \"cells\"\ntreatment = \"b\"\ncontrol = \"a\"\n\
             conditions = [[\"d\", \"c\"]]\nat_least = {at_least}\n{RELATIVE}"
        );
        scope.outside(&read(&text, Format::Toml).expect("good"))
    };
    assert_eq!(cells(40, "", 2), Vec::<String>::new());
    let some = cells(40, "", 1);
    assert_eq!(
        some,
        ["The claim holds wherever it speaks, and this asks for the effect in 1 of 2 conditions."]
    );
    // The first condition lies inside, the second does not.
    let beyond = cells(80, "", 2);
    assert_eq!(
        beyond,
        ["The claim speaks about 10 to 40 time steps, not about 80."]
    );
    let spoilt = cells(40, "training.learning_rate = 1e-8\n", 2);
    assert!(
        spoilt[0].contains("in training.learning_rate"),
        "{spoilt:?}"
    );
    assert_eq!(spoilt.len(), 1, "{spoilt:?}");
}

/// No test of a mean keeps its level whatever the noise looks like, so whoever tries often enough would fell a true claim.
#[test]
fn a_mean_does_not_bear_on_a_claim() {
    let any = scope(serde_json::json!({}));
    let of = |estimand: &str| {
        let criterion = format!("{RELATIVE}\nestimand = \"{estimand}\"");
        any.outside(&spec("name = \"adding\"", "", &criterion))
    };
    assert_eq!(of("median"), Vec::<String>::new());
    let [reason] = of("mean").try_into().expect("one reason");
    assert!(reason.contains("typical pair"), "{reason}");
}

#[test]
fn a_list_is_no_table() {
    for list in [
        r#"[["adding"]]"#,
        r#"{"margin": [0.1]}"#,
        r#"{"arms": [{}, {}]}"#,
        r#"{"hidden": [1, 2]}"#,
    ] {
        let refused = serde_json::from_str::<Scope>(list).expect_err(list);
        assert!(
            refused.to_string().contains("invalid type: sequence"),
            "{refused}"
        );
        assert!(toml::from_str::<Scope>("margin = [0.1]").is_err());
    }
    assert!(serde_json::from_str::<Narrower>(r#"[["adding"]]"#).is_err());
    let refused = serde_json::from_str::<Scope>(r#"{"margin": [0.1]}"#).expect_err("a list");
    assert!(
        refused
            .to_string()
            .contains("a table of the smallest effects that count"),
        "{refused}"
    );
    // As a table all of it is read, and written as it was.
    let whole =
        scope(serde_json::json!({ "margin": { "relative": 0.1 }, "rate": { "least": 0.2 } }));
    let stored = serde_json::to_value(&whole).expect("plain data");
    assert_eq!(stored["margin"]["relative"], 0.1);
    assert_eq!(
        serde_json::from_value::<Scope>(stored).expect("a scope"),
        whole
    );
    assert!(serde_json::from_str::<Scope>(r#"{"margin": {"relativ": 0.1}}"#).is_err());
}

#[test]
fn what_would_falsify_a_claim_is_said_without_an_experiment() {
    let says = |more| scope(more).falsifier();
    assert_eq!(
        says(serde_json::json!({ "tasks": ["word_lm", "char_lm", "music"] })),
        "Proof that the advantage of its treatment is smaller than what counts, on word-level language modelling, character-level language modelling or polyphonic music: twice, the second time on unused seeds."
    );
    assert_eq!(
        says(serde_json::json!({ "tasks": ["adding"], "predicts": "not_worse" })),
        "Proof that its treatment is worse by more than what counts, on the adding problem: twice, the second time on unused seeds."
    );
    assert!(says(serde_json::json!({})).contains("smaller than what counts: twice"));
    assert!(
        Scope::default()
            .falsifier()
            .contains("no experiment falsifies it")
    );
}
