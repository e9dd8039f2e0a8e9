//! The temperature of a softmax, fitted on held-out data (Guo et al. 2017, "On calibration of modern neural networks",
//! section 4.2).

use super::{Measurement, counted, shape};
use crate::dropout::Masks;
use crate::model::Carried;
use crate::tasks::Head;
use breakmywork_protocol::spec::limits;
use candle_core::{D, DType, Result, Tensor};

/// Passes over the data at most: Newton's steps need about six, and halving the bracket this many leaves nothing of it.
const PASSES: usize = 40;
/// Relative change of the temperature at which it is found.
const CLOSE: f64 = 1e-6;

/// The temperature of the first member within the limits of a specification at which the loss is lowest, masks at their mean; `None` if it was
/// to stop.
///
/// The loss is convex in the inverse temperature: Newton's method, kept between those that were found too low and too
/// high.
///
/// # Errors
/// What the device says.
pub(crate) fn fitted(
    held: &Measurement<'_>,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<Option<f64>> {
    let (coldest, hottest) = limits::TEMPERATURE.into_inner();
    let (mut low, mut high) = (1.0 / hottest, 1.0 / coldest);
    // Whether the ends themselves, or better ones, were tried.
    let mut tried = [false, false];
    let mut inverse = 1.0_f64;
    for _ in 0..PASSES {
        let Some([slope, curvature]) = derivatives(held, inverse, goes_on)? else {
            return Ok(None);
        };
        if slope == 0.0 || !slope.is_finite() {
            break;
        }
        let rising = slope > 0.0;
        tried[usize::from(rising)] = true;
        *(if rising { &mut high } else { &mut low }) = inverse;
        let newton = inverse - slope / curvature;
        let next = if newton > low && newton < high {
            newton
        } else if tried == [true, true] {
            (low * high).sqrt()
        } else {
            tried = [true, true];
            if rising { low } else { high }
        };
        let moved = (next / inverse).ln().abs();
        inverse = next;
        if moved < CLOSE {
            break;
        }
    }
    Ok(Some(1.0 / inverse))
}

/// First and second derivative of the summed loss with respect to the inverse temperature.
fn derivatives(
    held: &Measurement<'_>,
    inverse: f64,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<Option<[f64; 2]>> {
    let mut sums = [0.0, 0.0];
    let mut carried: Option<Carried> = None;
    for piece in held.task.held_out(held.purpose, held.sequences) {
        let batch = held
            .task
            .batch(held.seed, &piece, held.dtype, held.device)?;
        if !goes_on() {
            return Ok(None);
        }
        if piece.begins() {
            carried = None;
        }
        let member = &held.members[0];
        let masks = Masks::mean(shape(held, member, &batch));
        let before = carried.as_ref();
        let (outputs, after) =
            held.engine
                .outputs(held.network, &member.weights, &batch, before, &masks)?;
        if held.task.name.is_language_model() {
            carried = Some(after);
        }
        let of_outputs = match held.network.head {
            Head::Classes(_) => of_classes(&outputs, &batch.targets, inverse)?,
            Head::Keys(_) => of_keys(&outputs, &batch.targets, inverse)?,
            Head::Value => candle_core::bail!("a number has no temperature"),
        };
        for (sum, values) in sums.iter_mut().zip(&of_outputs) {
            *sum += counted(&batch, values)?;
        }
    }
    Ok(Some(sums))
}

/// Of −log softmax(β z)[y]: the mean logit less that of the right class, and the variance of the logit.
fn of_classes(logits: &Tensor, targets: &Tensor, inverse: f64) -> Result<[Tensor; 2]> {
    let logits = logits.to_dtype(DType::F64)?;
    let chances = candle_nn::ops::softmax(&(&logits * inverse)?, D::Minus1)?;
    let mean = (&chances * &logits)?.sum(D::Minus1)?;
    let squares = (chances * logits.sqr()?)?.sum(D::Minus1)?;
    let right = logits.gather(&targets.unsqueeze(1)?, 1)?.squeeze(1)?;
    Ok([(&mean - right)?, (squares - mean.sqr()?)?])
}

/// Of the cross-entropy of σ(β z) with y, summed over the keys: Σ (σ − y) z and Σ σ (1 − σ) z².
fn of_keys(logits: &Tensor, targets: &Tensor, inverse: f64) -> Result<[Tensor; 2]> {
    let logits = logits.to_dtype(DType::F64)?;
    let chances = candle_nn::ops::sigmoid(&(&logits * inverse)?)?;
    let slope = ((&chances - targets.to_dtype(DType::F64)?)? * &logits)?;
    let curvature = ((&chances - chances.sqr()?)? * logits.sqr()?)?;
    Ok([slope.sum(D::Minus1)?, curvature.sum(D::Minus1)?])
}
