//! The worker, as the product runs it: a specification, a data set, `train`.

use crate::clock::Clock;
use crate::configuration::{CLIP, Dropout, LEARNING_RATE, Size};
use anyhow::Result;
use breakmywork_protocol::spec::{self, Format, Plan};
use breakmywork_training::device::DeviceChoice;
use breakmywork_training::events::Event;
use breakmywork_training::train::{self, Options, Requests};
use std::path::Path;
use std::sync::atomic::Ordering;

/// More steps than a measurement has; a real run's number, for what the worker does every so many steps.
const STEPS: u32 = 20_000;

/// What the worker trains on the data set of that name.
pub(crate) fn plan(data: &str, size: Size, dropout: Dropout) -> Result<Plan> {
    let Size {
        hidden,
        layers,
        batch,
        steps,
        vocabulary,
    } = size;
    let task = match data {
        "char" => "name = \"char_lm\"".to_owned(),
        _ => format!("name = \"word_lm\"\nvocabulary = {vocabulary}"),
    };
    let preset = dropout.name();
    let text = format!(
        "title = \"Training speed\"\nseeds = [1]\n\
         [task]\n{task}\ndata = \"{data}\"\nlength = {steps}\n\
         [model]\ncell = \"lstm\"\nlayers = {layers}\nhidden = {hidden}\n\
         [training]\noptimizer = \"sgd\"\nlearning_rate = {LEARNING_RATE}\nbatch = {batch}\nsteps = {STEPS}\nclip = {CLIP}\n\
         [evaluation]\nevery = {STEPS}\n\
         [[arms]]\nname = \"{preset}\"\ndropout.preset = \"{preset}\"\n"
    );
    let mut spec = spec::read(&text, Format::Toml)?;
    let arm = spec.arms.remove(0);
    Ok(Plan {
        arm: arm.name,
        seed: 1,
        setup: arm.setup,
    })
}

/// Trains on that device until the clock has seen enough; the data set lies in that folder.
pub(crate) fn train(
    plan: &Plan,
    device: DeviceChoice,
    folder: &Path,
    clock: &mut Clock,
) -> Result<()> {
    let options = Options {
        device,
        checkpoints: None,
        resume: None,
        data_sets: folder.to_owned(),
        held: false,
    };
    let requests = Requests::default();
    train::train(plan, &options, &requests, &mut |event| {
        if let Event::Progress { step, .. } = event
            && clock.tick(step.into())
        {
            requests.stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    })?;
    Ok(())
}
