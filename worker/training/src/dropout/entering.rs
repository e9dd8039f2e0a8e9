//! How masks meet the graph.

use super::drawn::Drawn;
use super::{Masks, Used};
use breakmywork_protocol::spec::{Noise, Site, SiteName};
use candle_core::{Result, Tensor};

/// Keeps the square root of a variance of 0 differentiable.
const LEAST_VARIANCE: f64 = 1e-12;

impl Used<'_> {
    /// As a tensor like that one.
    fn tensor(&self, like: &Tensor) -> Result<Tensor> {
        self.drawn.tensor(self.mask, like.dtype(), like.device())
    }
}

impl Masks {
    /// `x` with the site's mask for that layer and step.
    pub fn apply(&self, name: SiteName, layer: usize, step: usize, x: &Tensor) -> Result<Tensor> {
        match self.used(name, layer, step) {
            None => Ok(x.clone()),
            Some(used) => times(x, &used.tensor(x)?),
        }
    }

    /// `new`, or `previous` where the zoneout mask says so.
    pub fn zoneout(
        &self,
        name: SiteName,
        layer: usize,
        step: usize,
        new: Tensor,
        previous: &Tensor,
    ) -> Result<Tensor> {
        match self.used(name, layer, step) {
            None => Ok(new),
            Some(used) => &new + times(&(previous - &new)?, &used.tensor(&new)?)?,
        }
    }

    /// What `x` becomes on its way into the gates' products: one tensor for all gates or one for each, and the noise
    /// that their products get.
    pub fn entering(
        &self,
        name: SiteName,
        layer: usize,
        step: usize,
        x: &Tensor,
    ) -> Result<Entering> {
        let plain = |inputs| Entering {
            inputs,
            noise: None,
        };
        let Some(used) = self.used(name, layer, step) else {
            return Ok(plain(vec![x.clone()]));
        };
        let Drawn { site, .. } = used.drawn;
        let mask = used.tensor(x)?;
        if site.noise == Noise::Moments {
            return Entering::noisy(x, site, mask);
        }
        if !used.drawn.size().by_gate {
            return Ok(plain(vec![times(x, &mask)?]));
        }
        let gates = (0..mask.dim(0)?).map(|gate| times(x, &mask.get(gate)?));
        Ok(plain(gates.collect::<Result<_>>()?))
    }

    /// The masks on a layer's recurrent matrices at that step, one below the other: gates × hidden × hidden, or 1 × 1 for
    /// all; a tensor like that one.
    pub fn recurrent_weights(
        &self,
        layer: usize,
        step: usize,
        like: &Tensor,
    ) -> Result<Option<Tensor>> {
        let used = self.used(SiteName::RecurrentWeights, layer, step);
        used.map(|used| used.tensor(like)).transpose()
    }

    /// Whether a layer's recurrent matrices change from step to step.
    pub fn weights_change(&self, layer: usize) -> bool {
        self.drawn(SiteName::RecurrentWeights, layer)
            .is_some_and(|drawn| !drawn.is_fixed())
    }
}

/// What goes into the gates' products.
#[derive(Debug, Clone)]
pub struct Entering {
    /// One for all gates, or one for each.
    inputs: Vec<Tensor>,
    /// Square of the input, the mask's relative variance, and standard normal numbers: gates × rows × width.
    noise: Option<(Tensor, f64, Tensor)>,
}

impl Entering {
    /// The mean goes in; the variance is added behind the product (Wang & Manning 2013, equation 2).
    fn noisy(x: &Tensor, site: &Site, normal: Tensor) -> Result<Self> {
        let keep = 1.0 - site.rate;
        let x = if site.published() {
            (x * keep)?
        } else {
            x.clone()
        };
        let noise = Some((x.sqr()?, site.rate / keep, normal));
        let inputs = vec![x];
        Ok(Self { inputs, noise })
    }

    /// What enters that gate.
    pub fn gate(&self, gate: usize) -> &Tensor {
        self.inputs.get(gate).unwrap_or(&self.inputs[0])
    }

    /// Whether all gates get the same.
    pub fn tied(&self) -> bool {
        self.inputs.len() == 1
    }

    /// Whether its products get noise.
    pub fn has_noise(&self) -> bool {
        self.noise.is_some()
    }

    /// `product` of that gate with the noise of the mask, if it has moments; `weights` are the rows that x met.
    pub fn with_noise(
        &self,
        gate: usize,
        product: Tensor,
        weights: impl FnOnce() -> Result<Tensor>,
    ) -> Result<Tensor> {
        let Some((squares, spread, normal)) = &self.noise else {
            return Ok(product);
        };
        let variance = ((squares.matmul(&weights()?.sqr()?)? * *spread)? + LEAST_VARIANCE)?;
        product + times(&variance.sqrt()?, &normal.get(gate)?)?
    }
}

/// The product of equal shapes, or with a mask that the minibatch shares.
fn times(x: &Tensor, mask: &Tensor) -> Result<Tensor> {
    if x.shape() == mask.shape() {
        return x * mask;
    }
    x.broadcast_mul(mask)
}
