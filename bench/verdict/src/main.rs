//! Simulates experiments whose truth is known, lets the board's own rule decide them, and prints how often it errs.
//!
//! `cargo run --release -p bench-verdict` prints the tables of `bench/README.md`; it ends with 1 if a promised level is
//! exceeded by more than the simulation's own error.

#![expect(clippy::print_stdout, reason = "its tables are what it is for")]

mod attack;
mod challenge;
mod noise;
mod run;
mod sequential;

use clap::Parser;
use noise::{Centre, Noise};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rayon::prelude::*;
use run::{Experiment, Kind, Third};

/// Prints error rates and power of the verdict, by simulation.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Simulated experiments of each cell; where exact tests of many pairs take long there are fewer
    #[arg(long, default_value_t = 20_000)]
    experiments: u32,
    /// Numbers of seed pairs
    #[arg(long, value_delimiter = ',', default_values_t = [6, 8, 16, 40])]
    pairs: Vec<u32>,
    /// Criterion kinds, as the tables are headed; all of them where none is named
    #[arg(long, value_delimiter = ',')]
    kinds: Vec<String>,
    /// Sequential plans alone
    #[arg(long)]
    sequential: bool,
    /// True claims under attack alone
    #[arg(long)]
    attacks: bool,
    /// False claims that were challenged alone
    #[arg(long)]
    challenges: bool,
    /// Repeats the same simulation
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Args {
    fn asks_for(&self, kind: Kind) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|name| kind.name().starts_with(name))
    }
}

/// One-sided level of every simulated experiment.
const ALPHA: f64 = 0.05;
/// Smallest effect of interest, in units of the noise's spread.
const MARGIN: f64 = 1.0;

fn main() {
    let args = Args::parse();
    if args.attacks {
        end(attack::table(&args));
        return;
    }
    if args.challenges {
        end(challenge::table(&args));
        return;
    }
    if args.sequential {
        end(sequential::table(&args));
        return;
    }
    println!(
        "{} experiments a cell (with more than 20 pairs, whose exact tests take long, a fiftieth of means and of dispersion and a \
         tenth of solve_rate), level {ALPHA}, smallest effect of interest {MARGIN} (shares: {}).\n\
         Promised to be at most the level: *supported* at no effect, *falsified* at an effect of the margin, *reversed* \
         at no effect.\nBold: above it by more than three standard errors of the simulation, where it is promised.\n",
        args.experiments,
        run::SHARE_MARGIN
    );
    let mut broken = 0;
    for kind in Kind::ALL.into_iter().filter(|kind| args.asks_for(*kind)) {
        println!("## {}\n", kind.name());
        println!(
            "| noise | pairs | supported at 0 | falsified at m | reversed at 0 | power: falsified at 0 | supported at 2m |"
        );
        println!("|---|--:|--:|--:|--:|--:|--:|");
        for &noise in kind.noises() {
            for &pairs in &args.pairs {
                broken += row(kind, noise, pairs, &args);
            }
        }
        println!();
    }
    let claims = attack::table(&args) + challenge::table(&args);
    end(broken + sequential::table(&args) + claims);
}

/// Ends the program with 1 if a promise is broken.
fn end(broken: usize) {
    if broken > 0 {
        println!("{broken} promises broken.");
        std::process::exit(1);
    }
}

/// Prints a row, and says how many promises it breaks.
fn row(kind: Kind, noise: Noise, pairs: u32, args: &Args) -> usize {
    let experiments = args.experiments / kind.rarer(pairs);
    let experiment = Experiment::new(kind, noise, pairs);
    let ends = |effect: f64, third: Third| -> [f64; 3] {
        let counts = (0..experiments)
            .into_par_iter()
            .map(|i| {
                let mut rng = SmallRng::seed_from_u64(args.seed << 32 | u64::from(i));
                experiment.ends(effect, third, &mut rng).map(u64::from)
            })
            .reduce(|| [0; 3], |a, b| [a[0] + b[0], a[1] + b[1], a[2] + b[2]]);
        counts.map(|count| count as f64 / f64::from(experiments))
    };
    let margin = kind.edge();
    // The third of three conditions is where an error is likeliest: with those that lack the effect, all but one have it.
    let (none, edge, twice) = (
        ends(0.0, Third::For),
        ends(margin, Third::Against),
        ends(2.0 * margin, Third::Against),
    );
    let reversed = match kind {
        Kind::Cells => ends(0.0, Third::Against)[2],
        _ => none[2],
    };
    // Of these the margin is the edge of both: there neither may be concluded more often than the level says.
    let promised = match kind {
        Kind::Equivalence | Kind::NonInferiority => [edge[0], edge[1], 0.0],
        _ => [none[0], edge[1], reversed],
    };
    let bar = ALPHA + 3.0 * (ALPHA * (1.0 - ALPHA) / f64::from(experiments)).sqrt();
    let holds = kind != Kind::Mean || noise.is_symmetric();
    let cell = |value: f64| match value > bar && holds {
        true => format!("**{value:.3}**"),
        false => format!("{value:.3}"),
    };
    let power = match kind {
        Kind::Equivalence | Kind::NonInferiority => [twice[1], none[0]],
        _ => [none[1], twice[0]],
    };
    println!(
        "| {} | {pairs} | {} | {} | {} | {:.2} | {:.2} |",
        kind.noise_name(noise),
        cell(promised[0]),
        cell(promised[1]),
        cell(promised[2]),
        power[0],
        power[1]
    );
    promised
        .iter()
        .filter(|value| holds && **value > bar)
        .count()
}

impl Kind {
    /// By what factor fewer experiments of so many pairs are simulated: sign-flip tests of 40 pairs count two million sums,
    /// tests of paired shares every table.
    fn rarer(self, pairs: u32) -> u32 {
        match self {
            Self::Mean | Self::Dispersion if pairs > 20 => 50,
            Self::SolveRate if pairs > 20 => 10,
            _ => 1,
        }
    }

    /// What of the noise is 0 where there is no effect.
    fn centre(self) -> Centre {
        match self {
            Self::Mean => Centre::Mean,
            _ => Centre::Median,
        }
    }
}
