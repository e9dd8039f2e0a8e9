//! Dropout masks: when a mask is drawn anew, how it meets what it masks, and the log of what was applied.
//!
//! The space of sites is the specification's ([`SiteName`]); `docs/variants.md` has the formulas. With inverted
//! scaling a mask entry is 0 with the site's rate, else 1 / (1 − rate), so the expected mask is 1; with published
//! scaling it is 0 or 1 and everything is scaled by 1 − rate at test. A zoneout mask is 1 where a unit keeps its
//! previous value. Moment noise is standard normal and scaled where it meets its product. A fixed mask is drawn once
//! a minibatch and the same tensor is used at every step (Gal & Ghahramani 2016); a per-step mask is drawn for each.

mod embedding;
mod place;
mod proof;

pub use place::Place;
pub use proof::Proof;

use crate::card;
use crate::network::Network;
use crate::rng::{Purpose, Stream};
use crate::tasks::Tokens;
use breakmywork_protocol::spec::{self, Carry, MaskTime, Noise, Site, SiteName};
use candle_core::{DType, Device, Result, Tensor};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Keeps the square root of a variance of 0 differentiable.
const LEAST_VARIANCE: f64 = 1e-12;

/// What the specification says about a site; a rate of 0 drops nothing and is as good as absent.
pub fn active(dropout: &spec::Dropout, name: SiteName) -> Option<&Site> {
    dropout.site(name).filter(|site| site.rate > 0.0)
}

/// One use of a mask, as it happened.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The site.
    pub site: SiteName,
    /// The layer, from the bottom.
    pub layer: usize,
    /// Which time step of those at which the site is applied.
    pub step: usize,
    /// The very tensor that was used: rows × width, or gates × rows × width where each gate has its own.
    pub mask: Tensor,
}

/// The masks of one site in one layer.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// What they were drawn for.
    pub site: Site,
    /// One for all steps, or one for each step.
    pub masks: Vec<Tensor>,
}

/// The masks of one minibatch.
#[derive(Debug, Default)]
pub struct Masks {
    drawn: HashMap<(SiteName, usize), Drawn>,
    /// Uses so far, if they are logged.
    log: Option<Mutex<Vec<Applied>>>,
}

/// Which masks to draw: everything but their position.
#[derive(Debug, Clone, Copy)]
pub struct MaskShape<'a> {
    /// What is dropped.
    pub dropout: &'a spec::Dropout,
    /// The network it is dropped from.
    pub network: &'a Network,
    /// Time steps of a sequence.
    pub steps: usize,
    /// Sequences in the minibatch.
    pub batch: usize,
    /// What they read, if it is tokens: a type's mask is that of all its occurrences.
    pub tokens: Option<&'a Tokens>,
}

/// Where in the random streams masks begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Of masks that stay the same.
    pub fixed: u64,
    /// Of masks that are drawn for each step.
    pub per_step: u64,
}

impl From<u64> for Position {
    fn from(position: u64) -> Self {
        Self {
            fixed: position,
            per_step: position,
        }
    }
}

impl Masks {
    /// The masks at their mean, for deterministic evaluation: a single number wherever that is not 1.
    pub fn mean(shape: MaskShape<'_>, dtype: DType, device: &Device) -> Result<Self> {
        let mut drawn = HashMap::new();
        for name in SiteName::ALL {
            drawn.extend(means(name, shape, dtype, device)?);
        }
        Ok(Self::given(drawn))
    }

    /// The masks of one Monte Carlo sample at that position: drawn, but embeddings at their mean (Gal & Ghahramani's
    /// published code).
    pub fn sampled(
        shape: MaskShape<'_>,
        seed: u32,
        position: Position,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let purpose = |site, layer| Purpose::MonteCarlo { site, layer };
        let mut drawn = HashMap::new();
        for name in SiteName::ALL {
            drawn.extend(match name {
                SiteName::Embedding => means(name, shape, dtype, device)?,
                _ => draws(name, shape, seed, purpose, position, dtype, device)?,
            });
        }
        Ok(Self::given(drawn))
    }

    /// Exactly those masks.
    pub fn given(drawn: impl IntoIterator<Item = ((SiteName, usize), Drawn)>) -> Self {
        Self {
            drawn: drawn.into_iter().collect(),
            log: None,
        }
    }

