//! A claim may come to speak of less, and of nothing else than before; and what becomes of its experiments.

use super::{RELATIVE, scope, spec};
use crate::scope::{Earlier, Narrower, Point, Range, Scope, Sorting};
use crate::spec::{Cell, Problems, TaskName};
use serde_json::json;

fn narrower(value: serde_json::Value) -> Narrower {
    serde_json::from_value(value).expect("fields")
}

/// A claim on two tasks, sizes from 100 on and lengths up to 100.
fn earlier() -> Scope {
    scope(json!({
        "tasks": ["word_lm", "char_lm"], "hidden": { "least": 100 }, "length": { "most": 100 },
        "rate": { "least": 0.1, "most": 0.6 }, "data": ["penn_treebank", "tiny_shakespeare"],
        "metrics": ["test_nll"], "margin": { "nats": 0.02 }
    }))
}

#[test]
fn each_field_may_lose_something_and_all_else_stays() {
    let fields = [
        json!({ "tasks": ["char_lm"] }),
        json!({ "cells": ["lstm", "gru", "lstm"] }),
        json!({ "data": ["penn_treebank@1"] }),
        json!({ "hidden": { "most": 200 } }),
        json!({ "length": { "least": 20 } }),
        json!({ "rate": { "least": 0.2, "most": 0.3 } }),
    ];
    for fields in fields {
        let scope = earlier()
            .narrowed(&narrower(fields.clone()))
            .expect("narrower");
        assert_ne!(scope, earlier(), "{fields}");
        let same = (&scope.arms, &scope.metrics, &scope.margin);
        assert_eq!(
            same,
            (&earlier().arms, &earlier().metrics, &earlier().margin)
        );
        // What is narrower cannot be widened again.
        assert!(scope.narrowed(&earlier().narrowest()).is_err(), "{fields}");
    }
    let both = narrower(json!({ "hidden": { "most": 200 }, "cells": ["lstm"] }));
    let scope = earlier().narrowed(&both).expect("narrower");
    assert_eq!(
        scope.hidden,
        Range::between(100, 200),
        "the open end is the earlier one"
    );
    assert_eq!(scope.cells, [Cell::Lstm]);
    assert_eq!(scope.tasks, [TaskName::WordLm, TaskName::CharLm]);
}

#[test]
fn nothing_reaches_beyond_the_earlier_claim() {
    let pointers = |fields: serde_json::Value| -> Vec<String> {
        match earlier().narrowed(&narrower(fields)) {
            Ok(_) => Vec::new(),
            Err(Problems(problems)) => problems.into_iter().map(|it| it.pointer).collect(),
        }
    };
    for (fields, pointer) in [
        (json!({ "tasks": ["char_lm", "adding"] }), "/tasks"),
        (json!({ "data": ["wikitext_2"] }), "/data"),
        (json!({ "data": ["<script>"] }), "/data"),
        (json!({ "data": vec!["penn_treebank"; 21] }), "/data"),
        (json!({ "hidden": { "least": 99 } }), "/hidden"),
        (json!({ "length": { "most": 101 } }), "/length"),
        (json!({ "length": { "least": 50, "most": 20 } }), "/length"),
        (json!({ "hidden": { "least": 4_000_000 } }), "/hidden"),
        (json!({ "rate": { "least": 0.05 } }), "/rate"),
        (json!({ "rate": { "most": 0.7 } }), "/rate"),
        (json!({ "rate": { "least": -1.0 } }), "/rate"),
        // A text that no task of the scope reads: nothing could test the claim.
        (json!({}), ""),
        (json!({ "tasks": ["char_lm", "word_lm"] }), ""),
        (
            json!({ "data": ["tiny_shakespeare", "penn_treebank"], "length": { "most": 100 } }),
            "",
        ),
    ] {
        assert_eq!(pointers(fields.clone()), [pointer], "{fields}");
    }
    let unread = scope(json!({ "tasks": ["adding", "word_lm"], "data": ["penn_treebank"] }));
    assert!(
        unread
            .narrowed(&narrower(json!({ "tasks": ["adding"] })))
            .is_err()
    );
    // Margin, metrics and arms are no fields of it.
    for other in ["margin", "metrics", "arms"] {
        assert!(serde_json::from_value::<Narrower>(json!({ other: {} })).is_err());
    }
}

