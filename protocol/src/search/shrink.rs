//! Makes a counterexample simpler: field by field back to the specification's own value, or as near to it as the prediction
//! still fails, until no field goes back alone.

use super::course::Walk;
use super::{Course, Next, ShrinkStep, Tried};
use crate::spec::{Axis, Settings};
use serde_json::Value;

/// Shrinks from the worst point; the counterexample is the simplest at which the prediction was seen to fail.
pub(super) fn shrink(walk: &mut Walk, course: &mut Course, worst: Tried) -> Result<(), Next> {
    let axes: Vec<Axis> = (walk.spec.search.iter())
        .flat_map(|search| search.space.clone())
        .collect();
    let mut now = worst.clone();
    course.counterexample = Some(worst);
    // Fewer fields first; values nearer to the specification's own once no field goes back alone. That may let one go.
    while go_back(walk, course, &axes, &mut now)? == Room::Left {
        let before = now.settings.clone();
        if come_near(walk, course, &axes, &mut now)? == Room::Spent || now.settings == before {
            break;
        }
    }
    Ok(())
}

/// Whether the plan has room for more trials.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    Left,
    Spent,
}

/// Puts the specification's own value back, field by field, until none goes back alone.
fn go_back(
    walk: &mut Walk,
    course: &mut Course,
    axes: &[Axis],
    now: &mut Tried,
) -> Result<Room, Next> {
    let mut again = true;
    while again {
        again = false;
        for axis in axes {
            let mut simpler = now.settings.clone();
            if simpler.remove(&axis.field).is_none() {
                continue;
            }
            match attempt(walk, course, axis, simpler)? {
                Trial::NoRoom => return Ok(Room::Spent),
                Trial::Fails(tried) => {
                    *now = tried;
                    again = true;
                }
                Trial::Holds => {}
            }
        }
    }
    Ok(Room::Left)
}

/// Looks by halves for the value of each field that is nearest to the specification's own, which holds, and still fails.
fn come_near(
    walk: &mut Walk,
    course: &mut Course,
    axes: &[Axis],
    now: &mut Tried,
) -> Result<Room, Next> {
    for axis in axes {
        let Some(value) = now.settings.get(&axis.field) else {
            continue;
        };
        let between = between(axis, walk.spec.own_value(&axis.field).as_ref(), value);
        let (mut holds, mut fails) = (0, between.len());
        while holds < fails {
            let middle = (holds + fails) / 2;
            let mut nearer = now.settings.clone();
            nearer.insert(axis.field.clone(), between[middle].clone());
            match attempt(walk, course, axis, nearer)? {
                Trial::NoRoom => return Ok(Room::Spent),
                Trial::Fails(tried) => {
                    *now = tried;
                    fails = middle;
                }
                Trial::Holds => holds = middle + 1,
            }
        }
    }
    Ok(Room::Left)
}

/// What came of a trial.
enum Trial {
    /// The plan has no room for one more.
    NoRoom,
    /// The prediction was not seen to fail there.
    Holds,
    /// It was.
    Fails(Tried),
}

/// Tries a point. One that was tried before is not tried again, and one that makes no experiment about the claim does not
/// fail.
fn attempt(
    walk: &mut Walk,
    course: &mut Course,
    axis: &Axis,
    settings: Settings,
) -> Result<Trial, Next> {
    let came = |tried: Tried| match tried.breaks {
        true => Trial::Fails(tried),
        false => Trial::Holds,
    };
    let before = (course.shrinking.iter()).find(|it| it.tried.settings == settings);
    if let Some(before) = before {
        return Ok(came(before.tried.clone()));
    }
    if !walk.spec.is_searched_at(&settings, walk.scope) {
        return Ok(Trial::Holds);
    }
    if course.shrinking.len() >= course.plan.shrinking as usize {
        return Ok(Trial::NoRoom);
    }
    let point = [settings];
    let tally = walk.stage(&point, course.plan.pairs() as usize)?.remove(0);
    let [settings] = point;
    let tried = Tried::of(settings, tally);
    if tried.breaks {
        course.counterexample = Some(tried.clone());
    }
    course.shrinking.push(ShrinkStep {
        field: axis.field.clone(),
        tried: tried.clone(),
    });
    Ok(came(tried))
}

/// The values of the field that lie between its own and the one that fails, from its own on; of names there are none.
fn between(axis: &Axis, own: Option<&Value>, fails: &Value) -> Vec<Value> {
    let (Some(own), Some(fails)) = (own.and_then(Value::as_f64), fails.as_f64()) else {
        return Vec::new();
    };
    let inside = |value: &&Value| {
        let number = value.as_f64();
        number.is_some_and(|it| it > own.min(fails) && it < own.max(fails))
    };
    let distance = |value: &Value| value.as_f64().map_or(0.0, |number| (number - own).abs());
    let mut found: Vec<Value> = axis.values.iter().filter(inside).cloned().collect();
    found.sort_by(|one, other| distance(one).total_cmp(&distance(other)));
    found
}
