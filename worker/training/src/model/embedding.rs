//! From what is read to the numbers that enter the first layer.

use super::Weights;
use crate::dropout::Masks;
use crate::network::Network;
use crate::tasks::Inputs;
use breakmywork_protocol::spec::SiteName;
use candle_core::{Result, Tensor};

impl Network {
    /// The input of each time step, batch × inputs: as it is, or the embeddings of the tokens, some of them dropped.
    pub(super) fn read(
        &self,
        weights: &Weights,
        inputs: &Inputs,
        masks: &Masks,
    ) -> Result<Vec<Tensor>> {
        let tokens = match inputs {
            Inputs::Numbers(steps) => return Ok(steps.clone()),
            Inputs::Tokens(tokens) => tokens,
        };
        let Some(embedding) = &weights.embedding else {
            candle_core::bail!("tokens are read by a network without embeddings");
        };
        let ids = Tensor::new(tokens.ids.as_slice(), embedding.device())?;
        let steps = tokens.ids.len() / tokens.batch;
        let of_step = |all: &Tensor, t: usize| all.narrow(0, t * tokens.batch, tokens.batch);
        // The gradient of a step's rows fills a tensor as large as what they were taken from; take from the smaller.
        let whole = (embedding.dim(0)? > tokens.ids.len())
            .then(|| embedding.index_select(&ids, 0))
            .transpose()?;
        let step = |t: usize| {
            let rows = match &whole {
                Some(rows) => of_step(rows, t)?,
                None => embedding.index_select(&of_step(&ids, t)?, 0)?,
            };
            masks.apply(SiteName::Embedding, 0, t, &rows)
        };
        (0..steps).map(step).collect()
    }
}