/// Whatever lies in the narrower scope lay in the earlier one.
#[test]
fn what_lies_in_the_narrower_scope_lay_in_the_earlier_one() {
    let earlier = scope(json!({ "length": { "least": 10, "most": 100 }, "rate": { "most": 0.5 } }));
    let to = json!({ "length": { "least": 30 }, "rate": { "least": 0.2 }, "cells": ["gru"], "tasks": ["adding", "copy"] });
    let narrow = earlier.narrowed(&narrower(to)).expect("narrower");
    let mut inside = 0;
    for length in [5, 10, 29, 30, 99, 100, 101] {
        for cell in ["gru", "lstm"] {
            let task = format!("name = \"adding\"\nlength = {length}");
            let spec = spec(&task, &format!("cell = \"{cell}\""), RELATIVE);
            if narrow.outside(&spec).is_empty() {
                inside += 1;
                assert_eq!(
                    earlier.outside(&spec),
                    Vec::<String>::new(),
                    "{length} {cell}"
                );
            }
        }
    }
    assert_eq!(inside, 3, "30, 99 and 100 steps of a gru");
}

#[test]
fn rates_are_those_of_the_strongest_site_of_either_arm() {
    let scope = scope(json!({ "rate": { "least": 0.3, "most": 0.4 } }));
    let spec = spec("name = \"adding\"", "", RELATIVE);
    assert_eq!(Point::of(&spec).map(|point| point.rate), Some(0.2));
    let said = scope.outside(&spec).concat();
    assert!(
        said.contains("dropout rates of 0.3 to 0.4, not about 0.2"),
        "{said}"
    );
    let both = json!({ "input": { "rate": 0.35, "time": "fixed" }, "state": { "rate": 0.2, "time": "fixed" } });
    let mut stored = spec.to_json();
    stored["arms"][1]["dropout"] = both;
    stored["arms"][0]["dropout"] = json!({ "input": { "rate": 0.35, "time": "fixed" } });
    let spec = crate::spec::Spec::from_stored(&stored).expect("readable");
    assert_eq!(scope.outside(&spec), Vec::<String>::new());
    assert_eq!(Point::of(&spec).map(|point| point.rate), Some(0.35));
    let words = scope.words();
    assert!(
        words.contains(&("Dropout rate", "0.3 to 0.4".into())),
        "{words:?}"
    );
}

#[test]
fn earlier_experiments_are_resorted() {
    let narrow = scope(json!({ "length": { "least": 30 } }));
    let long = spec("name = \"adding\"\nlength = 50", "", RELATIVE);
    let short = spec("name = \"adding\"\nlength = 20", "", RELATIVE);
    let other = spec(
        "name = \"adding\"\nlength = 50",
        "",
        "metric = \"test_mse\"\nscale = \"log\"\nmargin = 0.2",
    );
    let of = |outcome| Earlier {
        outcome: Some(outcome),
        ..Earlier::default()
    };
    for outcome in ["supported", "falsified"] {
        assert_eq!(
            narrow.resort(&long, of(outcome)),
            (Sorting::StillApplies, vec![])
        );
        let (sorting, reasons) = narrow.resort(&short, of(outcome));
        assert_eq!(sorting, Sorting::OutOfScope);
        assert!(
            reasons[0].contains("at least 30 time steps, not about 20"),
            "{reasons:?}"
        );
    }
    let rerun = |spec, earlier, words: &str| {
        let (sorting, reasons) = narrow.resort(spec, earlier);
        assert_eq!(sorting, Sorting::MustRerun);
        assert!(reasons.concat().contains(words), "{reasons:?}");
    };
    rerun(&other, of("supported"), "asks for 0.2");
    rerun(&long, of("inconclusive"), "ended as inconclusive");
    rerun(&long, of("aborted"), "ended as aborted");
    rerun(&long, Earlier::default(), "had not ended");
    let exploratory = Earlier {
        exploratory: true,
        ..Earlier::default()
    };
    rerun(&long, exploratory, "carries no verdict");
    let disputed = Earlier {
        disputed: true,
        ..of("falsified")
    };
    rerun(&long, disputed, "moderator disputed");
    // An exploratory one without any criterion lies where its arms do.
    let mut bare = short.clone();
    bare.criterion = None;
    assert_eq!(narrow.resort(&bare, exploratory).0, Sorting::OutOfScope);
}
