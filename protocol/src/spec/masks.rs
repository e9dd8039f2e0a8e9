//! Reading an arm's `dropout`: a preset, sites of its own, or both.

use super::dropout::*;
use super::fields::{Fields, Problem};
use super::limits;
use super::presets;
use super::types::{Cell, Model};
use serde_json::{Map, Value};

const TIMES: &[(&str, MaskTime)] = &[("fixed", MaskTime::Fixed), ("per_step", MaskTime::PerStep)];
const SHARED: &[(&str, Shared)] = &[("none", Shared::None), ("batch", Shared::Batch)];
const NOISES: &[(&str, Noise)] = &[("mask", Noise::Mask), ("moments", Noise::Moments)];
const GATES: &[(&str, Gates)] = &[("tied", Gates::Tied), ("untied", Gates::Untied)];
const BYS: &[(&str, By)] = &[("type", By::Type), ("token", By::Token)];
const CARRIES: &[(&str, Carry)] = &[("masked", Carry::Masked), ("unmasked", Carry::Unmasked)];
const SCALINGS: &[(&str, Scaling)] = &[
    ("inverted", Scaling::Inverted),
    ("published", Scaling::Published),
];

pub(super) fn dropout(
    value: &Value,
    pointer: String,
    model: &Model,
    strict: bool,
    problems: &mut Vec<Problem>,
) -> Dropout {
    let mut dropout = Dropout::default();
    let Some(mut fields) = Fields::open(value, pointer, strict, problems) else {
        return dropout;
    };
    let expansion = preset(&mut fields, model);
    for name in SiteName::ALL {
        let given = fields.take(name.name());
        let pointer = fields.pointer(name.name());
        let base = expansion.get(name.name());
        let merged = match (base, given) {
            (Some(Value::Object(base)), Some(Value::Object(over))) => {
                let mut merged = base.clone();
                merged.extend(over.clone());
                Value::Object(merged)
            }
            (_, Some(given)) => given.clone(),
            (Some(base), None) => base.clone(),
            (None, None) => continue,
        };
        if let Err(reason) = has(name, model) {
            fields.problem(name.name(), reason);
            continue;
        }
        *dropout.site_mut(name) = site(&merged, pointer, name, model, strict, fields.problems);
    }
    fields.close();
    dropout
}

/// The sites that the named preset stands for; none where no preset is named.
fn preset(fields: &mut Fields<'_>, model: &Model) -> Map<String, Value> {
    if fields.take("preset").is_none() {
        return Map::new();
    }
    let names: Vec<(&str, &presets::Preset)> = presets::PRESETS
        .iter()
        .map(|preset| (preset.name, preset))
        .collect();
    let before = fields.problems.len();
    let preset = fields.choice("preset", &names, None);
    if fields.problems.len() > before {
        return Map::new();
    }
    let expansion = preset.expansion(model);
    if expansion.is_empty() && !preset.sites.is_empty() {
        let reason = has(preset.sites[0].0, model).err().unwrap_or_default();
        fields.problem(
            "preset",
            format!(
                "\"{}\" drops nothing here: its site {} {reason}",
                preset.name,
                preset.sites[0].0.name()
            ),
        );
    }
    expansion
}

/// Whether the network has the site, or why not, as the end of a sentence about it.
pub(super) fn has(name: SiteName, model: &Model) -> Result<(), String> {
    match name {
        SiteName::Cell | SiteName::ZoneoutCell if model.cell != Cell::Lstm => Err(format!(
            "needs a cell state, which only the lstm has; this network's cell is {}.",
            model.cell.name()
        )),
        SiteName::Embedding if model.embedding.is_none() => Err(
            "needs characters or words; this task's inputs are numbers, so give input instead."
                .into(),
        ),
        SiteName::Between if model.layers < 2 => {
            Err("lies between layers; this network has one layer.".into())
        }
        _ => Ok(()),
    }
}

