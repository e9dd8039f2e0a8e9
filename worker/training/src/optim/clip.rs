//! The global norm of gradients, and what brings it down to a limit.

use super::update::sum_of_squares;
use crate::card::{self, Card};
use crate::gradient::Gradient;
use candle_core::{DType, Result, Tensor};

/// What brings gradients down to a limit.
#[derive(Debug)]
pub enum Scale {
    /// A number.
    Number(f64),
    /// A number that stays on the card: nobody waits for it.
    OnCard(Tensor),
}

/// Gradients whose global norm is at most a limit.
#[derive(Debug)]
pub struct Clipped {
    /// In the order of the parameters.
    pub gradients: Vec<Gradient>,
    /// What they are still to be multiplied by: that is left to whoever reads them next.
    pub scale: Scale,
    /// Their norm before; it stays on the device.
    pub norm: Tensor,
}

/// The gradients, scaled down so that their global norm is at most `clip` (0: as they are); on that card, or on a CPU.
///
/// # Errors
/// If the device is out of memory.
pub fn clipped(card: Option<&dyn Card>, gradients: Vec<Gradient>, clip: f64) -> Result<Clipped> {
    if let Some(card) = card {
        return clipped_on(card, gradients, clip);
    }
    let first = gradients[0].values();
    let (device, dtype) = (first.device().clone(), first.dtype());
    let norm = sum_of_squares(&gradients)?.sqrt();
    // clip / max(norm, clip): exactly 1 below the limit, and finite for a norm of 0. A NaN stays one.
    let scale = match clip {
        0.0 => 1.0,
        _ if norm > clip => clip / norm,
        _ => norm * 0.0 + 1.0,
    };
    Ok(Clipped {
        norm: Tensor::new(norm, &device)?.to_dtype(dtype)?,
        gradients,
        scale: Scale::Number(scale),
    })
}

fn clipped_on(card: &dyn Card, gradients: Vec<Gradient>, clip: f64) -> Result<Clipped> {
    if gradients
        .iter()
        .any(|gradient| gradient.values().dtype() != DType::F32)
    {
        candle_core::bail!("a card updates numbers of single precision");
    }
    let values: Vec<Tensor> = gradients.iter().map(|g| g.values().clone()).collect();
    let [norm, scale] = card::clip(card, &values, clip)?;
    Ok(Clipped {
        gradients,
        scale: Scale::OnCard(scale),
        norm,
    })
}
