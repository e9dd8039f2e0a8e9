//! Masks of whole characters or words.

use super::{MaskShape, kept_value};
use crate::rng::Stream;
use breakmywork_protocol::spec::{By, Site};
use candle_core::{DType, Device, Result, Tensor};

/// A mask for each step: batch × 1.
///
/// By type, the number of an entry in the stream is that of the type (and of the sequence, unless they share it), so
/// all occurrences of a type get the same without a mask for the whole vocabulary; by token it is that of the place.
pub(super) fn draw(
    shape: MaskShape<'_>,
    site: &Site,
    stream: &Stream,
    dtype: DType,
    device: &Device,
) -> Result<Vec<Tensor>> {
    let Some(tokens) = shape.tokens else {
        candle_core::bail!("embeddings are dropped where no tokens are read");
    };
    let vocabulary = shape.network.vocabulary.unwrap_or(0) as u64;
    let keep = 1.0 - site.rate;
    let value = kept_value(site) as f32;
    let entry = |place: usize, id: u32| {
        let (step, sequence) = (place / shape.batch, place % shape.batch);
        let sequence = if site.shared() { 0 } else { sequence as u64 };
        let number = match site.by {
            Some(By::Token) => (step * shape.batch) as u64 + sequence,
            _ => sequence * vocabulary + u64::from(id),
        };
        if stream.bernoulli_at(number, keep) {
            value
        } else {
            0.0
        }
    };
    let entries = tokens.ids.iter().enumerate();
    let entries: Vec<f32> = entries.map(|(place, &id)| entry(place, id)).collect();
    let all = Tensor::from_vec(entries, (shape.steps, shape.batch, 1), &Device::Cpu)?;
    let all = all.to_dtype(dtype)?.to_device(device)?;
    (0..shape.steps).map(|step| all.get(step)).collect()
}
