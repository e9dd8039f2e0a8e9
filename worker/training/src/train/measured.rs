//! What a run measures: points of its curves while it trains, and all that it reports at its end.

use super::{DTYPE, Run, ledger, reporter::Reporter};
use crate::checkpoint::Best;
use crate::evaluate::{self, Measurement};
use crate::events::Failure;
use crate::model::Weights;
use crate::rng::Purpose;
use breakmywork_protocol::spec::{Dropout, Evaluation, FittedOn, Temperature};
use std::borrow::Cow;
use std::collections::BTreeMap;

impl<'a> Run<'a> {
    /// The curves' points at this step: mean training loss since the last measurement, and validation; `None` if it was
    /// asked to stop first, and nothing has changed then.
    pub(super) fn measure(
        &mut self,
        reporter: &mut Reporter<'_>,
    ) -> Result<Option<Vec<(String, f64)>>, Failure> {
        let step = self.state.step;
        let weights = self.measured_weights()?;
        let temperature = self.plan.setup.evaluation.temperature.in_training();
        let dropout = self.dropout_before(step);
        let held = self.measurement(Purpose::Validation, 0, &weights, &dropout, temperature);
        let Some(validation) = self.evaluate(&held, reporter)? else {
            return Ok(None);
        };
        let mut points = vec![("train_loss".to_owned(), self.ledger.take_mean(step)?)];
        // The first is the loss. Early stopping keeps the earliest of equals.
        let loss = validation[0].1;
        if self.state.best.is_none_or(|best| loss < best.loss) {
            self.state.best = Some(Best { step, loss });
            self.state.best_validation.clone_from(&validation);
            let values = self.trained.measured_values();
            self.trained.best = values.map_err(|error| Failure::of_candle(&error, step))?;
            self.trained.best_statistics = self.trained.statistics.clone();
        }
        self.trained.optimizer.measured(loss);
        self.state.validation.clone_from(&validation);
        points.extend(validation);
        Ok(Some(points))
    }

    fn measured_weights(&self) -> Result<Weights, Failure> {
        let weights = self.trained.measured_weights();
        weights.map_err(|error| Failure::of_candle(&error, self.state.step))
    }

    /// What is measured with those weights, on that split, with so many samples of the masks.
    fn measurement<'r>(
        &'r self,
        purpose: Purpose,
        samples: u32,
        weights: &'r Weights,
        dropout: &'r Dropout,
        temperature: f64,
    ) -> Measurement<'r> {
        Measurement {
            task: &self.task,
            network: &self.network,
            engine: &self.engine,
            weights,
            dropout,
            seed: self.plan.seed,
            purpose,
            sequences: self.plan.setup.evaluation.sequences,
            samples,
            uncertainty: None,
            temperature,
            dtype: DTYPE,
            device: &self.device,
        }
    }

    /// The temperature at which those weights are measured at the end; `None` if it was asked to stop first.
    fn temperature(
        &self,
        weights: &Weights,
        dropout: &Dropout,
        reporter: &mut Reporter<'_>,
    ) -> Result<Option<f64>, Failure> {
        let temperature = self.plan.setup.evaluation.temperature;
        let Temperature::Fitted(FittedOn::Valid) = temperature else {
            return Ok(Some(temperature.in_training()));
        };
        let step = self.state.step;
        let held = self.measurement(Purpose::Validation, 0, weights, dropout, 1.0);
        let fitted = evaluate::temperature::fitted(&held, &mut || reporter.goes_on(step));
        let fitted = fitted.map_err(|error| Failure::of_candle(&error, step))?;
        reporter.heard()?;
        Ok(fitted)
    }

    fn evaluate(
        &self,
        held: &Measurement<'_>,
        reporter: &mut Reporter<'_>,
    ) -> Result<Option<Vec<(String, f64)>>, Failure> {
        let step = self.state.step;
        let metrics = evaluate::metrics(held, &mut || reporter.goes_on(step));
        let metrics = metrics.map_err(|error| Failure::of_candle(&error, step))?;
        reporter.heard()?;
        let Some(metrics) = metrics else {
            return Ok(None);
        };
        match metrics.iter().find(|(_, value)| !value.is_finite()) {
            Some((name, value)) => Err(ledger::diverged(step, &format!("{name} became {value}"))),
            None => Ok(Some(metrics)),
        }
    }

    /// What the run reports at its end: of the last weights, and of those that early stopping would have kept; `None` if
    /// it was asked to stop first.
    pub(super) fn final_metrics(
        &self,
        reporter: &mut Reporter<'_>,
    ) -> Result<Option<BTreeMap<String, f64>>, Failure> {
        let Evaluation {
            samples,
            uncertainty,
            temperature,
            ..
        } = self.plan.setup.evaluation;
        let last = self.measured_weights()?;
        let dropout = self.dropout_before(self.state.step);
        let Some(cooled) = self.temperature(&last, &dropout, reporter)? else {
            return Ok(None);
        };
        let of_last =
            |purpose, samples| self.measurement(purpose, samples, &last, &dropout, cooled);
        // Of the last weights alone: it needs every prediction, where a loss has a faster way.
        let tested = Measurement {
            uncertainty,
            ..of_last(Purpose::Test, samples)
        };
        let Some(test) = self.evaluate(&tested, reporter)? else {
            return Ok(None);
        };
        let Some(training) = self.evaluate(&of_last(Purpose::Training, 0), reporter)? else {
            return Ok(None);
        };
        // The gap is between like and like: a test with samples is no measure of it.
        let beside = match samples {
            0 => Some(test.clone()),
            _ => self.evaluate(&of_last(Purpose::Test, 0), reporter)?,
        };
        let Some(beside) = beside else {
            return Ok(None);
        };
        let gap = evaluate::loss(&beside) - evaluate::loss(&training);
        let mut metrics = BTreeMap::from_iter(test.into_iter().chain(training));
        metrics.insert("gap".into(), gap);
        let is_fitted = matches!(temperature, Temperature::Fitted(_));
        if is_fitted {
            metrics.insert("temperature".into(), cooled);
        }
        if let Some(best) = self.state.best {
            let kept = self.trained.best_weights();
            let kept = kept.map_err(|error| Failure::of_candle(&error, self.state.step))?;
            let dropout = self.dropout_before(best.step);
            let Some(cooled) = self.temperature(&kept, &dropout, reporter)? else {
                return Ok(None);
            };
            let held = self.measurement(Purpose::Test, samples, &kept, &dropout, cooled);
            let Some(early) = self.evaluate(&held, reporter)? else {
                return Ok(None);
            };
            if is_fitted {
                metrics.insert("temperature_early_stopped".into(), cooled);
            }
            let losses = early
                .into_iter()
                .filter(|(name, _)| !name.contains("variance") && !name.ends_with("_rank"));
            metrics.extend(losses.map(|(name, value)| (format!("{name}_early_stopped"), value)));
            metrics.insert("early_stopped_at".into(), f64::from(best.step));
        }
        // Settings are chosen by these, which a result therefore names beside what is measured on the test.
        metrics.extend(self.state.validation.iter().cloned());
        let early = self.state.best_validation.iter();
        metrics.extend(early.map(|(name, value)| (format!("{name}_early_stopped"), *value)));
        Ok(Some(metrics))
    }

    /// What was dropped in the last of so many optimizer steps: weights are measured as they were trained.
    fn dropout_before(&self, steps: u32) -> Cow<'a, Dropout> {
        let last = steps.saturating_sub(1);
        self.plan.setup.dropout.at(last, self.schedule.steps())
    }
}
