//! Limits of what a trainer takes, from the estimate of its plan.

use crate::memory;
use breakmywork_protocol::checkpoint_files;
use breakmywork_protocol::spec::{self, Setup};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a trainer may take of memory beyond twice what it should need, in bytes: stacks, fragments, libraries.
const MEMORY_MARGIN: u64 = 1 << 30;
/// How much longer than estimated a processor may take: an older one, without its wide instructions, beside others.
const SLOWER: f64 = 10.0;
/// What it may take beyond that, in seconds: reading data, measuring, a build for tests.
const TIME_MARGIN: f64 = 900.0;
/// Seconds of a processor between the signal that says so and the end that no process survives.
const GRACE: u64 = 5;

/// Has the system hold this process to what a run of `setup` should need: twice the memory, so that a plan which needs
/// more than was foreseen takes neither its neighbours nor the database with it; files no larger than the memory, which
/// holds all that a checkpoint has; and ten times the processor time.
///
/// `memory` is the estimate in bytes, `steps` how many optimizer steps the data make. With `card` memory is not held:
/// its driver maps the card's, and more.
pub fn hold(setup: &Setup, memory: u64, steps: u32, card: bool) {
    if !card {
        // What is taken already (data, stacks) is beside what the run will need.
        let most = memory::data() + 2 * memory + MEMORY_MARGIN;
        lower(Resource::Data, most);
    }
    lower(Resource::Fsize, memory + checkpoint_files::MARGIN);
    let seconds = seconds(setup, steps);
    lower(Resource::Cpu, SLOWER.mul_add(seconds, TIME_MARGIN) as u64);
}

/// Estimated seconds of a processor, with the steps that the data were found to make.
fn seconds(setup: &Setup, steps: u32) -> f64 {
    let mut counted = setup.clone();
    (counted.training.steps, counted.training.epochs) = (Some(steps), None);
    spec::run_seconds(setup).max(spec::run_seconds(&counted))
}

/// Lowers a limit for good; an operator may allow less.
pub(super) fn lower(resource: Resource, most: u64) {
    let allowed = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let mut limit = Rlimit {
        current: Some(most.min(allowed)),
        maximum: Some(most.min(allowed)),
    };
    if resource == Resource::Cpu {
        // At the upper one the system kills, which looks as if somebody had.
        let maximum = (most + GRACE).min(allowed);
        limit.maximum = Some(maximum);
        limit.current = Some(maximum.saturating_sub(GRACE).max(1));
    }
    if let Err(error) = setrlimit(resource, limit) {
        tracing::warn!("the system does not limit this trainer's {resource:?}: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakmywork_protocol::spec::Format;

    #[test]
    fn time_is_foreseen_with_the_steps_that_the_data_make() {
        let text = include_str!("../../../../examples/specs/dropout-or-none.toml");
        let spec = spec::read(text, Format::Toml).expect("reads");
        let setup = &spec.arms[0].setup;
        let steps = setup.training.steps.expect("steps");
        let (once, more) = (seconds(setup, steps), seconds(setup, 10 * steps));
        assert!(once > 0.0 && more > 2.0 * once, "{once} {more}");
        assert_eq!(once, seconds(setup, 1), "never less than the plan says");
    }
}
