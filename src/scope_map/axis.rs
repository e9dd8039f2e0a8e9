//! One side of the map: the values of a field, each with a place, neighbours in one place where there are many.

use super::Tried;
use breakmywork_protocol::scope::{Field, Point, Scope, Value};
use breakmywork_protocol::spec::{Cell, TaskName};
use std::fmt;

/// Most places of a side; more would not be read on a page.
const PLACES: usize = 8;

/// A side of the map.
#[derive(Debug, Clone)]
pub struct Axis {
    /// Whose values it has.
    pub field: Field,
    /// In their order.
    pub places: Vec<Place>,
}

/// A value, or several neighbouring ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The least.
    pub least: Value,
    /// The most; the least where it is one value.
    pub most: Value,
    /// Which of them a new experiment here has.
    pub at: Value,
    /// Whether the claim speaks about it.
    pub inside: bool,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.least == self.most {
            true => f.write_str(&words(&self.least)),
            false => write!(f, "{} to {}", words(&self.least), words(&self.most)),
        }
    }
}

/// A value as people in the field say it: a specification has short names of tasks and cells.
fn words(value: &Value) -> String {
    let Value::Name(name) = value else {
        return value.to_string();
    };
    let task = TaskName::ALL.iter().find(|task| task.name() == name);
    let cell = Cell::ALL.iter().find(|cell| cell.name() == name);
    match (task, cell) {
        (Some(task), _) => task.words().to_owned(),
        (_, Some(cell)) => cell.name().to_uppercase(),
        _ => name.clone(),
    }
}

impl Axis {
    pub(super) fn new(field: Field, tried: &[Tried], scope: &Scope) -> Self {
        let values = match field.is_number() {
            true => numbers(field, tried, scope),
            false => names(field, tried, scope),
        };
        let places = grouped(&values)
            .into_iter()
            .filter_map(|group| {
                let (least, most) = (group.first()?.clone(), group.last()?.clone());
                let open = |value: &&Value| scope.speaks_of(field, value);
                let at = group.iter().find(open);
                Some(Place {
                    inside: at.is_some(),
                    at: at.unwrap_or(&least).clone(),
                    least,
                    most,
                })
            })
            .collect();
        Self { field, places }
    }

    /// Which place an experiment has.
    pub(super) fn place(&self, point: &Point) -> Option<usize> {
        let value = point.value(self.field);
        self.places
            .iter()
            .position(|place| place.least <= value && value <= place.most)
    }
}

/// Neighbours together until there are no more groups than places. Names do not come in such numbers.
fn grouped(values: &[Value]) -> Vec<&[Value]> {
    let size = values.len().div_ceil(PLACES).max(1);
    values.chunks(size).collect()
}

/// The numbers that were tried, and next to them half the least and twice the most, where the claim speaks about these.
fn numbers(field: Field, tried: &[Tried], scope: &Scope) -> Vec<Value> {
    let mut numbers: Vec<f64> = tried
        .iter()
        .filter_map(|it| match it.point.value(field) {
            Value::Number(number) => Some(number),
            Value::Name(_) => None,
        })
        .collect();
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    if let (Some(&least), Some(&most), true) =
        (numbers.first(), numbers.last(), numbers.len() + 2 <= PLACES)
    {
        let whole = |number: f64| match field {
            Field::Rate => number,
            _ => number.round(),
        };
        let neighbour = |number: f64| scope.may_try(field, number).then_some(number);
        let below = neighbour(whole(least / 2.0)).filter(|&it| it < least);
        let above = neighbour(most * 2.0).filter(|&it| it > most);
        numbers.splice(0..0, below);
        numbers.extend(above);
    }
    numbers.into_iter().map(Value::Number).collect()
}

/// The names that were tried, most often first, and those that the claim speaks about besides: as many as there is room.
fn names(field: Field, tried: &[Tried], scope: &Scope) -> Vec<Value> {
    let mut counted: Vec<(usize, Value)> = Vec::new();
    for it in tried {
        let value = it.point.value(field);
        match counted.iter_mut().find(|(_, known)| *known == value) {
            Some((count, _)) => *count += 1,
            None => counted.push((1, value)),
        }
    }
    counted.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let mut values: Vec<Value> = counted.into_iter().map(|(_, value)| value).collect();
    for value in scope.names(field) {
        let known = |tried: &Value| scope.is_same(field, tried, &value);
        if !values.iter().any(known) {
            values.push(value);
        }
    }
    values.truncate(PLACES);
    values
}