fn site(
    value: &Value,
    pointer: String,
    name: SiteName,
    model: &Model,
    strict: bool,
    problems: &mut Vec<Problem>,
) -> Option<Site> {
    let mut fields = Fields::open(value, pointer, strict, problems)?;
    let rate = fields.number("rate", None, 0.0..=1.0);
    if rate >= 1.0 {
        fields.problem(
            "rate",
            "must be below 1: at 1 nothing passes. Give the share of units to drop, such as 0.25.",
        );
    }
    let by = by(&mut fields, name);
    let usual = match by {
        _ if name.is_zoneout() => MaskTime::PerStep,
        Some(By::Token) => MaskTime::PerStep,
        _ => MaskTime::Fixed,
    };
    let time = fields.choice("time", TIMES, Some(usual));
    if by.is_some() && time != usual {
        fields.problem(
            "time",
            "follows from by: \"type\" is fixed and \"token\" is per_step; leave time out.",
        );
    }
    let noise = fields.choice("noise", NOISES, Some(Noise::Mask));
    if noise == Noise::Moments && !name.feeds_product() {
        fields.problem(
            "noise",
            "\"moments\" is for what enters a product: input, between, state, output. Here give \"mask\".",
        );
    }
    let site = Site {
        rate,
        time,
        shared: shared(&mut fields, name),
        noise,
        gates: gates(&mut fields, name, noise, model),
        carry: carry(&mut fields, name),
        scaling: None,
        by,
        until: fields.given_number("until", limits::UNTIL),
    };
    let scaling = scaling(&mut fields, name, site.carry);
    fields.close();
    Some(Site { scaling, ..site })
}

/// A mask of a matrix cannot differ between the sequences that share the matrix.
fn shared(fields: &mut Fields<'_>, name: SiteName) -> Shared {
    if name != SiteName::RecurrentWeights {
        return fields.choice("shared", SHARED, Some(Shared::None));
    }
    let shared = fields.choice("shared", SHARED, Some(Shared::Batch));
    if shared == Shared::None {
        fields.problem(
            "shared",
            "the minibatch shares the recurrent matrix, so it shares its mask: give \"batch\" or leave it out.",
        );
    }
    Shared::Batch
}

fn gates(fields: &mut Fields<'_>, name: SiteName, noise: Noise, model: &Model) -> Option<Gates> {
    let given = fields.take("gates").is_some();
    if !name.feeds_gates() || noise == Noise::Moments {
        if given {
            let why = if name.feeds_gates() {
                "the noise of each gate is its own when noise is \"moments\"; leave gates out."
            } else {
                "does not apply: this site does not feed the gates; leave it out."
            };
            fields.problem("gates", why);
        }
        return None;
    }
    let gates = fields.choice("gates", GATES, Some(Gates::Tied));
    if model.cell != Cell::Rnn {
        return Some(gates);
    }
    if gates == Gates::Untied {
        fields.problem(
            "gates",
            "the rnn has one product, so there is nothing to untie; leave it out.",
        );
    }
    None
}

fn by(fields: &mut Fields<'_>, name: SiteName) -> Option<By> {
    let embedding = name == SiteName::Embedding;
    fields.of("by", embedding, "the site embedding", |fields| {
        fields.choice("by", BYS, Some(By::Type))
    })
}

fn carry(fields: &mut Fields<'_>, name: SiteName) -> Option<Carry> {
    if name == SiteName::Cell {
        return Some(fields.choice("carry", CARRIES, Some(Carry::Masked)));
    }
    if fields.take("carry").is_some() {
        fields.problem("carry", "only the site cell has it; leave it out.");
    }
    None
}

/// A carried cell state that is scaled up at every step grows without bound, so there the published scaling is usual.
fn scaling(fields: &mut Fields<'_>, name: SiteName, carry: Option<Carry>) -> Option<Scaling> {
    if name.is_zoneout() {
        if fields.take("scaling").is_some() {
            fields.problem(
                "scaling",
                "zoneout mixes two values and scales none; leave it out.",
            );
        }
        return None;
    }
    let usual = match carry {
        Some(Carry::Masked) => Scaling::Published,
        _ => Scaling::Inverted,
    };
    Some(fields.choice("scaling", SCALINGS, Some(usual)))
}

#[cfg(test)]
mod tests;
