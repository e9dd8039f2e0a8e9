//! Trains one run, from its plan to its result.
//!
//! Numbers to expect on one CPU core with the LSTM (see `tests/learning.rs`): adding at length 10 falls from 1/6 to
//! below 0.01 within 1,500 Adam steps of 32 sequences; temporal order at length 12 is solved within 600.

mod ledger;
mod measured;
mod networks;
mod reporter;
mod room;
mod trained;

use crate::checkpoint::{self, State};
use crate::device::{self, DeviceChoice};
use crate::dropout::{MaskShape, Masks, Proof};
use crate::engine::{self, Engine};
use crate::events::{Event, Failure, FailureKind};
use crate::memory;
use crate::model::{Parameters, Statistics};
use crate::network::Network;
use crate::optim::{self, Optimizer};
use crate::precision::Products;
use crate::rights;
use crate::rng::Purpose;
use crate::tasks::{self, Task};
use crate::window::Window;
use breakmywork_protocol::metric;
use breakmywork_protocol::result::{Provenance, RunResult};
use breakmywork_protocol::spec::{LossOverTime, Plan, Setup};
use candle_core::{DType, Device};
use ledger::Ledger;
use networks::Orders;
use reporter::Reporter;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use trained::Trained;

pub use crate::vectors::instructions;
pub use networks::network_seed;

/// Version of this code, part of every result.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit it was built from, or `unknown`.
pub const CODE_VERSION: &str = env!("BREAKMYWORK_CODE_VERSION");
/// Precision of training.
pub const DTYPE: DType = DType::F32;

/// Where and how to train.
#[derive(Debug, Clone)]
pub struct Options {
    /// The device.
    pub device: DeviceChoice,
    /// Where checkpoints go; `None` writes none.
    pub checkpoints: Option<Checkpoints>,
    /// The checkpoint to go on from.
    pub resume: Option<PathBuf>,
    /// The folder of data sets.
    pub data_sets: PathBuf,
    /// Whether the system holds this process to the memory, time and files that the plan should need. For a process that
    /// trains one plan and ends.
    pub held: bool,
}

/// Where checkpoints go, and how often.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    /// The folder of this run.
    pub directory: PathBuf,
    /// Time between two checkpoints.
    pub every: Duration,
}

/// What a run is asked to do from outside while it trains.
#[derive(Debug, Default)]
pub struct Requests {
    /// Write a checkpoint and stop.
    pub stop: AtomicBool,
    /// Write a checkpoint and go on.
    pub checkpoint: AtomicBool,
}

/// How training ended, if it did not fail.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// All steps are done.
    Finished(Box<RunResult>),
    /// It was asked to stop after that many steps.
    Stopped {
        /// Optimizer steps done.
        step: u32,
    },
}

