//! Sequential plans: how often they err however early they stop, how often they find what is there, and how many pairs
//! they need for it.

use crate::noise::Noise;
use crate::run::{Experiment, Kind, Third};
use crate::{ALPHA, Args, MARGIN};
use breakmywork_protocol::verdict::{Label, Outcome};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rayon::prelude::*;

/// Most pairs of the simulated plans.
const CAPS: [u32; 3] = [8, 16, 40];

/// Prints the table, and says how many promises are broken.
pub(crate) fn table(args: &Args) -> usize {
    println!("## {}\n", Kind::Sequential.name());
    println!(
        "| noise | cap | supported at 0 | falsified at m | reversed at 0 | power: falsified at 0 | supported at 2m | mean pairs at 0 | at m | at 2m |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    let mut broken = 0;
    for noise in Noise::ALL {
        for cap in CAPS {
            broken += row(noise, cap, args);
        }
    }
    println!();
    broken
}

/// Shares of experiments that ended so, and the pairs that they took.
#[derive(Debug, Clone, Copy, Default)]
struct Ends {
    supported: f64,
    falsified: f64,
    reversed: f64,
    pairs: f64,
}

impl Ends {
    fn of(experiment: &Experiment, effect: f64, args: &Args) -> Self {
        let one = |i: u32| {
            let mut rng = SmallRng::seed_from_u64(args.seed << 32 | u64::from(i));
            let verdict = experiment.verdict(effect, Third::For, &mut rng);
            let share = |is: bool| f64::from(u8::from(is));
            Self {
                supported: share(verdict.outcome == Outcome::Supported),
                falsified: share(verdict.outcome == Outcome::Falsified),
                reversed: share(verdict.label == Some(Label::Reversed)),
                pairs: verdict.pairs.len() as f64,
            }
        };
        let sum = (0..args.experiments)
            .into_par_iter()
            .map(one)
            .reduce(Self::default, |a, b| a.with(b, |x, y| x + y));
        sum.with(sum, |x, _| x / f64::from(args.experiments))
    }

    fn with(self, other: Self, of: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            supported: of(self.supported, other.supported),
            falsified: of(self.falsified, other.falsified),
            reversed: of(self.reversed, other.reversed),
            pairs: of(self.pairs, other.pairs),
        }
    }
}

/// Prints a row, and says how many promises it breaks: its levels hold for every noise.
fn row(noise: Noise, cap: u32, args: &Args) -> usize {
    let experiment = Experiment::new(Kind::Sequential, noise, cap);
    let [none, edge, twice] =
        [0.0, MARGIN, 2.0 * MARGIN].map(|effect| Ends::of(&experiment, effect, args));
    let promised = [none.supported, edge.falsified, none.reversed];
    let bar = ALPHA + 3.0 * (ALPHA * (1.0 - ALPHA) / f64::from(args.experiments)).sqrt();
    let cells = promised.map(|value| match value > bar {
        true => format!("**{value:.3}**"),
        false => format!("{value:.3}"),
    });
    println!(
        "| {} | {cap} | {} | {:.2} | {:.2} | {:.1} | {:.1} | {:.1} |",
        noise.name(),
        cells.join(" | "),
        none.falsified,
        twice.supported,
        none.pairs,
        edge.pairs,
        twice.pairs
    );
    promised.iter().filter(|value| **value > bar).count()
}
