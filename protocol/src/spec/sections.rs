//! The sections of a specification: `[task]`, `[model]`, `[training]` and `[evaluation]`.

use super::fields::Fields;
use super::limits;
use super::types::*;
use crate::data_set::Reference;
use serde_json::Value;

pub(super) const TASKS: &[(&str, TaskName)] = &[
    ("adding", TaskName::Adding),
    ("copy", TaskName::Copy),
    ("temporal_order", TaskName::TemporalOrder),
    ("char_lm", TaskName::CharLm),
    ("word_lm", TaskName::WordLm),
    ("sentiment", TaskName::Sentiment),
    ("music", TaskName::Music),
    ("sequential_mnist", TaskName::SequentialMnist),
    ("permuted_mnist", TaskName::PermutedMnist),
];
const WINDOWS: &[(&str, Windows)] = &[("fixed", Windows::Fixed), ("variable", Windows::Variable)];
const CELLS: &[(&str, Cell)] = &[("rnn", Cell::Rnn), ("gru", Cell::Gru), ("lstm", Cell::Lstm)];
const NORMALIZATIONS: &[(&str, Normalization)] = &[
    ("none", Normalization::None),
    ("layer", Normalization::Layer),
    ("batch", Normalization::Batch),
];
const DECAYS: &[(&str, DecayBy)] = &[
    ("learning_rate", DecayBy::LearningRate),
    ("step", DecayBy::Step),
];
const UNCERTAINTIES: &[(&str, Uncertainty)] = &[("entropy", Uncertainty::Entropy)];
const LOSSES: &[(&str, LossOverTime)] = &[("mean", LossOverTime::Mean), ("sum", LossOverTime::Sum)];
const OPTIMIZERS: &[(&str, Optimizer)] = &[
    ("sgd", Optimizer::Sgd),
    ("adam", Optimizer::Adam),
    ("nt_asgd", Optimizer::NtAsgd),
];

/// Pixels of a picture.
const PIXELS: u32 = 784;
/// Whose fields say something of a data set.
const LEARNERS: &str = "tasks that learn from a data set";

pub(super) fn task(mut fields: Fields<'_>) -> Task {
    let name = fields.choice("name", TASKS, None);
    let usual = match name {
        TaskName::Adding | TaskName::Copy | TaskName::TemporalOrder => 50,
        TaskName::CharLm => 100,
        TaskName::WordLm => 35,
        TaskName::Sentiment => 200,
        TaskName::Music => 160,
        TaskName::SequentialMnist | TaskName::PermutedMnist => PIXELS,
    };
    let task = Task {
        name,
        length: length(&mut fields, name, usual),
        data: data(&mut fields, name),
        vocabulary: fields.of(
            "vocabulary",
            name.has_vocabulary(),
            "tasks on words: word_lm and sentiment",
            |fields| fields.integer("vocabulary", Some(10_000), limits::VOCABULARY),
        ),
        windows: fields.of(
            "windows",
            name.is_language_model(),
            "language models",
            |fields| fields.choice("windows", WINDOWS, Some(Windows::Fixed)),
        ),
        fraction: fields
            .of("fraction", !name.is_generated(), LEARNERS, |fields| {
                fields.given_number("fraction", limits::FRACTION)
            })
            .flatten(),
    };
    fields.close();
    task
}

fn length(fields: &mut Fields<'_>, name: TaskName, usual: u32) -> u32 {
    let length = fields.integer("length", Some(usual), name.lengths());
    if name.is_of_pictures() && !PIXELS.is_multiple_of(length) {
        fields.problem(
            "length",
            format!("must divide the {PIXELS} pixels of a picture: {PIXELS} reads one pixel a step, 28 a row, 1 all at once."),
        );
    }
    length
}

fn data(fields: &mut Fields<'_>, name: TaskName) -> Option<String> {
    fields
        .of("data", !name.is_generated(), LEARNERS, |fields| {
            let Some(text) = fields.text("data", limits::TITLE_CHARS) else {
                if fields.take("data").is_none() {
                    let example = name.example_data().unwrap_or_default();
                    let name = name.name();
                    fields.problem("data", format!("is missing: {name} learns from a data set; name one, such as \"{example}\"."));
                }
                return String::new();
            };
            match text.parse::<Reference>() {
                Ok(reference) => {
                    let other = reference.known().filter(|known| Some(known.holds) != name.reads());
                    if let (Some(known), Some(reads)) = (other, name.reads()) {
                        let example = name.example_data().unwrap_or_default();
                        fields.problem(
                            "data",
                            format!(
                                "{} holds {}, and {} learns from {}; name such a data set, for example \"{example}\".",
                                known.name,
                                known.holds.name(),
                                name.name(),
                                reads.name(),
                            ),
                        );
                    }
                    reference.to_string()
                }
                Err(error) => {
                    fields.problem("data", format!("{error}."));
                    String::new()
                }
            }
        })
}

