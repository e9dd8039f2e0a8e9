//! In which order a network learns: minibatch by minibatch, epoch by epoch.

use super::{Error, Piece, Source, Task, TextWindow};
use crate::rng::{Purpose, Stream};
use breakmywork_protocol::spec::{Training, Windows};

/// Share of variable windows that have about the full length; the others have about half of it (Merity et al. 2017).
const FULL_LENGTH: f64 = 0.95;
/// Standard deviation of a variable window's length (same source).
const DEVIATION: f64 = 5.0;
/// Fewest steps of a variable window (same source).
const SHORTEST: usize = 5;
/// Most steps that a variable window has beyond the usual length.
pub(super) const LONGER: usize = 20;

/// One step of training.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// What is learned from.
    pub piece: Piece,
    /// The epoch, from 0; generated sequences are one endless epoch.
    pub epoch: u32,
    /// What the learning rate is multiplied by.
    pub rate: f64,
    /// Whether the epoch ends with it.
    pub ends_epoch: bool,
}

/// The order of training: a function of the seed, so that arms of one seed learn alike and a run can go on anywhere.
pub struct Schedule {
    order: Order,
    batch: usize,
    seed: u32,
    anneal: f64,
    anneal_after: u32,
    /// Optimizer steps in all.
    steps: u32,
    /// The epoch that was asked for last.
    epoch: Epoch,
}

enum Order {
    /// Sequences without end, by number.
    Endless,
    /// Each of so many sequences once an epoch, in an order of its own.
    Shuffled { sequences: u32 },
    /// Windows of streams that make so many predictions each.
    Windows {
        predictions: usize,
        length: usize,
        windows: Windows,
    },
}

/// One pass over the data.
#[derive(Debug, Clone)]
struct Epoch {
    number: u32,
    /// Optimizer steps before it.
    first: u32,
    /// The order of the sequences, or empty.
    sequences: Vec<u32>,
    /// The windows with the share of the learning rate that each has, or empty.
    windows: Vec<(TextWindow, f64)>,
}

impl Schedule {
    /// The order in which that training goes through the task.
    ///
    /// # Errors
    /// If the data set is too small for one minibatch.
    pub fn new(task: &Task, training: &Training, seed: u32) -> Result<Self, Error> {
        let batch = training.batch as usize;
        let reference = || task.data().map(|(name, _)| name.to_owned());
        let short = |have, what, need| Error::TooShort {
            reference: reference().unwrap_or_default(),
            split: "train",
            have,
            what,
            need,
        };
        let order = match &task.source {
            Source::Sequences(source) => match source.count(Purpose::Training) {
                None => Order::Endless,
                Some(count) if count < batch as u64 => {
                    let need = format!("a minibatch of {batch}");
                    return Err(short(count as usize, "sequences", need));
                }
                Some(count) => Order::Shuffled {
                    sequences: u32::try_from(count).unwrap_or(u32::MAX),
                },
            },
            Source::Text(text) => {
                let predictions = text.predictions(Purpose::Training, batch);
                let length = text.length();
                if predictions < text.longest() {
                    let need = format!("{batch} streams with a window of {}", text.longest());
                    return Err(short(text.training(), text.unit, need));
                }
                Order::Windows {
                    predictions,
                    length,
                    windows: text.windows,
                }
            }
        };
        let mut schedule = Self {
            order,
            batch,
            seed,
            anneal: training.anneal.unwrap_or(1.0),
            anneal_after: training.anneal_after.unwrap_or(u32::MAX),
            steps: training.steps.unwrap_or(0),
            epoch: Epoch {
                number: 0,
                first: 0,
                sequences: Vec::new(),
                windows: Vec::new(),
            },
        };
        schedule.epoch = schedule.epoch(0, 0);
        if training.steps.is_none() {
            let epochs = training.epochs.unwrap_or(1);
            let steps = |epoch: u32| u64::from(schedule.steps_of(&schedule.epoch(epoch, 0)));
            let all: u64 = match &schedule.order {
                Order::Windows {
                    windows: Windows::Variable,
                    ..
                } => (0..epochs).map(steps).sum(),
                _ => u64::from(epochs) * steps(0),
            };
            schedule.steps = u32::try_from(all).unwrap_or(u32::MAX);
        }
        Ok(schedule)
    }

    /// Optimizer steps in all.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// What is learned in that optimizer step, counted from 0.
    pub fn lesson(&mut self, step: u32) -> Lesson {
        if let Order::Endless = self.order {
            let first = u64::from(step) * self.batch as u64;
            let numbers = first..first + self.batch as u64;
            return Lesson {
                piece: Piece::Sequences(Purpose::Training, numbers.collect()),
                epoch: 0,
                rate: 1.0,
                ends_epoch: false,
            };
        }
        if step < self.epoch.first {
            self.epoch = self.epoch(0, 0);
        }
        while step - self.epoch.first >= self.steps_of(&self.epoch) {
            let first = self.epoch.first + self.steps_of(&self.epoch);
            self.epoch = self.epoch(self.epoch.number + 1, first);
        }
        let within = (step - self.epoch.first) as usize;
        let (piece, share) = match self.epoch.windows.get(within) {
            Some((window, share)) => (Piece::Window(Purpose::Training, *window), *share),
            None => {
                let numbers = self.epoch.sequences[within * self.batch..][..self.batch].iter();
                let numbers = numbers.map(|&number| u64::from(number)).collect();
                (Piece::Sequences(Purpose::Training, numbers), 1.0)
            }
        };
        let late = (self.epoch.number + 1).saturating_sub(self.anneal_after);
        Lesson {
            piece,
            epoch: self.epoch.number,
            rate: share * self.anneal.powf(f64::from(late)),
            ends_epoch: within as u32 + 1 == self.steps_of(&self.epoch),
        }
    }

    fn steps_of(&self, epoch: &Epoch) -> u32 {
        (epoch.windows.len() + epoch.sequences.len() / self.batch) as u32
    }

    fn epoch(&self, number: u32, first: u32) -> Epoch {
        let mut stream = Stream::new(self.seed, Purpose::Order, u64::from(number));
        let mut epoch = Epoch {
            number,
            first,
            sequences: Vec::new(),
            windows: Vec::new(),
        };
        match self.order {
            Order::Endless => {}
            Order::Shuffled { sequences } => {
                epoch.sequences = (0..sequences).collect();
                stream.shuffle(&mut epoch.sequences);
            }
            Order::Windows {
                predictions,
                length,
                windows,
            } => {
                let mut start = 0;
                loop {
                    let left = predictions - start;
                    let wanted = match windows {
                        Windows::Fixed => length,
                        Windows::Variable => variable(length, &mut stream),
                    };
                    // A last window that is cut short is left out: its gradient would be of other steps.
                    if wanted > left {
                        return epoch;
                    }
                    let window = TextWindow {
                        streams: self.batch,
                        start,
                        length: wanted,
                    };
                    epoch.windows.push((window, wanted as f64 / length as f64));
                    start += wanted;
                }
            }
        }
        epoch
    }
}

/// A window's length: about `usual` or half of it, normally distributed.
fn variable(usual: usize, stream: &mut Stream) -> usize {
    let about = match stream.bernoulli(FULL_LENGTH) {
        true => usual as f64,
        false => usual as f64 / 2.0,
    };
    let drawn = (about + DEVIATION * stream.normal()).round();
    (drawn.max(0.0) as usize).clamp(SHORTEST, usual + LONGER)
}