    /// The masks at that position of the streams that `purpose` gives for (site, layer).
    pub fn draw(
        shape: MaskShape<'_>,
        seed: u32,
        purpose: impl Fn(u8, u16) -> Purpose,
        position: u64,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let mut drawn = HashMap::new();
        for name in SiteName::ALL {
            let position = Position::from(position);
            drawn.extend(draws(name, shape, seed, &purpose, position, dtype, device)?);
        }
        Ok(Self::given(drawn))
    }

    /// Logs every use from here on.
    pub fn logged(mut self) -> Self {
        self.log = Some(Mutex::default());
        self
    }

    /// What was applied, in order.
    pub fn into_log(self) -> Vec<Applied> {
        let log = self.log.map(Mutex::into_inner);
        log.map_or_else(Vec::new, |log| log.unwrap_or_else(PoisonError::into_inner))
    }

    /// What the masks there were drawn for, if there are any.
    pub fn site(&self, name: SiteName, layer: usize) -> Option<&Site> {
        self.drawn.get(&(name, layer)).map(|drawn| &drawn.site)
    }

    /// The mask for that layer and step, logged. The only way to a mask, so that the log cannot differ from what was done.
    fn used(&self, name: SiteName, layer: usize, step: usize) -> Option<(&Site, &Tensor)> {
        let drawn = self.drawn.get(&(name, layer))?;
        // One mask stands for all steps; else each step has its own.
        let mask = match drawn.masks.as_slice() {
            [mask] => mask,
            masks => &masks[step],
        };
        if let Some(log) = &self.log {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push(Applied {
                site: name,
                layer,
                step,
                mask: mask.clone(),
            });
        }
        Some((&drawn.site, mask))
    }

    /// The mask for that layer and step, logged as used.
    pub fn at(&self, name: SiteName, layer: usize, step: usize) -> Option<Tensor> {
        self.used(name, layer, step).map(|(_, mask)| mask.clone())
    }

    /// Whether one mask stands for all steps there.
    pub fn is_fixed(&self, name: SiteName, layer: usize) -> bool {
        let drawn = self.drawn.get(&(name, layer));
        drawn.is_none_or(|drawn| drawn.masks.len() == 1)
    }

    /// Whether the cell state that a layer carries on is the unmasked one.
    pub fn hides(&self, layer: usize) -> bool {
        self.site(SiteName::Cell, layer)
            .is_some_and(|site| site.carry == Some(Carry::Unmasked))
    }