pub(super) fn model(mut fields: Fields<'_>, task: &Task) -> Model {
    let hidden = fields.integer("hidden", Some(32), limits::HIDDEN);
    let tokens = task.name.has_tokens();
    let cell = fields.choice("cell", CELLS, Some(Cell::Lstm));
    let normalization = fields.choice("normalization", NORMALIZATIONS, Some(Normalization::None));
    let mut model = Model {
        cell,
        layers: fields.integer("layers", Some(1), limits::LAYERS),
        hidden,
        normalization,
        normalization_gain: fields
            .of(
                "normalization_gain",
                normalization != Normalization::None,
                "networks with a normalization",
                |fields| fields.given_number("normalization_gain", limits::NORMALIZATION_GAIN),
            )
            .flatten(),
        embedding: fields.of(
            "embedding",
            tokens,
            "tasks on characters or words",
            |fields| fields.integer("embedding", Some(hidden), limits::EMBEDDING),
        ),
        tied_embeddings: fields.of(
            "tied_embeddings",
            task.name.is_language_model(),
            "language models",
            |fields| fields.truth("tied_embeddings", false),
        ),
        initial_range: fields.given_number("initial_range", limits::INITIAL_RANGE),
        forget_bias: fields
            .of("forget_bias", cell == Cell::Lstm, "the lstm", |fields| {
                fields.given_number("forget_bias", limits::FORGET_BIAS)
            })
            .flatten(),
    };
    if model.tied_embeddings == Some(true) && model.embedding != Some(hidden) {
        fields.problem(
            "tied_embeddings",
            format!("the output can share the embedding's weights only if both have the same width: give embedding = {hidden} or leave embedding out."),
        );
    }
    if model.normalization != Normalization::None && model.cell != Cell::Lstm {
        fields.problem(
            "normalization",
            "is defined for the lstm; give \"none\" or cell = \"lstm\".",
        );
        model.normalization = Normalization::None;
        model.normalization_gain = None;
    }
    fields.close();
    model
}

pub(super) fn training(mut fields: Fields<'_>, task: &Task, model: &Model) -> Training {
    let (steps, epochs) = duration(&mut fields, task);
    let annealed = epochs.is_some() && fields.take("anneal").is_some();
    let training = Training {
        optimizer: fields.choice("optimizer", OPTIMIZERS, Some(Optimizer::Adam)),
        learning_rate: fields.number("learning_rate", Some(1e-3), limits::LEARNING_RATE),
        batch: fields.integer("batch", Some(32), limits::BATCH),
        steps,
        epochs,
        anneal: annealed.then(|| fields.number("anneal", None, limits::ANNEAL)),
        anneal_after: annealed
            .then(|| fields.integer("anneal_after", Some(1), 1..=*limits::EPOCHS.end())),
        loss_over_time: fields.of(
            "loss_over_time",
            task.name.is_language_model(),
            "language models",
            |fields| fields.choice("loss_over_time", LOSSES, Some(LossOverTime::Mean)),
        ),
        clip: fields.number("clip", Some(1.0), limits::CLIP),
        weight_decay: fields.number("weight_decay", Some(0.0), limits::WEIGHT_DECAY),
        ar: fields.number("ar", Some(0.0), limits::PENALTY),
        tar: fields.number("tar", Some(0.0), limits::PENALTY),
        decay_by: fields.choice("decay_by", DECAYS, Some(DecayBy::LearningRate)),
        networks: fields.given_integer("networks", limits::NETWORKS),
    };
    // Not left out of an arm that has them from the base: without them it would be trained in another way.
    for (name, whose) in [
        ("anneal", "training by epochs"),
        ("anneal_after", "training by epochs with anneal"),
    ] {
        if !annealed && fields.take(name).is_some() {
            fields.problem(name, format!("is only for {whose}; leave it out."));
        }
    }
    if model.normalization == Normalization::Batch && training.batch < 2 {
        fields.problem(
            "batch",
            "must be at least 2: batch normalization needs sequences to compare.",
        );
    }
    if let Some(detail) = too_many_networks(&training) {
        fields.problem("networks", detail);
    }
    fields.close();
    training
}