/// Trains the plan and reports through `emit`; metrics are bit for bit the same whether or not it was interrupted.
///
/// Runs on a thread of its own: candle walks and drops a graph by recursion, as deep as the sequence is long.
///
/// # Errors
/// A [`Failure`] with its kind; divergence is one.
pub fn train(
    plan: &Plan,
    options: &Options,
    requests: &Requests,
    emit: &mut (dyn FnMut(Event) -> io::Result<()> + Send),
) -> Result<Outcome, Failure> {
    memory::keep_freed();
    engine::tune();
    let task = open(plan, options)?;
    let network = Network::new(&plan.setup.model, task.shape());
    let stack = stack_bytes(&network, task.shape().steps);
    std::thread::scope(|scope| {
        let run = || Run::start(plan, options, task)?.go(requests, emit);
        let thread = std::thread::Builder::new()
            .name("train".into())
            .stack_size(stack)
            .spawn_scoped(scope, run);
        let thread = thread.map_err(|error| {
            Failure::new(
                FailureKind::Machine,
                0,
                format!("no thread with a stack of {stack} bytes: {error}"),
            )
        })?;
        thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// As [`train`], going on from the first of the checkpoints `from` that can be used, else from the start.
///
/// # Errors
/// As [`train`].
pub fn go_on(
    plan: &Plan,
    mut options: Options,
    from: &[PathBuf],
    requests: &Requests,
    emit: &mut (dyn FnMut(Event) -> io::Result<()> + Send),
) -> Result<Outcome, Failure> {
    for path in from {
        options.resume = Some(path.clone());
        match train(plan, &options, requests, emit) {
            Err(failure) if failure.kind == FailureKind::Checkpoint => {
                let (path, reason) = (path.clone(), failure.message);
                Reporter::new(requests, emit, 0).say(0, Event::Unusable { path, reason })?;
            }
            other => return other,
        }
    }
    options.resume = None;
    train(plan, &options, requests, emit)
}

/// The task; that it cannot be learned from its data is the specification's fault, that they are not here is not.
fn open(plan: &Plan, options: &Options) -> Result<Task, Failure> {
    let Setup {
        task, evaluation, ..
    } = &plan.setup;
    let opened = Task::open(task, &options.data_sets).map_err(|error| refused(&error))?;
    Ok(opened.tested(task, evaluation))
}

fn refused(error: &tasks::Error) -> Failure {
    match error {
        tasks::Error::Data(data) => {
            // With the path, for whoever looks after this machine.
            tracing::warn!("{data}");
            Failure::new(FailureKind::Machine, 0, data.public())
        }
        _ => Failure::new(FailureKind::Specification, 0, error.to_string()),
    }
}

/// Measured: candle's recursion takes about 250 bytes a node; four times that, for up to 64 nodes a step and layer.
fn stack_bytes(network: &Network, steps: usize) -> usize {
    (64 << 20) + steps * network.layers * 64 * 1024
}

/// A run in memory.
struct Run<'a> {
    plan: &'a Plan,
    options: &'a Options,
    device: Device,
    task: Task,
    orders: Orders,
    network: Network,
    engine: Engine,
    trained: Trained,
    ledger: Ledger,
    state: State,
    /// Seconds of training in the attempts before this one.
    seconds_before: f64,
    started: Instant,
    /// Time steps of the attempts before this one.
    time_steps_before: u64,
}

impl<'a> Run<'a> {
    /// Builds everything at step 0, or as the checkpoint has it.
    fn start(plan: &'a Plan, options: &'a Options, task: Task) -> Result<Self, Failure> {
        let candle = |error| Failure::of_candle(&error, 0);
        // Another worker may have the device that this one lost.
        let device = options
            .device
            .open()
            .map_err(|message| Failure::new(FailureKind::Machine, 0, message))?;
        let setup = &plan.setup;
        let orders = Orders::new(&task, &setup.training, plan.seed);
        let orders = orders.map_err(|error| refused(&error))?;
        let network = Network::new(&setup.model, task.shape());
        let needed = memory::needed(&network, task.shape().steps, setup);
        let on_cpu = options.device == DeviceChoice::Cpu;
        room::check(needed, on_cpu.then(room::here))?;
        if options.held {
            rights::hold(setup, needed, orders.longest(), !on_cpu);
        }
        let parameters =
            Parameters::initial(&network, plan.seed, DTYPE, &device).map_err(candle)?;
        let optimizer = Optimizer::new(&setup.training, &parameters).map_err(candle)?;
        let mut state = State {
            plan_sha256: plan.sha256(),
            worker_version: VERSION.into(),
            step: 0,
            wall_seconds: 0.0,
            loss_sum: 0.0,
            losses: 0,
            proof: Proof::default(),
            best: None,
            done: Vec::new(),
            validation: Vec::new(),
            best_validation: Vec::new(),
            average: optimizer.progress(),
            time_steps: 0,
            unmeasured: false,
        };
        let mut trained = Trained {
            parameters,
            optimizer,
            best: Vec::new(),
            carried: None,
            statistics: Statistics::default(),
            best_statistics: Statistics::default(),
            done: Vec::new(),
        };
        if let Some(path) = &options.resume {
            let loaded = checkpoint::load(path, &state.plan_sha256, &device);
            let restored = loaded.and_then(|(loaded, stored)| {
                orders.check(loaded.done.len(), loaded.step)?;
                trained.restore(&loaded, stored)?;
                Ok(loaded)
            });
            state = restored.map_err(|error| unusable(&error))?;
        }
        Ok(Self {
            plan,
            options,
            engine: Engine::of(&network, &setup.dropout, DTYPE, &device),
            ledger: Ledger::new(&device, state.loss_sum, state.losses),
            device,
            task,
            orders,
            network,
            trained,
            seconds_before: state.wall_seconds,
            started: Instant::now(),
            time_steps_before: state.time_steps,
            state,
        })
    }

    fn go(
        mut self,
        requests: &Requests,
        emit: &mut dyn FnMut(Event) -> io::Result<()>,
    ) -> Result<Outcome, Failure> {
        let steps = self.orders.steps();
        let every = self.plan.setup.evaluation.every;
        let mut checkpointed = Instant::now();
        let mut reporter = Reporter::new(requests, emit, steps);
        if self.options.resume.is_some() {
            let step = self.state.step;
            reporter.say(step, Event::Resumed { step })?;
        }
        while self.state.step < steps || self.state.unmeasured {
            if !self.state.unmeasured {
                let epoch_ends = self
                    .step()
                    .map_err(|error| Failure::of_candle(&error, self.state.step))?;
                self.state.step += 1;
                let step = self.state.step;
                self.ledger.read(step)?;
                let due = every.map_or(epoch_ends, |every| self.own_step().is_multiple_of(every));
                self.state.unmeasured = due || self.is_trained();
            }
            let step = self.state.step;
            if self.state.unmeasured
                && let Some(points) = self.measure(&mut reporter)?
            {
                self.state.unmeasured = false;
                for (name, value) in points {
                    reporter.say(step, Event::Metric { step, name, value })?;
                }
                if self.is_trained() {
                    self.begin_next()?;
                }
            }
            reporter.progress(step)?;
            let unfinished = step < steps || self.state.unmeasured;
            let stop = requests.stop.load(Ordering::Relaxed) && unfinished;
            if let Some(checkpoints) = &self.options.checkpoints {
                let asked = requests.checkpoint.swap(false, Ordering::Relaxed);
                if stop || asked || checkpointed.elapsed() >= checkpoints.every {
                    reporter.say(step, self.checkpoint(checkpoints)?)?;
                    checkpointed = Instant::now();
                }
            }
            if stop {
                return Ok(Outcome::Stopped { step });
            }
        }
        let Some(result) = self.result(&mut reporter)? else {
            if let Some(checkpoints) = &self.options.checkpoints {
                reporter.say(steps, self.checkpoint(checkpoints)?)?;
            }
            return Ok(Outcome::Stopped { step: steps });
        };
        reporter.say(steps, Event::Result(Box::new(result.clone())))?;
        Ok(Outcome::Finished(Box::new(result)))
    }

    /// One optimizer step: minibatch, masks, forward, backward, update. Says whether an epoch ended with it.
    fn step(&mut self) -> candle_core::Result<bool> {
        let (setup, number, step) = (&self.plan.setup, self.network_number(), self.own_step());
        let (training, all) = (&setup.training, self.orders.steps_of(number));
        let lesson = self.orders.lesson(number, step);
        let data = self.plan.seed;
        let batch = self.task.batch(data, &lesson.piece, DTYPE, &self.device)?;
        let steps = batch.inputs.steps();
        let dropout = setup.dropout.at(step, all);
        let shape = MaskShape {
            dropout: &dropout,
            network: &self.network,
            steps,
            batch: batch.size,
            tokens: batch.inputs.tokens(),
        };
        let purpose = |site, layer| Purpose::Mask { site, layer };
        let seed = network_seed(self.plan.seed, number);
        let mut masks = Masks::draw(self.engine.card(), shape, seed, purpose, u64::from(step))?;
        let inspect = Proof::wants(step, all);
        if inspect {
            masks = masks.logged();
        }
        let before = self.trained.carried.take();
        let window = Window {
            network: &self.network,
            parameters: &self.trained.parameters,
            batch: &batch,
            masks: &masks,
            carried: before.as_ref().filter(|_| !lesson.piece.begins()),
            factor: match training.loss_over_time {
                Some(LossOverTime::Sum) => steps as f64,
                _ => 1.0,
            },
            penalties: [training.ar, training.tar],
        };
        let learned = self.engine.learn(&window)?;
        let loss = learned.loss;
        let clipped = optim::clipped(self.engine.card(), learned.gradients, training.clip)?;
        let Trained {
            parameters,
            optimizer,
            carried,
            statistics,
            ..
        } = &mut self.trained;
        optimizer.step(
            self.engine.card(),
            step + 1,
            lesson.rate,
            parameters,
            &clipped,
        )?;
        statistics.follow(&learned.statistics)?;
        if self.task.name.is_language_model() {
            *carried = Some(learned.carried);
        }
        self.state.time_steps += (steps * batch.size) as u64;
        self.ledger.note(&loss, &clipped.norm)?;
        self.engine.reclaim(clipped.gradients)?;
        if inspect {
            self.state.proof.inspect(shape, &masks.into_log())?;
        }
        Ok(lesson.ends_epoch)
    }

    /// Writes a checkpoint, or says that the disk does not take it: it only saves time, so training goes on.
    fn checkpoint(&mut self, to: &Checkpoints) -> Result<Event, Failure> {
        let step = self.state.step;
        (self.state.loss_sum, self.state.losses) = self.ledger.settle(step)?;
        self.state.wall_seconds = self.wall_seconds();
        self.state.average = self.trained.optimizer.progress();
        match checkpoint::save(&to.directory, &self.state, self.trained.tensors()) {
            Ok(written) => Ok(Event::Checkpoint(written)),
            Err(checkpoint::Error::Device(error)) => Err(Failure::of_candle(&error, step)),
            Err(error) => {
                tracing::warn!("no checkpoint was written, training goes on: {error}");
                let reason = error.public();
                Ok(Event::NoCheckpoint { step, reason })
            }
        }
    }

    fn wall_seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }

    /// Test metrics after the last step, the proof of treatment, and where the numbers come from; `None` if it was asked
    /// to stop while it measured.
    fn result(&self, reporter: &mut Reporter<'_>) -> Result<Option<RunResult>, Failure> {
        let seconds = self.started.elapsed().as_secs_f64();
        let time_steps = self.state.time_steps;
        let data = self.task.data();
        let Some(metrics) = self.final_metrics(reporter)? else {
            return Ok(None);
        };
        let constant = (self.task).constant(self.plan.setup.evaluation.sequences);
        Ok(Some(RunResult {
            metrics,
            constant: constant.or_else(|| metric::constant(&self.plan.setup.task)),
            treatment: self.state.proof.treatment(&self.plan.setup.dropout),
            provenance: Provenance {
                worker_version: VERSION.into(),
                code_version: CODE_VERSION.into(),
                data_set: data.map(|(name, _)| name.to_owned()),
                data_sha256: data.map(|(_, sha256)| sha256.to_owned()),
                plan_sha256: self.state.plan_sha256.clone(),
                seed: self.plan.seed,
                device: self.options.device.to_string(),
                device_name: self.options.device.name(),
                products: (!self.device.is_cpu()).then(|| Products::chosen().to_string()),
                arithmetic: self.device.is_cpu().then(|| instructions().to_owned()),
                threads: device::threads(),
                wall_seconds: self.wall_seconds(),
                time_steps,
                time_steps_per_second: (time_steps - self.time_steps_before) as f64 / seconds,
                peak_memory_bytes: memory::peak(),
            },
        }))
    }
}

/// Why a checkpoint cannot be gone on from; the device's own trouble is not the file's.
fn unusable(error: &checkpoint::Error) -> Failure {
    match error {
        checkpoint::Error::Device(error) => Failure::of_candle(error, 0),
        _ => Failure::new(FailureKind::Checkpoint, 0, error.public()),
    }
}
