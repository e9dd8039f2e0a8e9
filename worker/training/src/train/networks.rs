//! The networks that a run trains one after the other and averages: their seeds, their orders, and what is kept of those
//! that are done. Most runs have one.

use crate::checkpoint;
use crate::events::Failure;
use crate::model::{Parameters, Statistics};
use crate::optim::Optimizer;
use crate::rng::{Purpose, Stream};
use crate::tasks::{Error, Lesson, Schedule, Task};
use breakmywork_protocol::spec::Training;
use candle_core::Tensor;

use super::{DTYPE, Run};

/// Seed of a run's network with that number, from 0: of its initial weights, its order and its masks.
///
/// The first has the run's own, so that a run of one network is what it always was. Data are of the run's seed for all of
/// them: the same generated sequences are learned from, and the same are held out.
pub fn network_seed(run: u32, number: usize) -> u32 {
    match number {
        0 => run,
        _ => Stream::new(run, Purpose::Network, number as u64).bits(),
    }
}

/// What is kept of a network that is done while others are trained.
#[derive(Debug)]
pub(super) struct Done {
    /// The weights that are measured at the end, in the order of the parameters.
    pub(super) last: Vec<Tensor>,
    /// Running averages of batch normalization that go with them; empty without it.
    pub(super) statistics: Statistics,
    /// The weights of the lowest validation loss.
    pub(super) best: Vec<Tensor>,
    /// Those that go with them.
    pub(super) best_statistics: Statistics,
}

/// The order in which each network learns.
pub(super) struct Orders {
    each: Vec<Schedule>,
}

impl Orders {
    /// Those of all networks of a run with that seed.
    ///
    /// # Errors
    /// If the data set is too small for one minibatch.
    pub(super) fn new(task: &Task, training: &Training, seed: u32) -> Result<Self, Error> {
        let order = |number| Schedule::new(task, training, network_seed(seed, number));
        let each = (0..training.networks() as usize).map(order);
        Ok(Self {
            each: each.collect::<Result<_, _>>()?,
        })
    }

    /// How many networks there are.
    pub(super) fn networks(&self) -> usize {
        self.each.len()
    }

    /// Optimizer steps of the run, over all networks.
    pub(super) fn steps(&self) -> u32 {
        self.before(self.networks())
    }

    /// Optimizer steps of the run before that network begins. Windows of variable length make an epoch longer in one order
    /// than in another.
    pub(super) fn before(&self, number: usize) -> u32 {
        let steps = self.each[..number].iter().map(Schedule::steps);
        steps.fold(0, u32::saturating_add)
    }

    /// Optimizer steps of that network.
    pub(super) fn steps_of(&self, number: usize) -> u32 {
        self.each[number].steps()
    }

    /// Optimizer steps of the network that takes most.
    pub(super) fn longest(&self) -> u32 {
        let steps = self.each.iter().map(Schedule::steps);
        steps.max().unwrap_or(0)
    }

    /// Refuses a checkpoint that no run of these networks can have written.
    ///
    /// # Errors
    /// If so many networks cannot be done after so many steps of the run.
    pub(super) fn check(&self, done: usize, step: u32) -> Result<(), checkpoint::Error> {
        let is_within =
            done < self.networks() && (self.before(done)..=self.before(done + 1)).contains(&step);
        if is_within {
            return Ok(());
        }
        Err(checkpoint::Error::Damaged(format!(
            "{done} networks cannot be done after {step} steps"
        )))
    }

    /// What that network learns in that step of its own, counted from 0.
    pub(super) fn lesson(&mut self, number: usize, step: u32) -> Lesson {
        self.each[number].lesson(step)
    }
}

impl Run<'_> {
    /// Number of the network that is trained, from 0.
    pub(super) fn network_number(&self) -> usize {
        self.state.done.len()
    }

    /// Optimizer steps done of the network that is trained.
    pub(super) fn own_step(&self) -> u32 {
        self.state.step - self.orders.before(self.network_number())
    }

    /// Whether the network that is trained has all its steps.
    pub(super) fn is_trained(&self) -> bool {
        self.own_step() == self.orders.steps_of(self.network_number())
    }

    /// Keeps the network that is trained and begins the next one, if there is one.
    pub(super) fn begin_next(&mut self) -> Result<(), Failure> {
        let next = self.network_number() + 1;
        if next == self.orders.networks() {
            return Ok(());
        }
        let begin = || {
            let seed = network_seed(self.plan.seed, next);
            let parameters = Parameters::initial(&self.network, seed, DTYPE, &self.device)?;
            let optimizer = Optimizer::new(&self.plan.setup.training, &parameters)?;
            candle_core::Result::Ok((parameters, optimizer))
        };
        let begun =
            begin().and_then(|(parameters, optimizer)| self.trained.begin(parameters, optimizer));
        begun.map_err(|error| Failure::of_candle(&error, self.state.step))?;
        self.state.done.push(self.state.best.take());
        Ok(())
    }
}
