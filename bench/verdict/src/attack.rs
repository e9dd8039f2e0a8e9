//! Claims under attack: how often one that is true ever falls, and how often one that is false does when it is challenged.

use crate::noise::Noise;
use crate::run::{Experiment, Kind};
use crate::{ALPHA, Args};
use breakmywork_protocol::verdict::{Confirmation, Outcome};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rayon::prelude::*;

/// Attacks on each claim.
const ATTACKS: u32 = 1_000;
/// Pairs of each attack.
const PAIRS: u32 = 8;
/// Lives of a claim that are simulated.
const LIVES: u32 = 200;

/// Who attacks.
#[derive(Debug, Clone, Copy)]
enum Attacker {
    /// The same experiment again and again.
    Luck,
    /// After each result the task whose attacks have been falsified most often so far.
    Adversary,
}

/// Prints the table, and says how many promises are broken.
pub(crate) fn table(args: &Args) -> usize {
    println!(
        "## a claim under {ATTACKS} attacks of {PAIRS} pairs, effect at the margin in every task\n"
    );
    println!("| attacker | claims that fell | challenges | confirmations |");
    println!("|---|--:|--:|--:|");
    let mut broken = 0;
    for (name, attacker) in [
        ("luck alone", Attacker::Luck),
        (
            "picks the task after seeing the results",
            Attacker::Adversary,
        ),
    ] {
        let lives: Vec<Life> = (0..LIVES)
            .into_par_iter()
            .map(|life| {
                let seed = args.seed << 32 | u64::from(life);
                live(attacker, &mut SmallRng::seed_from_u64(seed))
            })
            .collect();
        let mean = |of: fn(&Life) -> u32| {
            lives.iter().map(|life| f64::from(of(life))).sum::<f64>() / f64::from(LIVES)
        };
        let fell = mean(|life| u32::from(life.fell));
        let bar = ALPHA + 3.0 * (ALPHA * (1.0 - ALPHA) / f64::from(LIVES)).sqrt();
        broken += usize::from(fell > bar);
        println!(
            "| {name} | {fell:.3} | {:.1} | {:.1} |",
            mean(|life| life.challenges),
            mean(|life| life.confirmations)
        );
    }
    println!();
    powers(args);
    broken
}

/// How a claim fared.
struct Life {
    fell: bool,
    challenges: u32,
    confirmations: u32,
}

fn live(attacker: Attacker, rng: &mut SmallRng) -> Life {
    let tasks = match attacker {
        Attacker::Luck => &[Noise::Normal][..],
        Attacker::Adversary => &Noise::ALL,
    };
    let screens: Vec<Experiment> = tasks
        .iter()
        .map(|noise| Experiment::at(Kind::Typical, *noise, PAIRS, ALPHA))
        .collect();
    let mut record = vec![[0_u32; 2]; tasks.len()];
    let mut life = Life {
        fell: false,
        challenges: 0,
        confirmations: 0,
    };
    for _ in 0..ATTACKS {
        let task = most_falsified(&record);
        let edge = Kind::Typical.margin();
        let verdict = screens[task].verdict(edge, rng);
        record[task][1] += 1;
        if verdict.outcome != Outcome::Falsified {
            continue;
        }
        record[task][0] += 1;
        life.challenges += 1;
        life.confirmations += 1;
        let plan = Confirmation::plan(&verdict, life.confirmations);
        let confirmation = Experiment::at(Kind::Typical, tasks[task], plan.pairs, plan.level);
        if confirmation.verdict(edge, rng).outcome == Outcome::Falsified {
            life.fell = true;
            return life;
        }
    }
    life
}

/// The task with the largest share of falsified attacks; one that was not tried yet counts as half.
fn most_falsified(record: &[[u32; 2]]) -> usize {
    let share =
        |[falsified, tried]: [u32; 2]| (f64::from(falsified) + 0.5) / (f64::from(tried) + 1.0);
    (0..record.len())
        .max_by(|a, b| share(record[*a]).total_cmp(&share(record[*b])))
        .unwrap_or_default()
}

/// Of claims that are false, with no effect at all: how often a confirmation falsifies, beside what was planned.
fn powers(args: &Args) {
    println!("## a false claim, challenged: no effect at all\n");
    println!("| noise | confirmation | mean pairs | planned power | confirmed |");
    println!("|---|--:|--:|--:|--:|");
    for noise in Noise::ALL {
        for place in [1, 3] {
            let ends: Vec<[f64; 3]> = (0..LIVES)
                .into_par_iter()
                .map(|life| {
                    let seed = args.seed << 32 | u64::from(life);
                    challenged(noise, place, &mut SmallRng::seed_from_u64(seed))
                })
                .collect();
            let mean = |of: usize| ends.iter().map(|end| end[of]).sum::<f64>() / ends.len() as f64;
            println!(
                "| {} | {place} | {:.1} | {:.2} | {:.2} |",
                noise.name(),
                mean(0),
                mean(1),
                mean(2)
            );
        }
    }
    println!();
}

/// Attacks until one is falsified; then pairs and power of the confirmation, and whether it falsified.
fn challenged(noise: Noise, place: u32, rng: &mut SmallRng) -> [f64; 3] {
    let screen = Experiment::at(Kind::Typical, noise, PAIRS, ALPHA);
    let verdict = loop {
        let verdict = screen.verdict(0.0, rng);
        if verdict.outcome == Outcome::Falsified {
            break verdict;
        }
    };
    let plan = Confirmation::plan(&verdict, place);
    let confirmation = Experiment::at(Kind::Typical, noise, plan.pairs, plan.level);
    let fell = confirmation.verdict(0.0, rng).outcome == Outcome::Falsified;
    [f64::from(plan.pairs), plan.power, f64::from(u8::from(fell))]
}
