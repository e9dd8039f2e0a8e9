//! Changes of an object, as scripts send it.

use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Number, Value, json};

/// Names that mean something at one place or another.
const NAMES: [&str; 40] = [
    "title",
    "seeds",
    "task",
    "name",
    "length",
    "data",
    "fraction",
    "model",
    "cell",
    "hidden",
    "layers",
    "normalization",
    "forget_bias",
    "dropout",
    "input",
    "state",
    "recurrent",
    "output",
    "embedding",
    "rate",
    "time",
    "until",
    "preset",
    "training",
    "steps",
    "batch",
    "learning_rate",
    "optimizer",
    "evaluation",
    "samples",
    "arms",
    "criterion",
    "kind",
    "metric",
    "margin",
    "conditions",
    "tuning",
    "search",
    "stopping",
    "",
];

/// Words that mean something, and some that never do.
const WORDS: [&str; 24] = [
    "adding",
    "copy",
    "word_lm",
    "lstm",
    "gru",
    "rnn",
    "per_step",
    "fixed",
    "test_mse",
    "test_error",
    "solve_rate",
    "difference",
    "equivalence",
    "interaction",
    "trend",
    "cells",
    "dispersion",
    "search",
    "valid",
    "none",
    "nan",
    "1e3",
    "__proto__",
    "\u{202e}gnidda\u{0}",
];

/// Numbers at which arithmetic breaks.
const NUMBERS: [f64; 20] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    0.999_999_999,
    1.000_000_001,
    1e-300,
    5e-324,
    1e300,
    f64::MAX,
    f64::MIN,
    4_294_967_295.0,
    4_294_967_296.0,
    9_007_199_254_740_993.0,
    1e19,
    2_147_483_648.0,
    0.1,
    100_000.0,
];

/// Changes one place of it.
pub(crate) fn change(value: &mut Value, rng: &mut SmallRng) {
    // Half of them do little, so that what is read is judged, too.
    if rng.random_bool(0.5) {
        return nudge(place(value, 0.0, rng), rng);
    }
    let place = place(value, 0.15, rng);
    match rng.random_range(0..9) {
        0 => *place = Value::Null,
        1 => *place = number(rng),
        2 => *place = word(rng),
        3 => *place = many(place.clone(), rng),
        4 => *place = deep(place.clone(), rng),
        5 => *place = object(rng),
        6 => forget(place, rng),
        7 => name(place, rng),
        _ => double(place, rng),
    }
}

/// A place in it: at each level with that chance, else at its end.
fn place<'a>(value: &'a mut Value, here: f64, rng: &mut SmallRng) -> &'a mut Value {
    let inner = match value {
        Value::Object(fields) => fields.len(),
        Value::Array(items) => items.len(),
        _ => 0,
    };
    if inner == 0 || rng.random_bool(here) {
        return value;
    }
    let chosen = rng.random_range(0..inner);
    let inside = match value {
        Value::Object(fields) => fields.values_mut().nth(chosen),
        Value::Array(items) => items.get_mut(chosen),
        _ => None,
    };
    place(inside.expect("counted"), here, rng)
}

/// Another value of the same kind.
fn nudge(value: &mut Value, rng: &mut SmallRng) {
    *value = match value.take() {
        Value::Number(number) => match number.as_i64() {
            Some(whole) => {
                json!(
                    whole
                        .saturating_mul(rng.random_range(1..4))
                        .saturating_add(rng.random_range(-1..3))
                )
            }
            None => json!(number.as_f64().unwrap_or(0.0) * rng.random_range(0.2..2.0)),
        },
        Value::String(text) if rng.random() => json!(format!("{text}.")),
        Value::String(_) => json!(WORDS.choose(rng).expect("some")),
        Value::Bool(it) => json!(!it),
        other => other,
    };
}

fn number(rng: &mut SmallRng) -> Value {
    match rng.random_range(0..4) {
        0 => json!(rng.random_range(-3..300)),
        1 => json!(rng.random::<u64>()),
        2 => json!(rng.random::<i64>()),
        _ => {
            let number = *NUMBERS.choose(rng).expect("some");
            Number::from_f64(number).map_or(Value::Null, Value::Number)
        }
    }
}

fn word(rng: &mut SmallRng) -> Value {
    match rng.random_range(0..8) {
        0 => json!("x".repeat(rng.random_range(0..30_000))),
        1 => json!("é\u{301}\u{feff}".repeat(rng.random_range(0..200))),
        _ => json!(WORDS.choose(rng).expect("some")),
    }
}

/// The same again and again.
fn many(value: Value, rng: &mut SmallRng) -> Value {
    let most = 60_000 / value.to_string().len().max(1);
    Value::Array(vec![value; rng.random_range(0..=most.min(20_000))])
}

/// Below many levels.
fn deep(value: Value, rng: &mut SmallRng) -> Value {
    let levels = rng.random_range(1..200);
    let name = *NAMES.choose(rng).expect("some");
    (0..levels).fold(value, |inner, level| match level % 2 {
        0 => json!([inner]),
        _ => json!({ name: inner }),
    })
}

/// Fields that fit nothing, or too many.
fn object(rng: &mut SmallRng) -> Value {
    let fields = rng.random_range(0..3_000);
    let mut object = Map::new();
    for field in 0..fields {
        object.insert(format!("field {field}"), json!(field));
    }
    Value::Object(object)
}

fn forget(value: &mut Value, rng: &mut SmallRng) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let name = fields.keys().nth(rng.random_range(0..fields.len()));
            let name = name.expect("counted").clone();
            fields.remove(&name);
        }
        Value::Array(items) if !items.is_empty() => {
            items.remove(rng.random_range(0..items.len()));
        }
        other => *other = Value::Bool(rng.random()),
    }
}

/// A known name where it may not be known.
fn name(value: &mut Value, rng: &mut SmallRng) {
    let inner = match rng.random_range(0..3) {
        0 => number(rng),
        1 => word(rng),
        _ => json!({ "rate": 0.5, "time": "fixed" }),
    };
    let name = *NAMES.choose(rng).expect("some");
    match value {
        Value::Object(fields) => {
            fields.insert(name.to_owned(), inner);
        }
        other => *other = json!({ name: inner }),
    }
}

/// One of its parts once more, under another name or beside itself.
fn double(value: &mut Value, rng: &mut SmallRng) {
    match value {
        Value::Array(items) if !items.is_empty() && items.len() < 500 => {
            let item = items.choose(rng).expect("counted").clone();
            let times = rng.random_range(1..=if item.is_object() { 40 } else { 400 });
            items.extend(std::iter::repeat_n(item, times));
        }
        Value::Object(fields) if !fields.is_empty() => {
            let part = fields.values().nth(rng.random_range(0..fields.len()));
            let part = part.expect("counted").clone();
            fields.insert((*NAMES.choose(rng).expect("some")).to_owned(), part);
        }
        other => *other = json!([other.clone(), other.clone()]),
    }
}
