//! Noise of seed pairs, of the shapes that training has.

use rand::Rng;
use rand_distr::{Distribution, LogNormal, StandardNormal, StudentT};

/// A shape of noise. Each has a median and a mean of 0 as it is asked for, and a spread of about 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noise {
    /// The textbook's.
    Normal,
    /// Student's t with three degrees of freedom: now and then a seed far away.
    HeavyTailed,
    /// Lognormal: rare seeds gain much.
    Skewed,
    /// Its mirror: rare seeds lose much.
    SkewedDown,
    /// One seed in seven learns what the others do not.
    Bimodal,
}

/// What is 0 on average.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Centre {
    /// Half of all draws lie above.
    Median,
    /// The mean.
    Mean,
}

/// Share of seeds that learn, and how far above the others they end.
const LEARNS: (f64, f64) = (1.0 / 7.0, 3.0);

impl Noise {
    pub(crate) const ALL: [Self; 5] = [
        Self::Normal,
        Self::HeavyTailed,
        Self::Skewed,
        Self::SkewedDown,
        Self::Bimodal,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::HeavyTailed => "t, 3 degrees",
            Self::Skewed => "lognormal",
            Self::SkewedDown => "its mirror",
            Self::Bimodal => "bimodal",
        }
    }

    /// Whether a test of the mean promises its level here.
    pub(crate) fn is_symmetric(self) -> bool {
        matches!(self, Self::Normal | Self::HeavyTailed)
    }

    pub(crate) fn draw(self, centre: Centre, rng: &mut impl Rng) -> f64 {
        let lognormal = |rng: &mut _| {
            let value: f64 = LogNormal::new(0.0, 1.0).expect("a spread").sample(rng);
            let middle = match centre {
                Centre::Median => 1.0,
                Centre::Mean => 0.5_f64.exp(),
            };
            (value - middle) / 2.0
        };
        match self {
            Self::Normal => rng.sample(StandardNormal),
            Self::HeavyTailed => StudentT::new(3.0).expect("degrees").sample(rng) / 3_f64.sqrt(),
            Self::Skewed => lognormal(rng),
            Self::SkewedDown => -lognormal(rng),
            Self::Bimodal => {
                let (share, gain) = LEARNS;
                let around: f64 = 0.05 * rng.sample::<f64, _>(StandardNormal);
                let value = if rng.random_bool(share) { gain } else { 0.0 };
                match centre {
                    // Of the two heaps the lower one has 6/7: its own quantile 7/12 is the median of all.
                    Centre::Median => value + around - 0.05 * 0.210_428_4,
                    Centre::Mean => value + around - share * gain,
                }
            }
        }
    }
}
