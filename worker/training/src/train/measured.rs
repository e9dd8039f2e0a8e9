//! What a run measures: points of its curves while it trains, and all that it reports at its end.

use super::{DTYPE, Run, ledger, network_seed, reporter::Reporter};
use crate::checkpoint::Best;
use crate::evaluate::{self, Measurement, Member};
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
        let temperature = self.plan.setup.evaluation.temperature.in_training();
        let number = self.network_number();
        let weights = self.trained.measured_weights();
        let network = [self.member(number, weights, self.own_step())?];
        let held = self.measurement(Purpose::Validation, 0, &network, temperature);
        let Some(validation) = self.evaluate(&held, reporter)? else {
            return Ok(None);
        };
        let mut points = vec![("train_loss".to_owned(), self.ledger.take_mean(step)?)];
        // The first is the loss. Early stopping keeps the earliest of equals.
        let loss = validation[0].1;
        if self.state.best.is_none_or(|best| loss < best.loss) {
            let own = self.own_step();
            self.state.best = Some(Best { step: own, loss });
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

    /// The network of that number with those weights, which it had after so many steps of its own.
    fn member(
        &self,
        number: usize,
        weights: candle_core::Result<Weights>,
        steps: u32,
    ) -> Result<Member<'a>, Failure> {
        let weights = weights.map_err(|error| Failure::of_candle(&error, self.state.step))?;
        Ok(Member {
            weights,
            dropout: self.dropout_before(number, steps),
            seed: network_seed(self.plan.seed, number),
        })
    }

    /// All networks of the run, with their last weights.
    fn last(&self) -> Result<Vec<Member<'a>>, Failure> {
        let done = self.trained.done.iter();
        let done = done.map(|done| self.trained.weights_of(&done.last, &done.statistics));
        let all = done.chain([self.trained.measured_weights()]).enumerate();
        all.map(|(number, weights)| self.member(number, weights, self.orders.steps_of(number)))
            .collect()
    }

    /// All networks of the run, each with the weights of its lowest validation loss; `None` if one has none.
    fn best(&self) -> Result<Option<Vec<Member<'a>>>, Failure> {
        let done = self.trained.done.iter();
        let done = done.map(|done| self.trained.weights_of(&done.best, &done.best_statistics));
        let weights = done.chain([self.trained.best_weights()]);
        let at: Option<Vec<Best>> = self
            .state
            .done
            .iter()
            .copied()
            .chain([self.state.best])
            .collect();
        let Some(at) = at else {
            return Ok(None);
        };
        let all = weights.zip(at).enumerate();
        let all = all.map(|(number, (weights, best))| self.member(number, weights, best.step));
        all.collect::<Result<_, _>>().map(Some)
    }

    /// What is measured of those networks, on that split, with so many samples of the masks of each.
    fn measurement<'r>(
        &'r self,
        purpose: Purpose,
        samples: u32,
        members: &'r [Member<'r>],
        temperature: f64,
    ) -> Measurement<'r> {
        Measurement {
            task: &self.task,
            network: &self.network,
            engine: &self.engine,
            members,
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

    /// The temperature at which those networks, of which only one can have it fitted, are measured at the end; `None` if it was asked to stop first.
    fn temperature(
        &self,
        networks: &[Member<'_>],
        reporter: &mut Reporter<'_>,
    ) -> Result<Option<f64>, Failure> {
        let temperature = self.plan.setup.evaluation.temperature;
        let Temperature::Fitted(FittedOn::Valid) = temperature else {
            return Ok(Some(temperature.in_training()));
        };
        let step = self.state.step;
        let held = self.measurement(Purpose::Validation, 0, networks, 1.0);
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
        let last = self.last()?;
        let several = last.len() > 1;
        let Some(cooled) = self.temperature(&last, reporter)? else {
            return Ok(None);
        };
        let of_last = |purpose, samples| self.measurement(purpose, samples, &last, cooled);
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
        // Settings are chosen by these, which a result therefore names beside what is measured on the test. No curve has
        // those of several networks.
        let validation = match several {
            true => self.evaluate(&of_last(Purpose::Validation, 0), reporter)?,
            false => Some(self.state.validation.clone()),
        };
        let Some(validation) = validation else {
            return Ok(None);
        };
        metrics.extend(validation);
        let Some(best) = self.best()? else {
            return Ok(Some(metrics));
        };
        let Some(cooled) = self.temperature(&best, reporter)? else {
            return Ok(None);
        };
        if is_fitted {
            metrics.insert("temperature_early_stopped".into(), cooled);
        }
        let of_best = |purpose, samples| self.measurement(purpose, samples, &best, cooled);
        let Some(early) = self.evaluate(&of_best(Purpose::Test, samples), reporter)? else {
            return Ok(None);
        };
        let validation = match several {
            true => self.evaluate(&of_best(Purpose::Validation, 0), reporter)?,
            false => Some(self.state.best_validation.clone()),
        };
        let Some(validation) = validation else {
            return Ok(None);
        };
        let losses = early
            .into_iter()
            .filter(|(name, _)| !name.contains("variance") && !name.ends_with("_rank"))
            .chain(validation);
        metrics.extend(losses.map(|(name, value)| (format!("{name}_early_stopped"), value)));
        // Several networks have no one step.
        if let (false, Some(best)) = (several, self.state.best) {
            metrics.insert("early_stopped_at".into(), f64::from(best.step));
        }
        Ok(Some(metrics))
    }

    /// What was dropped in the last of so many optimizer steps of that network: weights are measured as they were trained.
    fn dropout_before(&self, number: usize, steps: u32) -> Cow<'a, Dropout> {
        let last = steps.saturating_sub(1);
        self.plan
            .setup
            .dropout
            .at(last, self.orders.steps_of(number))
    }
}
