//! Which points are looked at.

use super::*;
use crate::spec::SearchPlan;
use sha2::{Digest, Sha256};

#[test]
fn points_are_drawn_once_each_within_the_space_and_the_same_for_everybody() {
    let spec = search(4, 96, THREE);
    let drawn = points(&spec, "salt", &scope(json!({})));
    let plan = SearchPlan::of(&spec).expect("a plan");
    assert_eq!(drawn.len(), plan.points() as usize);
    assert!(drawn.len() >= 12, "{}", drawn.len());
    for (place, point) in drawn.iter().enumerate() {
        assert!(!drawn[..place].contains(point), "{point:?} is there twice");
        for (field, value) in point {
            let axes = &spec.search.as_ref().expect("a search").space;
            let axis = axes
                .iter()
                .find(|axis| axis.field == *field)
                .expect("a field");
            assert!(axis.values.contains(value), "{field} = {value}");
            assert_ne!(spec.own_value(field).as_ref(), Some(value), "is not named");
        }
    }
    assert_eq!(drawn, points(&spec, "salt", &scope(json!({}))));
    assert_ne!(drawn, points(&spec, "another", &scope(json!({}))));
}

/// As anybody computes it who has the hash, the random number and the space.
#[test]
fn the_first_draw_is_what_the_documents_say() {
    let spec = search(4, 96, THREE);
    let digest = Sha256::digest(format!("{}:salt:point:0", spec.sha256()));
    let place = |field: usize, count: u64| {
        let bytes: [u8; 4] = digest[4 * field..][..4].try_into().expect("four");
        ((u64::from(u32::from_be_bytes(bytes)) * count) >> 32) as usize
    };
    let space = &spec.search.as_ref().expect("a search").space;
    let value = |field: usize| {
        let values = &space[field].values;
        &values[place(field, values.len() as u64)]
    };
    let first = &points(&spec, "salt", &scope(json!({})))[0];
    for (field, axis) in space.iter().enumerate() {
        let own = spec.own_value(&axis.field);
        let drawn = Some(value(field)).filter(|value| own.as_ref() != Some(value));
        assert_eq!(first.get(&axis.field), drawn);
    }
}

#[test]
fn what_the_claim_does_not_speak_about_is_never_drawn() {
    let spec = search(4, 96, THREE);
    let narrow = scope(json!({ "length": { "least": 50 }, "hidden": { "most": 16 } }));
    let drawn = points(&spec, "salt", &narrow);
    assert!(drawn.len() > 8);
    for point in &drawn {
        assert!(
            point
                .get("task.length")
                .is_none_or(|length| length.as_u64() >= Some(50))
        );
        assert!(
            point
                .get("model.hidden")
                .is_none_or(|hidden| hidden.as_u64() <= Some(16))
        );
    }
}

#[test]
fn a_small_space_is_taken_whole() {
    let space = "[[search.space]]\nfield = \"task.length\"\nvalues = [20, 50, 100]\n\
                 [[search.space]]\nfield = \"model.cell\"\nvalues = [\"gru\", \"lstm\"]\n";
    let drawn = points(&search(2, 200, space), "salt", &scope(json!({})));
    let all = [
        json!({ "task.length": 20, "model.cell": "gru" }),
        json!({ "task.length": 20 }),
        json!({ "model.cell": "gru" }),
        json!({}),
        json!({ "task.length": 100, "model.cell": "gru" }),
        json!({ "task.length": 100 }),
    ];
    assert_eq!(drawn, all.map(settings));
}

/// 24⁶ points, of which nobody makes a list.
#[test]
fn a_space_of_millions_costs_no_more_than_what_is_drawn() {
    let axis = |field: &str, from: f64, to: f64| {
        format!("[[search.space]]\nfield = \"{field}\"\nfrom = {from}\nto = {to}\nlevels = 24\n")
    };
    let space = [
        axis("task.length", 10.0, 500.0),
        axis("model.hidden", 4.0, 100.0),
        axis("dropout.state.rate", 0.05, 0.7),
        axis("training.learning_rate", 0.001, 0.1),
        axis("training.batch", 8.0, 64.0),
        axis("training.clip", 0.1, 2.0),
    ];
    let spec = search(4, 120, &space.concat());
    assert!(spec.search.as_ref().expect("a search").size() > 1e8);
    let began = std::time::Instant::now();
    assert!(!points(&spec, "salt", &scope(json!({}))).is_empty());
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}
