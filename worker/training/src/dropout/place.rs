//! Where a site is applied: in which layers, how often, and with masks of which shape.

use super::{MaskShape, active};
use breakmywork_protocol::spec::{Noise, Site, SiteName};

/// One site in one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The layer, from the bottom.
    pub layer: usize,
    /// Time steps at which the site is applied.
    pub steps: usize,
    /// Masks of a step: one for each gate where they differ.
    pub gates: usize,
    /// Whether a mask has a dimension for the gates.
    pub by_gate: bool,
    /// Rows of a mask: sequences, 1 where they share it, or rows of a recurrent matrix.
    pub rows: usize,
    /// Entries of a row.
    pub width: usize,
}

impl Place {
    /// All places of a site that is given; none of one that is not.
    pub fn all(name: SiteName, shape: MaskShape<'_>) -> Vec<Self> {
        let Some(site) = active(shape.dropout, name) else {
            return Vec::new();
        };
        let network = shape.network;
        let moments = site.noise == Noise::Moments;
        let weights = name == SiteName::RecurrentWeights;
        let by_gate = weights || moments || site.untied();
        let place = |layer: usize| {
            let inner = match name {
                // A token is kept or dropped as a whole.
                SiteName::Embedding => 1,
                SiteName::Input | SiteName::Between => network.layer_inputs(layer),
                _ => network.hidden,
            };
            // Moment noise stands behind the product, a mask before it.
            let width = match (moments, name) {
                (false, _) => inner,
                (true, SiteName::Output) => network.head.width(),
                (true, _) => network.hidden,
            };
            let gates = if name == SiteName::Output {
                1
            } else {
                network.gates()
            };
            Self {
                layer,
                steps: if name == SiteName::Output {
                    network.read_out.of(shape.steps)
                } else {
                    shape.steps
                },
                gates: if by_gate { gates } else { 1 },
                by_gate,
                rows: match (weights, site.shared()) {
                    // Sequences that share a type's mask have that type at different steps.
                    _ if name == SiteName::Embedding => shape.batch,
                    (true, _) => network.hidden,
                    (false, true) => 1,
                    (false, false) => shape.batch,
                },
                width,
            }
        };
        let layers = match name {
            SiteName::Embedding => 0..1,
            SiteName::Output => network.layers - 1..network.layers,
            SiteName::Between => 1..network.layers,
            // Where `between` is given, even at rate 0, it takes the place of `input` above the first layer.
            SiteName::Input if shape.dropout.between.is_some() => 0..1,
            _ => 0..network.layers,
        };
        layers.map(place).collect()
    }
}

/// Number of a site in the random streams; results of old runs rest on it.
pub(super) fn stream(name: SiteName) -> u8 {
    match name {
        SiteName::Input => 0,
        SiteName::State => 1,
        SiteName::Output => 2,
        SiteName::Between => 3,
        SiteName::RecurrentWeights => 4,
        SiteName::Update => 5,
        SiteName::Cell => 6,
        SiteName::ZoneoutCell => 7,
        SiteName::ZoneoutState => 8,
        SiteName::Embedding => 9,
    }
}

/// What a kept entry is multiplied by in training.
pub(super) fn kept_value(site: &Site) -> f64 {
    if site.published() {
        1.0
    } else {
        1.0 / (1.0 - site.rate)
    }
}