    /// `x` with the site's mask for that layer and step.
    pub fn apply(&self, name: SiteName, layer: usize, step: usize, x: &Tensor) -> Result<Tensor> {
        match self.used(name, layer, step) {
            None => Ok(x.clone()),
            Some((_, mask)) => times(x, mask),
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
            Some((_, keep)) => &new + times(&(previous - &new)?, keep)?,
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
        let Some((site, mask)) = self.used(name, layer, step) else {
            return Ok(plain(vec![x.clone()]));
        };
        if site.noise == Noise::Moments {
            return Entering::noisy(x, site, mask);
        }
        if mask.dims().len() == 2 {
            return Ok(plain(vec![times(x, mask)?]));
        }
        let gates = (0..mask.dim(0)?).map(|gate| times(x, &mask.get(gate)?));
        Ok(plain(gates.collect::<Result<_>>()?))
    }

    /// The masks on a layer's recurrent matrices at that step, one below the other: gates × hidden × hidden.
    pub fn recurrent_weights(&self, layer: usize, step: usize) -> Option<&Tensor> {
        self.used(SiteName::RecurrentWeights, layer, step)
            .map(|(_, mask)| mask)
    }

    /// Whether a layer's recurrent matrices change from step to step.
    pub fn weights_change(&self, layer: usize) -> bool {
        self.drawn
            .get(&(SiteName::RecurrentWeights, layer))
            .is_some_and(|drawn| drawn.masks.len() > 1)
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
    fn noisy(x: &Tensor, site: &Site, normal: &Tensor) -> Result<Self> {
        let keep = 1.0 - site.rate;
        let x = if site.published() {
            (x * keep)?
        } else {
            x.clone()
        };
        let noise = Some((x.sqr()?, site.rate / keep, normal.clone()));
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

/// What a kept entry is multiplied by in training.
fn kept_value(site: &Site) -> f64 {
    if site.published() {
        1.0
    } else {
        1.0 / (1.0 - site.rate)
    }
}

/// The product of equal shapes, or with a mask that the minibatch shares.
fn times(x: &Tensor, mask: &Tensor) -> Result<Tensor> {
    if x.shape() == mask.shape() {
        return x * mask;
    }
    x.broadcast_mul(mask)
}

/// Masks by site and layer.
type ByPlace = Vec<((SiteName, usize), Drawn)>;

/// The masks of a site at their mean; none where that is 1.
fn means(name: SiteName, shape: MaskShape<'_>, dtype: DType, device: &Device) -> Result<ByPlace> {
    let Some(site) = active(shape.dropout, name) else {
        return Ok(Vec::new());
    };
    let mean = match name.is_zoneout() {
        true => site.rate,
        false if site.published() => 1.0 - site.rate,
        false => return Ok(Vec::new()),
    };
    // A constant has no variance, so moments become a plain factor.
    let site = Site {
        noise: Noise::Mask,
        gates: None,
        ..site.clone()
    };
    let place = |place: Place| {
        let mask = Tensor::full(mean, (1, 1), device)?.to_dtype(dtype)?;
        let drawn = Drawn {
            site: site.clone(),
            masks: vec![mask],
        };
        Ok(((name, place.layer), drawn))
    };
    Place::all(name, shape).into_iter().map(place).collect()
}

/// Fresh masks of a site.
fn draws(
    name: SiteName,
    shape: MaskShape<'_>,
    seed: u32,
    purpose: impl Fn(u8, u16) -> Purpose,
    position: Position,
    dtype: DType,
    device: &Device,
) -> Result<ByPlace> {
    let Some(site) = active(shape.dropout, name) else {
        return Ok(Vec::new());
    };
    let position = match site.time {
        MaskTime::Fixed => position.fixed,
        MaskTime::PerStep => position.per_step,
    };
    let place = |place: Place| {
        let purpose = purpose(place::stream(name), place.layer as u16);
        let mut stream = Stream::new(seed, purpose, position);
        let masks = match name {
            SiteName::Embedding => embedding::draw(shape, site, &mut stream, dtype, device)?,
            _ => draw_place(&place, name, site, &mut stream, dtype, device)?,
        };
        let drawn = Drawn {
            site: site.clone(),
            masks,
        };
        Ok(((name, place.layer), drawn))
    };
    Place::all(name, shape).into_iter().map(place).collect()
}

fn draw_place(
    place: &Place,
    name: SiteName,
    site: &Site,
    stream: &mut Stream,
    dtype: DType,
    device: &Device,
) -> Result<Vec<Tensor>> {
    let drawn = match site.time {
        MaskTime::Fixed => 1,
        MaskTime::PerStep => place.steps,
    };
    let keep = 1.0 - site.rate;
    // Zoneout's 1 is for the previous value.
    let (chance, value) = match name.is_zoneout() {
        true => (site.rate, 1.0),
        false => (keep, kept_value(site)),
    };
    let shape = [drawn, place.gates, place.rows, place.width];
    let card = card::on(device).filter(|_| dtype == DType::F32 && site.noise == Noise::Mask);
    let all = match card {
        Some(card) => card::draw_mask(&*card, stream, &shape, chance, value as f32)?,
        None => {
            let mut entries = vec![0.0; shape.iter().product()];
            match site.noise {
                Noise::Moments => entries.fill_with(|| stream.normal() as f32),
                Noise::Mask => stream.fill_bernoulli(&mut entries, chance, value as f32),
            }
            let all = Tensor::from_vec(entries, &shape, &Device::Cpu)?;
            all.to_dtype(dtype)?.to_device(device)?
        }
    };
    let of_step = |step: usize| {
        let mask = all.get(step)?;
        if place.by_gate {
            Ok(mask)
        } else {
            mask.squeeze(0)
        }
    };
    (0..drawn).map(of_step).collect()
}
