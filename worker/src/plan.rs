//! Refuses plans that cannot be trained, so that nothing below needs to fear them.

use breakmywork_protocol::spec::{Plan, limits};

/// Checks lower bounds and rates. Upper limits are the web's business: a plan accepted once stays acceptable.
///
/// # Errors
/// What cannot be trained, in words.
pub fn check(plan: &Plan) -> Result<(), String> {
    let setup = &plan.setup;
    let training = &setup.training;
    let counts = [
        ("task.length", setup.task.length, *limits::LENGTH.start()),
        ("model.layers", setup.model.layers, *limits::LAYERS.start()),
        ("model.hidden", setup.model.hidden, *limits::HIDDEN.start()),
        ("training.batch", training.batch, *limits::BATCH.start()),
        ("training.steps", training.steps, *limits::STEPS.start()),
        ("evaluation.every", setup.evaluation.every, 1),
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
    let temperature = setup.evaluation.temperature;
    if !temperature.is_finite() || temperature <= 0.0 {
        return Err(format!(
            "evaluation.temperature is {temperature}; it must be positive"
        ));
    }
    for (name, site) in setup.dropout.sites() {
        if !(0.0..1.0).contains(&site.rate) {
            let (name, rate) = (name.name(), site.rate);
            return Err(format!(
                "dropout.{name}.rate is {rate}; it must be in [0, 1)"
            ));
        }
    }
    Ok(())
}
