//! Dropout masks: which sites drop, when a mask is drawn anew, and the log of what was applied.
//!
//! A mask entry is 0 with the site's rate, else 1 / (1 − rate), so the expected mask is 1 and evaluation at the
//! masks' mean is evaluation without masks. Each sequence of a minibatch has its own mask; the gates of a
//! cell share it. A fixed mask is drawn once a minibatch and the same tensor is used at every step (Gal &
//! Ghahramani 2016); a per-step mask is drawn for every step.

mod proof;

pub use proof::Proof;

use crate::model::Network;
use crate::rng::{Purpose, Stream};
use breakmywork_protocol::spec::{self, MaskTime};
use candle_core::{DType, Device, Result, Tensor};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::HashMap;

/// A place in the network where units are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Site {
    /// The input of every layer.
    Input,
    /// The state h where it enters the recurrence.
    State,
    /// The top layer's output, at the steps read.
    Output,
}

impl Site {
    /// All sites.
    pub const ALL: [Self; 3] = [Self::Input, Self::State, Self::Output];

    /// Its name in specifications.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::State => "state",
            Self::Output => "output",
        }
    }

    /// What the specification says about it; a rate of 0 drops nothing and is as good as absent.
    pub fn of(self, dropout: &spec::Dropout) -> Option<&spec::Site> {
        let site = match self {
            Self::Input => &dropout.input,
            Self::State => &dropout.state,
            Self::Output => &dropout.output,
        };
        site.as_ref().filter(|site| site.rate > 0.0)
    }

    /// Layers that have it, and at how many time steps of `steps` and with which width it is applied there.
    fn places(self, network: &Network, steps: usize) -> Vec<Place> {
        let layers = 0..network.layers;
        match self {
            Self::Input => layers
                .map(|layer| Place {
                    layer,
                    steps,
                    width: network.layer_inputs(layer),
                })
                .collect(),
            Self::State => layers
                .map(|layer| Place {
                    layer,
                    steps,
                    width: network.hidden,
                })
                .collect(),
            Self::Output => {
                vec![Place {
                    layer: network.layers - 1,
                    steps: network.read_out,
                    width: network.hidden,
                }]
            }
        }
    }
}

/// Where a site is applied in one layer.
#[derive(Debug, Clone, Copy)]
struct Place {
    layer: usize,
    steps: usize,
    width: usize,
}

/// One use of a mask, as it happened.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The site.
    pub site: Site,
    /// The layer, from the bottom.
    pub layer: usize,
    /// Which time step of those at which the site is applied.
    pub step: usize,
    /// The very tensor that was multiplied with.
    pub mask: Tensor,
}

/// The masks of one minibatch.
#[derive(Debug, Default)]
pub struct Masks {
    masks: HashMap<(Site, usize), Vec<Tensor>>,
    /// Uses so far, if they are logged.
    log: Option<RefCell<Vec<Applied>>>,
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
}

impl Masks {
    /// No masks: evaluation at the masks' mean.
    pub fn none() -> Self {
        Self::default()
    }

    /// Exactly those masks: for each site and layer one for all steps, or one for each step.
    pub fn given(masks: impl IntoIterator<Item = ((Site, usize), Vec<Tensor>)>) -> Self {
        Self {
            masks: masks.into_iter().collect(),
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
        let mut masks = HashMap::new();
        for (number, site) in Site::ALL.into_iter().enumerate() {
            let Some(settings) = site.of(shape.dropout) else {
                continue;
            };
            let keep = 1.0 - settings.rate;
            for place in site.places(shape.network, shape.steps) {
                let mut stream =
                    Stream::new(seed, purpose(number as u8, place.layer as u16), position);
                let drawn = match settings.time {
                    MaskTime::Fixed => 1,
                    MaskTime::PerStep => place.steps,
                };
                let entries: Vec<f32> = (0..drawn * shape.batch * place.width)
                    .map(|_| {
                        if stream.bernoulli(keep) {
                            (1.0 / keep) as f32
                        } else {
                            0.0
                        }
                    })
                    .collect();
                let all =
                    Tensor::from_vec(entries, (drawn, shape.batch, place.width), &Device::Cpu)?;
                let all = all.to_dtype(dtype)?.to_device(device)?;
                let steps = (0..drawn).map(|t| all.get(t)).collect::<Result<_>>()?;
                masks.insert((site, place.layer), steps);
            }
        }
        Ok(Self::given(masks))
    }

    /// Logs every use from here on.
    pub fn logged(mut self) -> Self {
        self.log = Some(RefCell::default());
        self
    }

    /// What was applied, in order.
    pub fn into_log(self) -> Vec<Applied> {
        self.log.map(RefCell::into_inner).unwrap_or_default()
    }

    /// `x` with the site's mask for that layer and step. The only place where masks meet activations, so that the
    /// log cannot differ from what was done.
    pub fn apply(&self, site: Site, layer: usize, step: usize, x: &Tensor) -> Result<Tensor> {
        let Some(masks) = self.masks.get(&(site, layer)) else {
            return Ok(x.clone());
        };
        // One mask stands for all steps; else each step has its own.
        let mask = if masks.len() == 1 {
            &masks[0]
        } else {
            &masks[step]
        };
        if let Some(log) = &self.log {
            log.borrow_mut().push(Applied {
                site,
                layer,
                step,
                mask: mask.clone(),
            });
        }
        x * mask
    }
}
