//! Where, when and for whom units are dropped: the space of dropout variants.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A place in the network where units are dropped, in the order in which a signal meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiteName {
    /// Whole characters or words: rows of the embedding.
    Embedding,
    /// The input of every layer.
    Input,
    /// What one layer hands up to the next; where given, it takes the place of `input` above the first layer.
    Between,
    /// The state h that enters the recurrent products.
    State,
    /// The entries of the recurrent matrices U (DropConnect).
    RecurrentWeights,
    /// The candidate: g of the LSTM, h̃ of the GRU, the new state of the plain cell.
    Update,
    /// The LSTM's cell state c.
    Cell,
    /// Units of c that keep their previous value.
    ZoneoutCell,
    /// Units of h that keep their previous value.
    ZoneoutState,
    /// The top layer's output, at the steps that are read.
    Output,
}

impl SiteName {
    /// All sites.
    pub const ALL: [Self; 10] = [
        Self::Embedding,
        Self::Input,
        Self::Between,
        Self::State,
        Self::RecurrentWeights,
        Self::Update,
        Self::Cell,
        Self::ZoneoutCell,
        Self::ZoneoutState,
        Self::Output,
    ];

    /// Its name in a specification.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedding => "embedding",
            Self::Input => "input",
            Self::Between => "between",
            Self::State => "state",
            Self::RecurrentWeights => "recurrent_weights",
            Self::Update => "update",
            Self::Cell => "cell",
            Self::ZoneoutCell => "zoneout_cell",
            Self::ZoneoutState => "zoneout_state",
            Self::Output => "output",
        }
    }

    /// Whether the mask mixes the new value with the previous one, instead of scaling it.
    pub fn is_zoneout(self) -> bool {
        matches!(self, Self::ZoneoutCell | Self::ZoneoutState)
    }

    /// Whether what is masked goes into a matrix product next, so that its noise has moments.
    pub fn feeds_product(self) -> bool {
        matches!(
            self,
            Self::Input | Self::Between | Self::State | Self::Output
        )
    }

    /// Whether what is masked goes into the gates, which may have masks of their own.
    pub fn feeds_gates(self) -> bool {
        matches!(self, Self::Input | Self::Between | Self::State)
    }
}

/// Where units are dropped. An absent site drops nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// Whole characters or words: rows of the embedding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<Site>,
    /// The input of every layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Site>,
    /// What one layer hands up to the next; where given, it takes the place of `input` above the first layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between: Option<Site>,
    /// The state h that enters the recurrent products.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Site>,
    /// The entries of the recurrent matrices U (DropConnect).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrent_weights: Option<Site>,
    /// The candidate: g of the LSTM, h̃ of the GRU, the new state of the plain cell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<Site>,
    /// The LSTM's cell state c.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<Site>,
    /// Units of c that keep their previous value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zoneout_cell: Option<Site>,
    /// Units of h that keep their previous value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zoneout_state: Option<Site>,
    /// The top layer's output, at the steps that are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Site>,
}

impl Dropout {
    /// What is said of a site.
    pub fn site(&self, name: SiteName) -> Option<&Site> {
        match name {
            SiteName::Embedding => self.embedding.as_ref(),
            SiteName::Input => self.input.as_ref(),
            SiteName::Between => self.between.as_ref(),
            SiteName::State => self.state.as_ref(),
            SiteName::RecurrentWeights => self.recurrent_weights.as_ref(),
            SiteName::Update => self.update.as_ref(),
            SiteName::Cell => self.cell.as_ref(),
            SiteName::ZoneoutCell => self.zoneout_cell.as_ref(),
            SiteName::ZoneoutState => self.zoneout_state.as_ref(),
            SiteName::Output => self.output.as_ref(),
        }
    }

    /// The place to say something of a site.
    pub fn site_mut(&mut self, name: SiteName) -> &mut Option<Site> {
        match name {
            SiteName::Embedding => &mut self.embedding,
            SiteName::Input => &mut self.input,
            SiteName::Between => &mut self.between,
            SiteName::State => &mut self.state,
            SiteName::RecurrentWeights => &mut self.recurrent_weights,
            SiteName::Update => &mut self.update,
            SiteName::Cell => &mut self.cell,
            SiteName::ZoneoutCell => &mut self.zoneout_cell,
            SiteName::ZoneoutState => &mut self.zoneout_state,
            SiteName::Output => &mut self.output,
        }
    }