/// What stands against so many networks that each train so long: a run's steps and its curves have bounds.
fn too_many_networks(training: &Training) -> Option<String> {
    let networks = u64::from(training.networks());
    if networks == 1 {
        return None;
    }
    let (each, most, what) = match training.steps {
        Some(steps) => (steps, *limits::STEPS.end(), "steps"),
        None => (training.epochs?, limits::MEASUREMENTS, "epochs"),
    };
    let all = networks * u64::from(each);
    (all > u64::from(most)).then(|| {
        format!("{networks} networks of {each} {what} each make {all}; a run of several may make {most}. Train fewer, or each for fewer {what}.")
    })
}

/// Steps or epochs: exactly one of them says how long. What an arm says takes the place of either in the base.
fn duration(fields: &mut Fields<'_>, task: &Task) -> (Option<u32>, Option<u32>) {
    let (steps, epochs) = (fields.take("steps"), fields.take("epochs"));
    let both = steps.is_some() && epochs.is_some();
    let replaced =
        |fields: &Fields<'_>, old, new| both && fields.inherited(old) && !fields.inherited(new);
    let epochs = epochs.is_some() && !replaced(fields, "epochs", "steps");
    let steps = steps.is_some() && !replaced(fields, "steps", "epochs");
    if !epochs {
        if !steps && !task.name.is_generated() {
            fields.problem(
                "steps",
                "is missing; give steps, or epochs in its place: passes over the data set.",
            );
            return (Some(1), None);
        }
        return (Some(fields.integer("steps", None, limits::STEPS)), None);
    }
    if task.name.is_generated() {
        fields.problem(
            "epochs",
            "generated sequences have no end, so there are no epochs; give steps.",
        );
    } else if steps {
        fields.problem(
            "epochs",
            "steps already says how long; leave one of them out.",
        );
    }
    (None, Some(fields.integer("epochs", None, limits::EPOCHS)))
}

/// The steps bound `every`: a run is measured at least once, and not so often that its curve is a burden.
pub(super) fn evaluation(mut fields: Fields<'_>, task: &Task, training: &Training) -> Evaluation {
    let every = match training.steps {
        Some(steps) => {
            let of_each = (limits::MEASUREMENTS / training.networks()).max(1);
            let densest = steps.div_ceil(of_each);
            let usual = (steps / 20).max(densest).max(1);
            Some(fields.integer("every", Some(usual), densest.max(1)..=steps))
        }
        None => fields.of(
            "every",
            false,
            "training by steps; by epochs it is measured after each",
            |_| 0,
        ),
    };
    let usual = match task.name {
        name if name.is_language_model() => training.batch,
        name if name.is_generated() => 500,
        _ => *limits::SEQUENCES.end(),
    };
    let evaluation = Evaluation {
        every,
        sequences: fields.integer("sequences", Some(usual), limits::SEQUENCES),
        samples: fields.integer("samples", Some(0), limits::SAMPLES),
        uncertainty: fields
            .of(
                "uncertainty",
                task.name.predicts_probabilities(),
                "tasks that predict probabilities, which alone have an entropy",
                |fields| {
                    fields.take("uncertainty")?;
                    Some(fields.choice("uncertainty", UNCERTAINTIES, None))
                },
            )
            .flatten(),
        temperature: temperature(&mut fields, task.name, training.networks()),
        shift: fields
            .of(
                "shift",
                task.name == TaskName::Adding,
                "the adding problem, whose inputs are numbers",
                |fields| fields.given_number("shift", limits::SHIFT),
            )
            .flatten(),
        length: fields
            .of(
                "length",
                task.name.is_generated(),
                "generated sequences, of which there are some of any length",
                |fields| fields.given_integer("length", limits::LENGTH),
            )
            .flatten(),
    };
    fields.close();
    evaluation
}

/// A number, or "valid": a base may say that for arms whose task predicts no probabilities, which have no use for it.
fn temperature(fields: &mut Fields<'_>, task: TaskName, networks: u32) -> Temperature {
    let Some(Value::String(text)) = fields.take("temperature") else {
        let number = fields.number("temperature", Some(1.0), limits::TEMPERATURE);
        return Temperature::Given(number);
    };
    if text != "valid" {
        let (low, high) = limits::TEMPERATURE.into_inner();
        fields.problem(
            "temperature",
            format!("must be a number from {low} to {high}, or \"valid\": what fits the validation data best."),
        );
    } else if networks > 1 && task.predicts_probabilities() {
        fields.problem(
            "temperature",
            "\"valid\" is found for one network, and here several are averaged; give a number, or training.networks = 1.",
        );
    } else if task.predicts_probabilities() {
        return Temperature::Fitted(FittedOn::Valid);
    } else if !fields.inherited("temperature") {
        fields.problem(
            "temperature",
            "\"valid\" is only for tasks that predict probabilities; leave it out.",
        );
    }
    Temperature::default()
}
