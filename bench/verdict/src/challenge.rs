//! Claims that are false and were challenged: how often the confirmation falsifies them, beside what it promised.

use crate::noise::Noise;
use crate::run::{Experiment, Kind, Third};
use crate::{ALPHA, Args};
use breakmywork_protocol::verdict::{Confirmation, Outcome};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rayon::prelude::*;

/// Pairs of the challenge, and how many challenges are simulated: to plan from many pairs takes long.
const SIZES: [(u32, u32); 3] = [(8, 1_000), (16, 1_000), (40, 200)];
/// Which confirmation of the claim it is: the third is tested at a sixth of the first one's level.
const PLACES: [u32; 2] = [1, 3];
/// Power that the first confirmation of a claim is to have.
const PROMISED: f64 = 0.9;

/// Prints the table, and says how many promises are broken.
pub(crate) fn table(args: &Args) -> usize {
    println!("## a false claim, challenged: no effect at all\n");
    println!(
        "| kind | noise | pairs of the challenge | confirmation | mean pairs | at least, it said | confirmed |"
    );
    println!("|---|---|--:|--:|--:|--:|--:|");
    let mut broken = 0;
    for (pairs, challenges) in SIZES {
        for kind in [Kind::Typical, Kind::SolveRate, Kind::Cells] {
            for &noise in kind.noises() {
                for place in PLACES {
                    broken += row(kind, noise, pairs, challenges, place, args);
                }
            }
        }
    }
    println!();
    broken
}

/// Prints a row, and says how many promises it breaks: that no more is said than is kept, and of typical pairs that the
/// first confirmation has the power that it is to have.
fn row(kind: Kind, noise: Noise, pairs: u32, challenges: u32, place: u32, args: &Args) -> usize {
    let ends: Vec<[f64; 3]> = (0..challenges)
        .into_par_iter()
        .map(|challenge| {
            let seed = args.seed << 32 | u64::from(challenge);
            challenged(
                kind,
                noise,
                pairs,
                place,
                &mut SmallRng::seed_from_u64(seed),
            )
        })
        .collect();
    let mean = |of: usize| ends.iter().map(|end| end[of]).sum::<f64>() / ends.len() as f64;
    let [mean_pairs, said, kept] = [0, 1, 2].map(mean);
    println!(
        "| {} | {} | {pairs} | {place} | {mean_pairs:.1} | {said:.2} | {kept:.2} |",
        kind.name(),
        kind.noise_name(noise)
    );
    let short = |promise: f64| {
        kept < promise - 3.0 * (promise * (1.0 - promise) / f64::from(challenges)).sqrt()
    };
    usize::from(short(said)) + usize::from(kind == Kind::Typical && place == 1 && short(PROMISED))
}

/// Attacks until one is falsified; then pairs and power of the confirmation, and whether it falsified.
fn challenged(kind: Kind, noise: Noise, pairs: u32, place: u32, rng: &mut SmallRng) -> [f64; 3] {
    let screen = Experiment::at(kind, noise, pairs, ALPHA);
    let verdict = loop {
        let verdict = screen.verdict(0.0, Third::For, rng);
        if verdict.outcome == Outcome::Falsified {
            break verdict;
        }
    };
    let plan = Confirmation::plan(&verdict, place);
    let confirmation = Experiment::at(kind, noise, plan.pairs, plan.level);
    let fell = confirmation.falsified(0.0, Third::For, rng);
    [f64::from(plan.pairs), plan.power, f64::from(u8::from(fell))]
}
