//! What a run has learned so far: its state in memory, and the tensors of a checkpoint.

use super::networks::Done;
use crate::checkpoint::{Error, State};
use crate::model::{Carried, Moments, Parameters, Statistics, Weights};
use crate::optim::Optimizer;
use candle_core::Tensor;
use std::collections::HashMap;

/// What a checkpoint holds in tensors.
#[derive(Debug)]
pub(super) struct Trained {
    /// The parameters.
    pub(super) parameters: Parameters,
    /// The optimizer's state.
    pub(super) optimizer: Optimizer,
    /// The parameters of [`State::best`], in the same order; empty before the first measurement.
    pub(super) best: Vec<Tensor>,
    /// The states from which the next window of a text goes on; `None` where it begins at zero.
    pub(super) carried: Option<Carried>,
    /// Running averages of batch normalization; empty without it and before the first step.
    pub(super) statistics: Statistics,
    /// Those of [`State::best`].
    pub(super) best_statistics: Statistics,
    /// The networks before this one.
    pub(super) done: Vec<Done>,
}

impl Trained {
    /// The weights that are measured: the optimizer's averages if it has begun to average, else the last.
    ///
    /// # Errors
    /// If the device is out of memory.
    pub(super) fn measured_weights(&self) -> candle_core::Result<Weights> {
        let weights = match self.optimizer.averaged() {
            Some(means) => self.parameters.with_values(means),
            None => self.parameters.frozen(),
        };
        Ok(weights?.with_statistics(Some(self.statistics.clone())))
    }

    /// The weights of [`State::best`].
    ///
    /// # Errors
    /// If the device is out of memory.
    pub(super) fn best_weights(&self) -> candle_core::Result<Weights> {
        self.weights_of(&self.best, &self.best_statistics)
    }

    /// Those values as weights, with their running averages.
    ///
    /// # Errors
    /// If the device is out of memory.
    pub(super) fn weights_of(
        &self,
        values: &[Tensor],
        statistics: &Statistics,
    ) -> candle_core::Result<Weights> {
        let weights = self.parameters.with_values(values)?;
        Ok(weights.with_statistics(Some(statistics.clone())))
    }

    /// Keeps what will be measured of the network that is trained, and goes on with another from its beginning.
    ///
    /// # Errors
    /// If the device is out of memory.
    pub(super) fn begin(
        &mut self,
        parameters: Parameters,
        optimizer: Optimizer,
    ) -> candle_core::Result<()> {
        let last = self.measured_values()?;
        self.done.push(Done {
            last,
            statistics: std::mem::take(&mut self.statistics),
            best: std::mem::take(&mut self.best),
            best_statistics: std::mem::take(&mut self.best_statistics),
        });
        (self.parameters, self.optimizer) = (parameters, optimizer);
        self.carried = None;
        Ok(())
    }

    /// A copy of the weights that are measured, in the order of the parameters.
    ///
    /// # Errors
    /// If the device is out of memory.
    pub(super) fn measured_values(&self) -> candle_core::Result<Vec<Tensor>> {
        match self.optimizer.averaged() {
            Some(means) => means.iter().map(Tensor::copy).collect(),
            None => self.parameters.values(),
        }
    }

    /// All tensors of a checkpoint, by name.
    pub(super) fn tensors(&self) -> Vec<(String, Tensor)> {
        let named = || self.parameters.named().iter();
        let mut tensors: Vec<(String, Tensor)> = named()
            .map(|(name, var)| (name.clone(), var.as_detached_tensor()))
            .collect();
        let moments = self.optimizer.state(&self.parameters).into_iter();
        tensors.extend(moments.map(|(name, tensor)| (name, tensor.clone())));
        let carried = self.carried.iter().flat_map(|carried| &carried.layers);
        put_pairs(&mut tensors, "carried", ["h", "c"], carried);
        put_statistics(&mut tensors, "statistics", &self.statistics);
        put_statistics(&mut tensors, "best_statistics", &self.best_statistics);
        let mut put = |prefix: &str, values: &[Tensor]| {
            let values = named().zip(values);
            let values =
                values.map(|((name, _), value)| (format!("{prefix}.{name}"), value.clone()));
            tensors.extend(values);
        };
        put("best", &self.best);
        for (number, done) in self.done.iter().enumerate() {
            put(&format!("done.{number}.last"), &done.last);
            put(&format!("done.{number}.best"), &done.best);
        }
        for (number, done) in self.done.iter().enumerate() {
            let prefix = format!("done.{number}");
            put_statistics(
                &mut tensors,
                &format!("{prefix}.statistics"),
                &done.statistics,
            );
            let best = &done.best_statistics;
            put_statistics(&mut tensors, &format!("{prefix}.best_statistics"), best);
        }
        tensors
    }

