//! The setting along which a trend is looked for.

use super::SCALES;
use crate::spec::contrast::{differing, place, settings};
use crate::spec::fields::Fields;
use crate::spec::limits;
use crate::spec::types::*;
use crate::text;

/// Fewest points of a trend: two are a difference.
const FEWEST_ARMS: usize = 3;
/// Longest path that is looked up, in characters.
const PATH_CHARS: usize = 60;
/// Settings and arms that a reason names.
const NAMED: usize = 5;

/// Reads `field` and `field_scale`, which only a trend has; every arm must have a place of its own on that axis, the
/// treatment at one end and the control at the other.
pub(super) fn read(
    fields: &mut Fields<'_>,
    kind: CriterionKind,
    ends: [&str; 2],
    arms: &[Arm],
) -> (Option<String>, Option<Scale>) {
    let applies = kind == CriterionKind::Trend;
    let whose = "kind \"trend\"";
    let scale = fields.of("field_scale", applies, whose, |fields| {
        fields.choice("field_scale", SCALES, Some(Scale::Additive))
    });
    let field = fields.of("field", applies, whose, |fields| {
        if fields.take("field").is_none() {
            fields.problem("field", format!("is missing; {}", advice(arms)));
            return String::new();
        }
        let field = fields.required_text("field", PATH_CHARS);
        if !field.is_empty() {
            check(fields, &field, scale, ends, arms);
        }
        field
    });
    (field, scale)
}

fn check(
    fields: &mut Fields<'_>,
    field: &str,
    scale: Option<Scale>,
    [treatment, control]: [&str; 2],
    arms: &[Arm],
) {
    if arms.len() < FEWEST_ARMS {
        let detail = format!(
            "is swept over {} arms; a trend needs {FEWEST_ARMS} to {} with different values of it.",
            arms.len(),
            limits::ARMS.end()
        );
        return fields.problem("field", detail);
    }
    let mut places: Vec<(&str, f64)> = Vec::new();
    for arm in arms {
        if place(&arm.setup, field, None).is_none() {
            let detail = format!(
                "\"{field}\" is no number of arm \"{}\"; {}",
                arm.name,
                advice(arms)
            );
            return fields.problem("field", detail);
        }
        let Some(x) = place(&arm.setup, field, scale) else {
            let detail = format!(
                "\"log\" has no place for arm \"{}\", whose {field} is not above 0; use \"additive\", or leave that arm out.",
                arm.name
            );
            return fields.problem("field_scale", detail);
        };
        if let Some((twin, _)) = places.iter().find(|(_, other)| *other == x) {
            let detail = format!(
                "is the same in arms \"{twin}\" and \"{}\"; each arm of a trend has a value of its own.",
                arm.name
            );
            return fields.problem("field", detail);
        }
        places.push((&arm.name, x));
    }
    places.sort_by(|a, b| a.1.total_cmp(&b.1));
    let outer = [places[0].0, places[places.len() - 1].0];
    for (name, arm) in [("treatment", treatment), ("control", control)] {
        let known = places.iter().any(|(place, _)| *place == arm);
        if known && !outer.contains(&arm) {
            let detail = format!(
                "must be at an end of the sweep, \"{}\" or \"{}\": a trend goes from the control to the treatment.",
                outer[0], outer[1]
            );
            fields.problem(name, detail);
        }
    }
}

/// What to give in place of a field that does not do.
fn advice(arms: &[Arm]) -> String {
    let all: Vec<_> = arms.iter().map(|arm| settings(&arm.setup)).collect();
    let mut numbers = differing(&all.iter().collect::<Vec<_>>());
    numbers.retain(|path| {
        let number = |arm: &Arm| place(&arm.setup, path, None).is_some();
        arms.iter().all(number)
    });
    match numbers.as_slice() {
        [] => "give a number that differs between the arms, such as task.length; so far none does."
            .to_owned(),
        some => format!(
            "give a number that differs between the arms: {}.",
            text::first_of(some, NAMED, ", ")
        ),
    }
}
