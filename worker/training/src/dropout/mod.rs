//! Dropout masks: when a mask is drawn anew, how it meets what it masks, and the log of what was applied.
//!
//! The space of sites is the specification's ([`SiteName`]); `docs/variants.md` has the formulas. With inverted
//! scaling a mask entry is 0 with the site's rate, else 1 / (1 − rate), so the expected mask is 1; with published
//! scaling it is 0 or 1 and everything is scaled by 1 − rate at test. A zoneout mask is 1 where a unit keeps its
//! previous value. Moment noise is standard normal and scaled where it meets its product. A fixed mask is drawn once
//! a minibatch and the same tensor is used at every step (Gal & Ghahramani 2016); a per-step mask is drawn for each.

mod draw;
mod drawn;
mod embedding;
mod entering;
mod place;
mod proof;

pub use drawn::{Applied, Drawn, MaskSize};
pub use entering::Entering;
pub use place::Place;
pub use proof::Proof;

use crate::card::Card;
use crate::network::Network;
use crate::rng::Purpose;
use crate::tasks::Tokens;
use breakmywork_protocol::spec::{self, Carry, Site, SiteName};
use candle_core::Result;
use draw::{draws, means};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What the specification says about a site; a rate of 0 drops nothing and is as good as absent.
pub fn active(dropout: &spec::Dropout, name: SiteName) -> Option<&Site> {
    dropout.site(name).filter(|site| site.rate > 0.0)
}

/// The masks of one minibatch.
#[derive(Debug, Default)]
pub struct Masks {
    drawn: HashMap<(SiteName, usize), Arc<Drawn>>,
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
    pub fn mean(shape: MaskShape<'_>) -> Self {
        Self::given(
            SiteName::ALL
                .into_iter()
                .flat_map(|name| means(name, shape)),
        )
    }

    /// The masks of one Monte Carlo sample at that position, drawn on that card or here, but embeddings at their mean (Gal
    /// & Ghahramani's published code).
    ///
    /// # Errors
    /// What the card says.
    pub fn sampled(
        card: Option<&dyn Card>,
        shape: MaskShape<'_>,
        seed: u32,
        position: Position,
    ) -> Result<Self> {
        let purpose = |site, layer| Purpose::MonteCarlo { site, layer };
        let mut drawn = Vec::new();
        for name in SiteName::ALL {
            drawn.extend(match name {
                SiteName::Embedding => means(name, shape),
                _ => draws(card, name, shape, seed, purpose, position)?,
            });
        }
        Ok(Self::given(drawn))
    }

    /// Exactly those masks.
    pub fn given(drawn: impl IntoIterator<Item = ((SiteName, usize), Drawn)>) -> Self {
        let drawn = drawn.into_iter();
        Self {
            drawn: drawn.map(|(at, drawn)| (at, Arc::new(drawn))).collect(),
            log: None,
        }
    }

    /// The masks at that position of the streams that `purpose` gives for (site, layer), drawn on that card or here.
    ///
    /// # Errors
    /// What the card says.
    pub fn draw(
        card: Option<&dyn Card>,
        shape: MaskShape<'_>,
        seed: u32,
        purpose: impl Fn(u8, u16) -> Purpose,
        position: u64,
    ) -> Result<Self> {
        let mut drawn = Vec::new();
        for name in SiteName::ALL {
            let position = Position::from(position);
            drawn.extend(draws(card, name, shape, seed, &purpose, position)?);
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

    /// The masks there, if there are any.
    fn drawn(&self, name: SiteName, layer: usize) -> Option<&Arc<Drawn>> {
        self.drawn.get(&(name, layer))
    }

    /// What the masks there were drawn for, if there are any.
    pub fn site(&self, name: SiteName, layer: usize) -> Option<&Site> {
        self.drawn(name, layer).map(|drawn| &drawn.site)
    }

    /// The mask for that layer and step, logged. The only way to a mask, so that the log cannot differ from what was done.
    fn used(&self, name: SiteName, layer: usize, step: usize) -> Option<Used<'_>> {
        let drawn = self.drawn(name, layer)?;
        // One mask stands for all steps; else each step has its own.
        let mask = if drawn.is_fixed() { 0 } else { step };
        let there = drawn.size().masks;
        assert!(mask < there, "step {step} of masks for {there} steps");
        if let Some(log) = &self.log {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push(Applied {
                site: name,
                layer,
                step,
                drawn: drawn.clone(),
            });
        }
        Some(Used { drawn, mask })
    }

    /// The masks for that layer and each of so many steps, all logged as used.
    pub(crate) fn at(&self, name: SiteName, layer: usize, steps: usize) -> Option<&Drawn> {
        let used = (0..steps).filter_map(|step| self.used(name, layer, step));
        used.last().map(|used| used.drawn)
    }

    /// Whether the cell state that a layer carries on is the unmasked one.
    pub fn hides(&self, layer: usize) -> bool {
        self.site(SiteName::Cell, layer)
            .is_some_and(|site| site.carry == Some(Carry::Unmasked))
    }
}

/// A mask in use.
struct Used<'m> {
    drawn: &'m Drawn,
    /// Which of them.
    mask: usize,
}
