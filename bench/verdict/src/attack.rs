//! Claims under attack: how often one that is true ever falls.

use crate::noise::Noise;
use crate::run::{Experiment, Kind, Third};
use crate::{ALPHA, Args};
use breakmywork_protocol::verdict::{Confirmation, Outcome};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rayon::prelude::*;
use std::collections::HashMap;

/// Attacks on each claim.
const ATTACKS: u32 = 1_000;
/// Pairs of each attack; of a sequential plan the most.
const PAIRS: u32 = 8;
/// Lives of a claim that are simulated.
const LIVES: u32 = 200;

/// Something that can be attacked with: a kind of criterion and a task, whose noise it has.
type Weapon = (Kind, Noise);

/// Prints the table, and says how many promises are broken.
pub(crate) fn table(args: &Args) -> usize {
    println!(
        "## a claim under {ATTACKS} attacks of {PAIRS} pairs, true at the very edge of every kind and in every task\n"
    );
    println!("| attacker | claims that fell | challenges | confirmations |");
    println!("|---|--:|--:|--:|");
    let of_kind = |kind: Kind| -> Vec<Weapon> {
        let noises = kind.noises().iter();
        noises.map(|noise| (kind, *noise)).collect()
    };
    let mut broken = row("luck alone", &[(Kind::Typical, Noise::Normal)], args);
    let kinds = Kind::ALL.into_iter().chain([Kind::Sequential]);
    for kind in kinds.clone().filter(|kind| args.asks_for(*kind)) {
        let (kind_name, _) = kind.name().split_once(" (").unwrap_or((kind.name(), ""));
        let name = format!("picks the task after seeing the results: {kind_name}");
        let above = row(&name, &of_kind(kind), args);
        // Nobody promises the level of a mean under skewed noise, so a mean moves no claim.
        broken += if kind == Kind::Mean { 0 } else { above };
    }
    let all: Vec<Weapon> = kinds
        .filter(|kind| *kind != Kind::Mean)
        .flat_map(of_kind)
        .collect();
    broken += row(
        "picks task and kind after seeing the results: all but the mean",
        &all,
        args,
    );
    println!();
    broken
}

/// Prints a row, and says whether its promise is broken.
fn row(name: &str, weapons: &[Weapon], args: &Args) -> usize {
    let lives: Vec<Life> = (0..LIVES)
        .into_par_iter()
        .map(|life| {
            let seed = args.seed << 32 | u64::from(life);
            live(weapons, &mut SmallRng::seed_from_u64(seed))
        })
        .collect();
    let mean = |of: fn(&Life) -> u32| {
        lives.iter().map(|life| f64::from(of(life))).sum::<f64>() / f64::from(LIVES)
    };
    let fell = mean(|life| u32::from(life.fell));
    let bar = ALPHA + 3.0 * (ALPHA * (1.0 - ALPHA) / f64::from(LIVES)).sqrt();
    println!(
        "| {name} | {fell:.3} | {:.1} | {:.1} |",
        mean(|life| life.challenges),
        mean(|life| life.confirmations)
    );
    usize::from(fell > bar)
}

/// How a claim fared.
struct Life {
    fell: bool,
    challenges: u32,
    confirmations: u32,
}

fn live(weapons: &[Weapon], rng: &mut SmallRng) -> Life {
    let screens: Vec<Experiment> = weapons
        .iter()
        .map(|(kind, noise)| Experiment::at(*kind, *noise, PAIRS, ALPHA))
        .collect();
    // The same confirmation is planned again and again.
    let mut confirmations: HashMap<(usize, u32, u32), Experiment> = HashMap::new();
    let mut record = vec![[0_u32; 2]; weapons.len()];
    let mut life = Life {
        fell: false,
        challenges: 0,
        confirmations: 0,
    };
    for _ in 0..ATTACKS {
        let weapon = most_falsified(&record);
        let (kind, noise) = weapons[weapon];
        // Of several conditions the third, which need not have the effect, is where an error is likeliest.
        let verdict = screens[weapon].verdict(kind.edge(), Third::Against, rng);
        record[weapon][1] += 1;
        if verdict.outcome != Outcome::Falsified {
            continue;
        }
        record[weapon][0] += 1;
        life.challenges += 1;
        life.confirmations += 1;
        let plan = Confirmation::plan(&verdict, life.confirmations);
        let confirmation = confirmations
            .entry((weapon, plan.pairs, plan.place))
            .or_insert_with(|| Experiment::at(kind.confirmed(), noise, plan.pairs, plan.level));
        if confirmation.falsified(kind.edge(), Third::Against, rng) {
            life.fell = true;
            return life;
        }
    }
    life
}

/// What was falsified in the largest share of its attacks so far; what was not tried yet counts as half.
fn most_falsified(record: &[[u32; 2]]) -> usize {
    let share =
        |[falsified, tried]: [u32; 2]| (f64::from(falsified) + 0.5) / (f64::from(tried) + 1.0);
    (0..record.len())
        .max_by(|a, b| share(record[*a]).total_cmp(&share(record[*b])))
        .unwrap_or_default()
}
