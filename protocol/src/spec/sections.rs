//! The sections of a specification: `[task]`, `[model]`, `[training]` and `[evaluation]`.

use super::fields::Fields;
use super::limits;
use super::types::*;

pub(super) const TASKS: &[(&str, TaskName)] = &[
    ("adding", TaskName::Adding),
    ("copy", TaskName::Copy),
    ("temporal_order", TaskName::TemporalOrder),
];
const CELLS: &[(&str, Cell)] = &[("rnn", Cell::Rnn), ("gru", Cell::Gru), ("lstm", Cell::Lstm)];
const NORMALIZATIONS: &[(&str, Normalization)] = &[
    ("none", Normalization::None),
    ("layer", Normalization::Layer),
];
const DECAYS: &[(&str, DecayBy)] = &[
    ("learning_rate", DecayBy::LearningRate),
    ("step", DecayBy::Step),
];
const OPTIMIZERS: &[(&str, Optimizer)] = &[
    ("sgd", Optimizer::Sgd),
    ("adam", Optimizer::Adam),
    ("nt_asgd", Optimizer::NtAsgd),
];

pub(super) fn task(mut fields: Fields<'_>) -> Task {
    let task = Task {
        name: fields.choice("name", TASKS, None),
        length: fields.integer("length", Some(50), limits::LENGTH),
    };
    fields.close();
    task
}

pub(super) fn model(mut fields: Fields<'_>) -> Model {
    let mut model = Model {
        cell: fields.choice("cell", CELLS, Some(Cell::Lstm)),
        layers: fields.integer("layers", Some(1), limits::LAYERS),
        hidden: fields.integer("hidden", Some(32), limits::HIDDEN),
        normalization: fields.choice("normalization", NORMALIZATIONS, Some(Normalization::None)),
    };
    if model.normalization == Normalization::Layer && model.cell != Cell::Lstm {
        fields.problem(
            "normalization",
            "\"layer\" is defined for the lstm; give \"none\" or cell = \"lstm\".",
        );
        model.normalization = Normalization::None;
    }
    fields.close();
    model
}

pub(super) fn training(mut fields: Fields<'_>) -> Training {
    let training = Training {
        optimizer: fields.choice("optimizer", OPTIMIZERS, Some(Optimizer::Adam)),
        learning_rate: fields.number("learning_rate", Some(1e-3), limits::LEARNING_RATE),
        batch: fields.integer("batch", Some(32), limits::BATCH),
        steps: fields.integer("steps", None, limits::STEPS),
        clip: fields.number("clip", Some(1.0), limits::CLIP),
        weight_decay: fields.number("weight_decay", Some(0.0), limits::WEIGHT_DECAY),
        ar: fields.number("ar", Some(0.0), limits::PENALTY),
        tar: fields.number("tar", Some(0.0), limits::PENALTY),
        decay_by: fields.choice("decay_by", DECAYS, Some(DecayBy::LearningRate)),
    };
    fields.close();
    training
}

/// `steps` bounds `every`: a run is measured at least once, and not so often that its curve is a burden.
pub(super) fn evaluation(mut fields: Fields<'_>, steps: u32) -> Evaluation {
    let rarest = steps;
    let densest = steps.div_ceil(limits::MEASUREMENTS);
    let evaluation = Evaluation {
        every: fields.integer(
            "every",
            Some((steps / 20).max(densest).max(1)),
            densest..=rarest,
        ),
        sequences: fields.integer("sequences", Some(500), limits::SEQUENCES),
        samples: fields.integer("samples", Some(0), limits::SAMPLES),
        temperature: fields.number("temperature", Some(1.0), limits::TEMPERATURE),
    };
    fields.close();
    evaluation
}