    /// What is dropped in that one of so many optimizer steps, counted from 0: a site whose time is over has the rate 0.
    pub fn at(&self, step: u32, steps: u32) -> Cow<'_, Self> {
        let mut dropout = Cow::Borrowed(self);
        for name in SiteName::ALL {
            if self
                .site(name)
                .is_some_and(|site| site.is_over(step, steps))
                && let Some(site) = dropout.to_mut().site_mut(name)
            {
                site.rate = 0.0;
            }
        }
        dropout
    }

    /// The sites that are given, in the order in which a signal meets them.
    pub fn sites(&self) -> impl Iterator<Item = (SiteName, &Site)> {
        SiteName::ALL
            .into_iter()
            .filter_map(|name| Some((name, self.site(name)?)))
    }
}

/// Dropout at one site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Probability that a unit is dropped (zoneout: keeps its previous value), in [0, 1).
    pub rate: f64,
    /// Whether the mask is redrawn at each time step.
    pub time: MaskTime,
    /// Whether the sequences of a minibatch share the mask.
    #[serde(default)]
    pub shared: Shared,
    /// A mask, or Gaussian noise with the mask's moments.
    #[serde(default)]
    pub noise: Noise,
    /// Whether the gates share the mask; only of sites that feed gates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<Gates>,
    /// Which cell state goes on to the next step; only of `cell`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carry: Option<Carry>,
    /// How kept units are scaled; not of zoneout, which mixes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Scaling>,
    /// What is dropped together; only of `embedding`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
    /// Share of the optimizer steps, from the first, in which it drops; then it is as if it were not there (early dropout,
    /// Liu et al. 2023). Absent, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
}

impl Site {
    /// A mask for each sequence, shared by the gates, with inverted scaling.
    pub fn new(rate: f64, time: MaskTime) -> Self {
        Self {
            rate,
            time,
            shared: Shared::None,
            noise: Noise::Mask,
            gates: None,
            carry: None,
            scaling: None,
            by: None,
            until: None,
        }
    }

    /// Whether its time is over in that one of so many optimizer steps, counted from 0.
    fn is_over(&self, step: u32, steps: u32) -> bool {
        let last = |share: f64| (share * f64::from(steps)).round().max(1.0);
        self.until
            .is_some_and(|share| f64::from(step) >= last(share))
    }

    /// Whether each gate has a mask of its own.
    pub fn untied(&self) -> bool {
        self.gates == Some(Gates::Untied)
    }

    /// Whether one mask serves the whole minibatch.
    pub fn shared(&self) -> bool {
        self.shared == Shared::Batch
    }

    /// Whether kept units stay as they are in training and all are scaled by the keep rate at test.
    pub fn published(&self) -> bool {
        self.scaling == Some(Scaling::Published)
    }
}

/// When a mask is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MaskTime {
    /// Once a sequence: the same mask at every time step (Gal & Ghahramani 2016).
    Fixed,
    /// Anew at every time step.
    PerStep,
}

impl MaskTime {
    /// Its name in a specification.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::PerStep => "per_step",
        }
    }
}

/// For whom a mask is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Shared {
    /// Each sequence of a minibatch has its own.
    #[default]
    None,
    /// All sequences of a minibatch share one.
    Batch,
}

/// What kind of noise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Noise {
    /// A mask of zeros and a constant.
    #[default]
    Mask,
    /// The product that follows gets the mask's mean and variance as Gaussian noise (fast dropout, Wang & Manning 2013).
    Moments,
}

/// For which gates a mask is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Gates {
    /// All gates share one.
    Tied,
    /// Each gate has its own.
    Untied,
}

/// Which cell state goes on to the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Carry {
    /// The masked one: what is dropped is forgotten (Moon et al. 2015).
    Masked,
    /// The unmasked one: the mask hides units from the output only.
    Unmasked,
}

/// What is dropped together of an embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A row of the embedding: all occurrences of a word in a sequence (Gal & Ghahramani 2016). `time` is `fixed`.
    Type,
    /// Each occurrence by itself. `time` is `per_step`.
    Token,
}

impl By {
    /// Its name in a specification.
    pub fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Token => "token",
        }
    }
}

/// How the mean of a mask is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// Kept units are scaled by 1 / (1 − rate) in training; nothing happens at test.
    Inverted,
    /// Kept units stay as they are in training; all are scaled by 1 − rate at test.
    Published,
}
