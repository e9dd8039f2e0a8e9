//! Which two fields of a space its picture is drawn over: those that say most about how the points lie.

use super::{Seen, value};
use breakmywork_protocol::spec::{Axis, Spec};
use serde_json::Value;

/// A side of the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The field's path.
    pub field: String,
    /// Its values in order, the specification's own among them.
    pub values: Vec<Value>,
}

/// Across and down; of a space with one field there is no second.
pub fn telling(spec: &Spec, seen: &[Seen<'_>]) -> Option<(Side, Option<Side>)> {
    let search = spec.search.as_ref()?;
    let mut axes: Vec<(f64, &Axis)> = (search.space.iter())
        .map(|axis| (explained(spec, axis, seen), axis))
        .collect();
    // Those that say as much stay in their order.
    axes.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let mut sides = axes.into_iter().map(|(_, axis)| side(spec, axis));
    Some((sides.next()?, sides.next()))
}

/// The share of the variance of the points' effects that lies between the values of a field (η²), less what as many values
/// would explain by chance; 0 where there is nothing to say.
fn explained(spec: &Spec, axis: &Axis, seen: &[Seen<'_>]) -> f64 {
    let mut groups: Vec<(Value, Vec<f64>)> = Vec::new();
    for point in seen {
        let at = value(spec, &point.tried.settings, &axis.field).unwrap_or_default();
        let Some(effect) = point.tried.effect else {
            continue;
        };
        match groups.iter_mut().find(|(value, _)| *value == at) {
            Some((_, effects)) => effects.push(effect),
            None => groups.push((at, vec![effect])),
        }
    }
    let all: Vec<f64> = groups
        .iter()
        .flat_map(|(_, effects)| effects.clone())
        .collect();
    let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / numbers.len() as f64;
    let middle = mean(&all);
    let total: f64 = all.iter().map(|effect| (effect - middle).powi(2)).sum();
    let free = all.len() as f64 - groups.len() as f64;
    if !(total > 0.0 && total.is_finite() && free > 0.0) {
        return 0.0;
    }
    let between: f64 = (groups.iter())
        .map(|(_, effects)| effects.len() as f64 * (mean(effects) - middle).powi(2))
        .sum();
    let by_chance = (groups.len() as f64 - 1.0) * (total - between) / free;
    ((between - by_chance) / total).max(0.0)
}

/// The values of a field: numbers by size, names as they were given, the specification's own first.
fn side(spec: &Spec, axis: &Axis) -> Side {
    let mut values: Vec<Value> = spec.own_value(&axis.field).into_iter().collect();
    for value in &axis.values {
        if !values.contains(value) {
            values.push(value.clone());
        }
    }
    if values.iter().all(Value::is_number) {
        let number = |value: &Value| value.as_f64().unwrap_or(0.0);
        values.sort_by(|one, other| number(one).total_cmp(&number(other)));
    }
    Side {
        field: axis.field.clone(),
        values,
    }
}
