//! The conditions of which some must show the effect.

use crate::spec::fields::{Fields, kind as kind_of};
use crate::spec::limits;
use crate::spec::types::*;
use serde_json::Value;

const EXAMPLE: &str =
    "give pairs of arms, the treatment first, such as [[\"mask, long\", \"none, long\"]]";

/// Reads `conditions` and `at_least`, which only cells have: each condition is another pair of different arms.
pub(super) fn read(
    fields: &mut Fields<'_>,
    kind: CriterionKind,
    first: [&str; 2],
    arms: &[Arm],
) -> (Vec<[String; 2]>, Option<u32>) {
    let applies = kind == CriterionKind::Cells;
    let whose = "kind \"cells\"";
    let conditions = fields.of("conditions", applies, whose, |fields| {
        pairs(fields, first, arms)
    });
    let conditions = conditions.unwrap_or_default();
    // Without one that can be read the number of conditions is not known.
    let most = match conditions.len() {
        0 => arms.len().max(2),
        further => further + 1,
    };
    let at_least = fields.of("at_least", applies, whose, |fields| {
        fields.integer("at_least", None, 1..=most as u32)
    });
    (conditions, at_least)
}

fn pairs(fields: &mut Fields<'_>, first: [&str; 2], arms: &[Arm]) -> Vec<[String; 2]> {
    let Some(value) = fields.take("conditions") else {
        fields.problem("conditions", format!("is missing; {EXAMPLE}."));
        return Vec::new();
    };
    let Value::Array(items) = value else {
        let detail = format!("must be a list, not {}; {EXAMPLE}.", kind_of(value));
        fields.problem("conditions", detail);
        return Vec::new();
    };
    let most = limits::CONDITIONS.end() - 1;
    if items.len() > most {
        let detail = format!(
            "has {} entries; beside treatment and control there may be {most} further pairs.",
            items.len()
        );
        fields.problem("conditions", detail);
        return Vec::new();
    }
    // How many conditions there are is known only where all can be read, so one complaint is enough.
    let mut found: Vec<[String; 2]> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match pair(item, first, &found, arms) {
            Ok(pair) => found.push(pair),
            Err(detail) => {
                fields.problem_at("conditions", index, detail);
                return Vec::new();
            }
        }
    }
    if found.is_empty() {
        fields.problem("conditions", format!("names none; {EXAMPLE}."));
    }
    found
}

fn pair(
    item: &Value,
    first: [&str; 2],
    before: &[[String; 2]],
    arms: &[Arm],
) -> Result<[String; 2], String> {
    let names: Option<Vec<&str>> =
        (item.as_array()).and_then(|names| names.iter().map(Value::as_str).collect());
    let Some(&[treatment, control]) = names.as_deref() else {
        return Err(format!("is no pair of arms; {EXAMPLE}."));
    };
    for name in [treatment, control] {
        if !arms.iter().any(|arm| arm.name == name) {
            let shown: String = name.chars().take(60).collect();
            return Err(format!(
                "names \"{shown}\", but no arm is called so; write the names as the arms have them."
            ));
        }
    }
    if treatment == control {
        return Err("names one arm twice; the control must be another one.".to_owned());
    }
    let taken = |pair: [&str; 2]| pair == [treatment, control];
    if taken(first) || before.iter().any(|pair| taken([&pair[0], &pair[1]])) {
        return Err("was named before; each pair of arms counts once.".to_owned());
    }
    Ok([treatment.to_owned(), control.to_owned()])
}
