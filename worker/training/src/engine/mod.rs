//! The three ways to compute a window, and the choice between them, made once a run; all give the same numbers to
//! rounding.
//!
//! [`graph`] is the reference and computes everything; [`cpu`] and [`card`] compute what is not rare ([`applies`]) several
//! times faster. Whoever trains or measures asks an [`Engine`]; nothing below it knows that there is a choice.

pub mod card;
pub mod cpu;
pub mod graph;

use crate::card::{Card, on};
use crate::dropout::Masks;
use crate::gradient::Gradient;
use crate::model::{Carried, Weights};
use crate::network::Network;
use crate::tasks::Batch;
pub(crate) use crate::vectors::tune;
use crate::window::{Learned, Window};
use breakmywork_protocol::spec::{Dropout, MaskTime, Noise, Normalization, Site, SiteName};
use candle_core::{DType, Device, Result, Tensor};
use cpu::Scores;

/// What computes the windows of a run.
pub struct Engine {
    way: Way,
    /// Whether masks at their mean, which are numbers without noise, are scored by [`cpu`]: more networks than it learns.
    scores: bool,
}

enum Way {
    /// candle's operations, on a CPU or on a card.
    Graph(Option<Box<dyn Card>>),
    Cpu,
    Card(Box<dyn Card>),
}

/// Whether [`cpu`] and [`card`] compute this network with these masks. Left to [`graph`] are normalization, Gaussian noise
/// in place of masks, and recurrent weights dropped anew at each step.
pub fn applies(network: &Network, dropout: &Dropout) -> bool {
    let usual = |(name, site): (SiteName, &Site)| {
        let anew = name == SiteName::RecurrentWeights && site.time == MaskTime::PerStep;
        site.noise == Noise::Mask && !anew
    };
    network.normalization == Normalization::None && dropout.sites().all(usual)
}

impl Engine {
    /// The fastest that computes this network with these masks in that precision on that device.
    pub fn of(network: &Network, dropout: &Dropout, dtype: DType, device: &Device) -> Self {
        let fast = dtype == DType::F32 && applies(network, dropout);
        let way = match (fast, device.is_cpu(), on(device)) {
            (true, true, _) => Way::Cpu,
            (true, false, Some(card)) => Way::Card(card),
            (_, _, card) => Way::Graph(card),
        };
        let plain = network.normalization == Normalization::None;
        Self {
            way,
            scores: device.is_cpu() && dtype == DType::F32 && plain,
        }
    }

    /// The card that masks are drawn and parameters are updated on, if the run is on one.
    pub fn card(&self) -> Option<&dyn Card> {
        match &self.way {
            Way::Cpu => None,
            Way::Graph(card) => card.as_deref(),
            Way::Card(card) => Some(&**card),
        }
    }

    /// Loss and gradients of a window.
    ///
    /// # Errors
    /// What the device says.
    pub fn learn(&self, window: &Window<'_>) -> Result<Learned> {
        match &self.way {
            Way::Graph(_) => graph::learn(window),
            Way::Cpu => cpu::learn(window),
            Way::Card(card) => card::learn(&**card, window, card::BLOCK),
        }
    }

    /// Takes back the memory of gradients that this engine learned and nobody reads any more.
    ///
    /// # Errors
    /// If they are of another engine.
    pub fn reclaim(&self, gradients: Vec<Gradient>) -> Result<()> {
        match self.way {
            Way::Cpu => cpu::reclaim(gradients),
            // They may share their memory with something else.
            Way::Graph(_) | Way::Card(_) => Ok(()),
        }
    }

    /// The outputs at the steps read, one below the other, and the states to go on from.
    ///
    /// # Errors
    /// What the device says.
    pub fn outputs(
        &self,
        network: &Network,
        weights: &Weights,
        batch: &Batch,
        carried: Option<&Carried>,
        masks: &Masks,
    ) -> Result<(Tensor, Carried)> {
        match &self.way {
            Way::Graph(_) => {
                let pass = network.pass(weights, &batch.inputs, carried, masks)?;
                Ok((pass.outputs, pass.carried))
            }
            Way::Cpu => cpu::outputs(network, weights, batch, carried, masks),
            Way::Card(card) => card::outputs(&**card, network, weights, batch, carried, masks),
        }
    }

    /// Scores a minibatch with masks at their mean, logits divided by the temperature; `None` where only the outputs can be
    /// had.
    ///
    /// # Errors
    /// What the device says.
    pub fn score(
        &self,
        network: &Network,
        weights: &Weights,
        batch: &Batch,
        carried: Option<&Carried>,
        masks: &Masks,
        temperature: f64,
    ) -> Result<Option<Scores>> {
        if !self.scores {
            return Ok(None);
        }
        cpu::score(network, weights, batch, carried, masks, temperature).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::Task;
    use breakmywork_protocol::spec::{self, Cell, Model, TaskName};

    /// The way on a CPU, and whether masks at their mean are scored.
    fn chosen(normalization: Normalization, state: Option<Site>, dtype: DType) -> (bool, bool) {
        let task = Task::generated(&spec::Task::generated(TaskName::Adding, 6));
        let network = Network {
            normalization,
            ..Network::new(
                &Model::new(Cell::Lstm, 1, 4),
                task.expect("generated").shape(),
            )
        };
        let dropout = Dropout {
            state,
            ..Dropout::default()
        };
        let engine = Engine::of(&network, &dropout, dtype, &Device::Cpu);
        assert!(engine.card().is_none());
        (matches!(engine.way, Way::Cpu), engine.scores)
    }

    #[test]
    fn what_is_rare_goes_to_the_graph_and_noise_at_its_mean_is_a_number() {
        let fixed = Site::new(0.3, MaskTime::Fixed);
        let noise = Some(Site {
            noise: Noise::Moments,
            ..fixed.clone()
        });
        let plain = Normalization::None;
        assert_eq!(chosen(plain, None, DType::F32), (true, true));
        assert_eq!(chosen(plain, Some(fixed), DType::F32), (true, true));
        assert_eq!(chosen(plain, noise, DType::F32), (false, true));
        assert_eq!(chosen(plain, None, DType::F64), (false, false));
        for rare in [Normalization::Layer, Normalization::Batch] {
            assert_eq!(chosen(rare, None, DType::F32), (false, false));
        }
    }
}
