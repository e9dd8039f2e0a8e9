//! Repair: where a claim survived, as the narrower claim that could be made of it.

use crate::scope_map::{Fate, Tried};
use breakmywork_protocol::id::ExperimentId;
use breakmywork_protocol::scope::{Field, GENERATED, Narrower, Range, Value};
use std::cmp::Reverse;

/// A region that nothing falsified.
#[derive(Debug, PartialEq)]
pub struct Survived {
    /// The region.
    pub to: Narrower,
    /// What supports the claim there, newest first.
    pub experiments: Vec<ExperimentId>,
}

/// Some values of a field, and what was found at them.
struct Part {
    field: Field,
    values: Vec<Value>,
    supported: usize,
    falsified: usize,
}

/// The part of what was tried where the claim was supported and nowhere falsified, restricted in as few fields as can be;
/// nothing if there is none, or if nothing was falsified. Of several the one with the most support. It reaches from the
/// least to the most that was tried there, and no further.
pub fn survived(tried: &[Tried]) -> Option<Survived> {
    let decided = |it: &&Tried| matches!(it.fate, Fate::Supported | Fate::Falsified);
    let mut left: Vec<&Tried> = tried.iter().filter(decided).collect();
    left.iter().find(|it| it.fate == Fate::Falsified)?;
    let mut to = Narrower::default();
    for _ in Field::ALL {
        let parts = || Field::ALL.into_iter().flat_map(|field| parts(field, &left));
        let clean = parts()
            .filter(|part| part.falsified == 0)
            .max_by_key(|part| (part.supported, Reverse(part.field as u8)));
        // Where no field alone tells them apart, the values that fared best, and another field after that.
        let best = clean.or_else(|| {
            parts()
                .filter(|part| part.supported + part.falsified < left.len())
                .max_by_key(|part| part.supported as i64 - part.falsified as i64)
        })?;
        restrict(&mut to, &best);
        left.retain(|it| best.values.contains(&it.point.value(best.field)));
        if left.iter().all(|it| it.fate == Fate::Supported) {
            return Some(Survived {
                to,
                experiments: left.into_iter().map(|it| it.id).collect(),
            });
        }
    }
    None
}

/// The parts of a field's values that have some support: neighbouring numbers, or all names, without a falsification among
/// them; and each other value by itself.
fn parts(field: Field, tried: &[&Tried]) -> Vec<Part> {
    let mut values: Vec<Value> = tried.iter().map(|it| it.point.value(field)).collect();
    values.retain(|value| *value != Value::Name(GENERATED.into()));
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values.dedup();
    let count = |value: &Value, fate: Fate| {
        let here = tried.iter().filter(|it| it.point.value(field) == *value);
        here.filter(|it| it.fate == fate).count()
    };
    let mut parts: Vec<Part> = Vec::new();
    let mut goes_on = false;
    for value in values {
        let (supported, falsified) = (
            count(&value, Fate::Supported),
            count(&value, Fate::Falsified),
        );
        let clean = falsified == 0;
        let joins = |part: &&mut Part| part.falsified == 0 && (goes_on || !field.is_number());
        match parts.iter_mut().rev().find(joins) {
            Some(part) if clean => {
                part.values.push(value);
                part.supported += supported;
            }
            _ => parts.push(Part {
                field,
                values: vec![value],
                supported,
                falsified,
            }),
        }
        goes_on = clean;
    }
    parts.retain(|part| part.supported > 0);
    parts
}

fn restrict(to: &mut Narrower, part: &Part) {
    let names = || {
        part.values.iter().filter_map(|value| match value {
            Value::Name(name) => Some(name.clone()),
            Value::Number(_) => None,
        })
    };
    let ends = match (part.values.first(), part.values.last()) {
        (Some(Value::Number(least)), Some(Value::Number(most))) => Some((*least, *most)),
        _ => None,
    };
    // Both were made of such numbers.
    let whole = |number: f64| number as u32;
    match (part.field, ends) {
        (Field::Length, Some((least, most))) => {
            to.length = Range::between(whole(least), whole(most))
        }
        (Field::Hidden, Some((least, most))) => {
            to.hidden = Range::between(whole(least), whole(most))
        }
        (Field::Rate, Some((least, most))) => to.rate = Range::between(least, most),
        (Field::Task, _) => {
            to.tasks = names()
                .filter_map(|name| serde_json::from_value(name.into()).ok())
                .collect();
        }
        (Field::Cell, _) => {
            to.cells = names()
                .filter_map(|name| serde_json::from_value(name.into()).ok())
                .collect();
        }
        (Field::Data, _) => to.data = names().collect(),
        _ => {}
    }
}