    /// Takes back what [`Self::tensors`] gave, from a checkpoint with that state.
    ///
    /// # Errors
    /// If one is missing or of another shape; then this is not to be used.
    pub(super) fn restore(
        &mut self,
        state: &State,
        mut stored: HashMap<String, Tensor>,
    ) -> Result<(), Error> {
        let carried = take_pairs(&mut stored, "carried", ["h", "c"])?;
        self.carried = (!carried.is_empty()).then_some(Carried { layers: carried });
        self.statistics = take_statistics(&mut stored, "statistics")?;
        self.best_statistics = take_statistics(&mut stored, "best_statistics")?;
        let mut statistics = Vec::new();
        for number in 0..state.done.len() {
            let of = |which: &str| format!("done.{number}.{which}");
            statistics.push([
                take_statistics(&mut stored, &of("statistics"))?,
                take_statistics(&mut stored, &of("best_statistics"))?,
            ]);
        }
        let mut take = |name: &str, like: &Tensor| match stored.remove(name) {
            Some(tensor) if tensor.shape() == like.shape() && tensor.dtype() == like.dtype() => {
                Ok(tensor)
            }
            Some(_) => Err(Error::Damaged(format!("{name} has another shape"))),
            None => Err(Error::Damaged(format!("{name} is missing"))),
        };
        let parameters = &self.parameters;
        for (name, var) in parameters.named() {
            var.set(&take(name, var)?)?;
        }
        self.optimizer
            .restore(parameters, &state.average, &mut take)?;
        let mut values = |prefix: &str| {
            let named = parameters.named().iter();
            let values = named.map(|(name, var)| take(&format!("{prefix}.{name}"), var));
            values.collect::<Result<Vec<_>, _>>()
        };
        if state.best.is_some() {
            self.best = values("best")?;
        }
        for (number, (best, [of_last, of_best])) in state.done.iter().zip(statistics).enumerate() {
            self.done.push(Done {
                last: values(&format!("done.{number}.last"))?,
                statistics: of_last,
                best: match best {
                    Some(_) => values(&format!("done.{number}.best"))?,
                    None => Vec::new(),
                },
                best_statistics: of_best,
            });
        }
        Ok(())
    }
}

/// Pairs of tensors with names that count from 0; none where there is no first. Both of a pair have one shape.
fn take_pairs(
    stored: &mut HashMap<String, Tensor>,
    name: &str,
    [first, second]: [&str; 2],
) -> Result<Vec<[Tensor; 2]>, Error> {
    let mut pairs: Vec<[Tensor; 2]> = Vec::new();
    loop {
        let of = |which: &str| format!("{name}.{}.{which}", pairs.len());
        let pair = match (stored.remove(&of(first)), stored.remove(&of(second))) {
            (None, None) => return Ok(pairs),
            (Some(a), Some(b)) => [a, b],
            (None, _) => return Err(Error::Damaged(format!("{} is missing", of(first)))),
            (_, None) => return Err(Error::Damaged(format!("{} is missing", of(second)))),
        };
        let like = pairs.first().map_or(&pair[0], |[like, _]| like);
        if pair
            .iter()
            .any(|tensor| tensor.shape() != like.shape() || tensor.dtype() != like.dtype())
        {
            return Err(Error::Damaged(format!(
                "{name}.{} has another shape",
                pairs.len()
            )));
        }
        pairs.push(pair);
    }
}

fn take_statistics(stored: &mut HashMap<String, Tensor>, name: &str) -> Result<Statistics, Error> {
    let mut layers: Vec<Vec<Moments>> = Vec::new();
    loop {
        let layer = format!("{name}.{}", layers.len());
        let steps = take_pairs(stored, &layer, ["mean", "variance"])?;
        if steps.is_empty() {
            return Ok(Statistics { layers });
        }
        layers.push(steps);
    }
}

fn put_statistics(tensors: &mut Vec<(String, Tensor)>, name: &str, statistics: &Statistics) {
    for (layer, steps) in statistics.layers.iter().enumerate() {
        let name = format!("{name}.{layer}");
        put_pairs(tensors, &name, ["mean", "variance"], steps);
    }
}

fn put_pairs<'a>(
    tensors: &mut Vec<(String, Tensor)>,
    name: &str,
    [first, second]: [&str; 2],
    pairs: impl IntoIterator<Item = &'a [Tensor; 2]>,
) {
    for (index, [a, b]) in pairs.into_iter().enumerate() {
        tensors.push((format!("{name}.{index}.{first}"), a.clone()));
        tensors.push((format!("{name}.{index}.{second}"), b.clone()));
    }
}
