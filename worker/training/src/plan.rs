//! Refuses plans that cannot be trained, so that nothing below needs to fear them.

use breakmywork_protocol::spec::{Plan, Temperature, limits};

/// Checks lower bounds and rates. Upper limits are the web's business: a plan accepted once stays acceptable.
///
/// # Errors
/// What cannot be trained, in words.
pub fn check(plan: &Plan) -> Result<(), String> {
    let setup = &plan.setup;
    let training = &setup.training;
    let counts = [
        (
            "task.length",
            setup.task.length,
            *setup.task.name.lengths().start(),
        ),
        ("model.layers", setup.model.layers, *limits::LAYERS.start()),
        ("model.hidden", setup.model.hidden, *limits::HIDDEN.start()),
        ("training.batch", training.batch, *limits::BATCH.start()),
        (
            "training.steps",
            training.steps.unwrap_or(1),
            *limits::STEPS.start(),
        ),
        (
            "training.epochs",
            training.epochs.unwrap_or(1),
            *limits::EPOCHS.start(),
        ),
        (
            "training.networks",
            training.networks(),
            *limits::NETWORKS.start(),
        ),
        (
            "evaluation.length",
            setup.evaluation.length.unwrap_or(u32::MAX),
            *limits::LENGTH.start(),
        ),
        ("evaluation.every", setup.evaluation.every.unwrap_or(1), 1),
        ("task.vocabulary", setup.task.vocabulary.unwrap_or(2), 2),
        (
            "model.embedding",
            setup.model.embedding.unwrap_or(1),
            *limits::EMBEDDING.start(),
        ),
        (
            "evaluation.sequences",
            setup.evaluation.sequences,
            *limits::SEQUENCES.start(),
        ),
    ];
    for (field, value, least) in counts {
        if value < least {
            return Err(format!("{field} is {value}; it must be at least {least}"));
        }
    }
    let positive = training.learning_rate.is_finite() && training.learning_rate > 0.0;
    if !positive || !training.clip.is_finite() || training.clip < 0.0 {
        return Err(
            "training.learning_rate must be positive and training.clip not negative".into(),
        );
    }
    for (field, value) in [
        ("training.weight_decay", training.weight_decay),
        ("training.ar", training.ar),
        ("training.tar", training.tar),
    ] {
        if !value.is_finite() || value < 0.0 {
            return Err(format!("{field} is {value}; it must not be negative"));
        }
    }
    if training.steps.is_none() && training.epochs.is_none() {
        return Err("training.steps or training.epochs must say how long to train".into());
    }
    if setup.task.name.is_generated() && training.steps.is_none() {
        return Err("training.steps is missing; generated sequences have no epochs".into());
    }
    let range = setup.model.initial_range.unwrap_or(1.0);
    if !range.is_finite() || range <= 0.0 {
        return Err(format!(
            "model.initial_range is {range}; it must be positive"
        ));
    }
    let share = setup.task.fraction.unwrap_or(1.0);
    if !(share > 0.0 && share <= 1.0) {
        return Err(format!("task.fraction is {share}; it must be in (0, 1]"));
    }
    let gain = setup.model.normalization_gain.unwrap_or(1.0);
    let bias = setup.model.forget_bias.unwrap_or(1.0);
    if !gain.is_finite() || gain <= 0.0 || !bias.is_finite() {
        return Err(
            "model.normalization_gain must be positive and model.forget_bias a number".into(),
        );
    }
    let anneal = training.anneal.unwrap_or(1.0);
    if !anneal.is_finite() || anneal <= 0.0 {
        return Err(format!("training.anneal is {anneal}; it must be positive"));
    }
    let tied = setup.model.tied_embeddings == Some(true);
    let width = setup.model.embedding.unwrap_or(setup.model.hidden);
    if tied && width != setup.model.hidden {
        return Err(format!(
            "model.embedding is {width}; tied embeddings need the width of the layers, {}",
            setup.model.hidden
        ));
    }
    let fitted = matches!(setup.evaluation.temperature, Temperature::Fitted(_));
    if fitted && !setup.task.name.predicts_probabilities() {
        return Err("evaluation.temperature can be fitted of probabilities only".into());
    }
    if fitted && training.networks() > 1 {
        return Err("evaluation.temperature can be fitted to one network only".into());
    }
    if setup.evaluation.uncertainty.is_some() && !setup.task.name.predicts_probabilities() {
        return Err("evaluation.uncertainty is the entropy of probabilities only".into());
    }
    let temperature = setup.evaluation.temperature.in_training();
    if !temperature.is_finite() || temperature <= 0.0 {
        return Err(format!(
            "evaluation.temperature is {temperature}; it must be positive"
        ));
    }
    let shift = setup.evaluation.shift.unwrap_or(0.0);
    let shiftable = setup.task.name.is_generated()
        || setup.evaluation.shift.is_none() && setup.evaluation.length.is_none();
    if !shift.is_finite() || !shiftable {
        return Err(
            "evaluation.shift must be a number, and it and evaluation.length of generated sequences"
                .into(),
        );
    }
    for (name, site) in setup.dropout.sites() {
        if !(0.0..1.0).contains(&site.rate) {
            let (name, rate) = (name.name(), site.rate);
            return Err(format!(
                "dropout.{name}.rate is {rate}; it must be in [0, 1)"
            ));
        }
        let until = site.until.unwrap_or(1.0);
        if !(until > 0.0 && until <= 1.0) {
            let name = name.name();
            return Err(format!(
                "dropout.{name}.until is {until}; it must be in (0, 1]"
            ));
        }
    }
    Ok(())
}
