//! Losses and gradient norms, read from the device no more often than needed.

use crate::events::{Failure, FailureKind};
use candle_core::{DType, Device, Result, Tensor};

/// Steps between two reads from a GPU: each read makes it wait. On the CPU a read costs nothing.
const GPU_READ_EVERY: usize = 50;

/// Collects each step's loss and gradient norm and watches that they stay finite.
pub(super) struct Ledger {
    /// [loss, norm] of steps that were not read yet, oldest first.
    pending: Vec<Tensor>,
    read_every: usize,
    sum: f64,
    count: u32,
}

impl Ledger {
    /// A ledger that goes on from the sum of that many losses.
    pub(super) fn new(device: &Device, sum: f64, count: u32) -> Self {
        let read_every = if device.is_cpu() { 1 } else { GPU_READ_EVERY };
        Self {
            pending: Vec::new(),
            read_every,
            sum,
            count,
        }
    }

    /// Notes a step's loss and gradient norm without reading them.
    pub(super) fn note(&mut self, loss: &Tensor, norm: &Tensor) -> Result<()> {
        self.pending
            .push(Tensor::stack(&[loss.detach(), norm.clone()], 0)?.to_dtype(DType::F64)?);
        Ok(())
    }

    /// Reads what is due; `step` steps are done.
    pub(super) fn read(&mut self, step: u32) -> std::result::Result<(), Failure> {
        if self.pending.len() < self.read_every {
            return Ok(());
        }
        self.read_all(step)
    }

    fn read_all(&mut self, step: u32) -> std::result::Result<(), Failure> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let candle = |error| Failure::of_candle(&error, step);
        let rows: Vec<Vec<f64>> = Tensor::stack(&self.pending, 0)
            .and_then(|all| all.to_vec2())
            .map_err(candle)?;
        let first = step - self.pending.len() as u32;
        self.pending.clear();
        for (at, row) in (first + 1..).zip(rows) {
            let (loss, norm) = (row[0], row[1]);
            if !loss.is_finite() {
                return Err(diverged(at, &format!("the training loss became {loss}")));
            }
            if !norm.is_finite() {
                return Err(diverged(at, &format!("the gradient norm became {norm}")));
            }
            self.sum += loss;
            self.count += 1;
        }
        Ok(())
    }

    /// Mean loss since the last call.
    pub(super) fn take_mean(&mut self, step: u32) -> std::result::Result<f64, Failure> {
        let (sum, count) = self.settle(step)?;
        (self.sum, self.count) = (0.0, 0);
        Ok(sum / f64::from(count))
    }

    /// Reads everything and gives sum and number of the losses since the last mean.
    pub(super) fn settle(&mut self, step: u32) -> std::result::Result<(f64, u32), Failure> {
        self.read_all(step)?;
        Ok((self.sum, self.count))
    }
}

/// The failure of a run that left the finite numbers.
pub(super) fn diverged(step: u32, what: &str) -> Failure {
    Failure::new(
        FailureKind::Diverged,
        step,
        format!("diverged at step {step}: {what}"),
    )
}
