use super::*;
use crate::spec::{Format, read};

fn spec(seeds: u32, margin: f64, criterion: &str) -> Spec {
    let text = format!(
        "title = \"t\"\nseeds = {seeds}\n[task]\nname = \"adding\"\n[training]\nsteps = 10\n\
         [[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\ndropout.state.rate = 0.2\n\
         [criterion]\nmetric = \"test_mse\"\ntreatment = \"a\"\ncontrol = \"b\"\nmargin = {margin}\n{criterion}\n"
    );
    read(&text, Format::Toml).expect("reads")
}

fn difference(seeds: u32, margin: f64) -> Spec {
    spec(seeds, margin, "kind = \"difference\"\nscale = \"log\"")
}

/// Of normal noise and an effect of one standard deviation, eight pairs have the power 0.63 by the sign test alone, twelve
/// 0.70 and twenty 0.93: `binom.sf(k - 1, n, norm.cdf(1))` in scipy with k = 7, 10 and 15, less what Student's test and
/// the two imaginary pairs take from it.
#[test]
fn power_is_that_of_the_tests_under_the_noise_that_was_seen() {
    for (seeds, by_signs) in [(8, 0.634), (12, 0.704), (20, 0.935)] {
        let power = Power::of(&difference(seeds, 0.3), None)
            .expect("a power")
            .power;
        assert!(
            power < by_signs + 0.03 && power > by_signs - 0.15,
            "{seeds}: {power}"
        );
    }
    // Ten times quieter: sure.
    let noise = PairNoise::of(&[vec![-0.03, -0.01, 0.0, 0.01, 0.03]], true).expect("noise");
    let quiet = Power::of(&difference(8, 0.3), Some(noise)).expect("a power");
    assert!(quiet.power > 0.9 && quiet.noise.own);
}

#[test]
fn the_smallest_detectable_effect_is_found_as_often_as_promised() {
    let spec = difference(12, 0.1);
    let power = Power::of(&spec, None).expect("a power");
    let least = power.detectable.expect("within reach");
    let criterion = spec.criterion.as_ref().expect("a criterion");
    let at = |effect| chance::seen(criterion, &power.noise, effect, 12);
    assert!(at(least) >= ENOUGH && at(least * 0.95) < ENOUGH);
    // A third of the noise needs more pairs than twelve; how many is said, and one fewer would not do.
    let enough = power.enough.map(|pairs| pairs as usize);
    if let Some(enough) = enough {
        assert!(chance::refuted(criterion, &power.noise, 0.1, enough) >= ENOUGH);
    }
    assert!(power.power < ENOUGH && enough.is_none_or(|pairs| pairs > 12));
}

/// PairNoise as wide as everything there is to gain leaves nothing to find; unless it was only assumed.
#[test]
fn nothing_is_hopeless_but_by_noise_that_was_measured() {
    let wide = PairNoise::of(&[vec![-9.0, -3.0, 0.0, 4.0, 8.0]], false).expect("noise");
    let power = Power::of(&difference(6, 0.1), Some(wide)).expect("a power");
    assert!(power.hopeless().is_some() && power.enough.is_none());
    let mut power = Power::of(&difference(6, 0.1), None).expect("a power");
    assert_eq!(power.hopeless(), None);
    power.detectable = None;
    assert_eq!(power.hopeless(), None);
}

/// The median of each experiment costs one of its differences.
#[test]
fn noise_is_pooled_over_experiments() {
    let noise = PairNoise::of(&[vec![-1.0, 0.0, 1.0], vec![-2.0, 0.0, 2.0]], false).expect("noise");
    assert_eq!((noise.pairs, noise.experiments), (6, 2));
    assert!((noise.sd - (10.0_f64 / 4.0).sqrt()).abs() < 1e-12);
    assert_eq!(PairNoise::of(&[], true), None);
}

#[test]
fn equivalence_needs_both_sides_and_solve_rates_their_own_noise() {
    let one = Power::of(&difference(16, 0.3), None).expect("a power");
    let both = spec(16, 0.3, "kind = \"equivalence\"\nscale = \"log\"");
    let both = Power::of(&both, None).expect("a power");
    assert!(both.power < one.power && both.power > 0.0);
    let rate = spec(16, 0.1, "kind = \"solve_rate\"\nthreshold = 0.01");
    assert_eq!(Power::of(&rate, None), None);
    let noise = PairNoise::of(&[vec![0.0, 1.0, 0.0, 0.0, 1.0, -1.0]], false);
    let power = Power::of(&rate, noise).expect("a power");
    assert!(power.power < 0.5 && power.detectable.is_some());
}

#[test]
fn pairs_are_alike_by_task_size_and_criterion_alone() {
    let one = difference(8, 0.3).likeness();
    assert_eq!(one, difference(12, 0.1).likeness());
    assert_eq!(
        one,
        spec(8, 0.3, "kind = \"equivalence\"\nscale = \"log\"").likeness()
    );
    assert_ne!(one, spec(8, 0.01, "kind = \"difference\"").likeness());
    let mut other = difference(8, 0.3);
    other.arms[0].setup.model.hidden = 64;
    assert_ne!(one, other.likeness());
    let mut averaged = difference(8, 0.3);
    let networks = averaged
        .arms
        .iter_mut()
        .map(|arm| &mut arm.setup.training.networks);
    networks.for_each(|networks| *networks = Some(5));
    assert_ne!(one, averaged.likeness());
    // Ten steps, and twenty thousand; five hundred sequences, and ten.
    let long = |steps, sequences| {
        let mut spec = difference(8, 0.3);
        for arm in &mut spec.arms {
            arm.setup.training.steps = Some(steps);
            arm.setup.evaluation.sequences = sequences;
        }
        spec.likeness()
    };
    assert_eq!(one, long(10, 500));
    assert_eq!(one, long(20, 2_000));
    assert_ne!(one, long(20_000, 500));
    assert_ne!(one, long(10, 10));
    let spread = spec(8, 0.3, "kind = \"dispersion\"\nscale = \"log\"");
    assert_eq!(spread.likeness(), None);
    assert_eq!(spread.noisy_like(), [one.clone().expect("one")]);
    // Conditions that are alike are looked up once.
    assert_eq!(cells(8, 2, "").noisy_like(), [one.expect("one")]);
    let lengths = cells(8, 2, "task.length = 40\n");
    assert_eq!(lengths.noisy_like().len(), 2);
}

/// Three conditions, of which so many must hold; the last one's arms have something of their own.
fn cells(seeds: u32, at_least: u32, own: &str) -> Spec {
    let arms: String = ["c", "d", "e", "f"]
        .iter()
        .zip([0.3, 0.0, 0.4, 0.0])
        .map(|(arm, rate)| {
            let own = if matches!(*arm, "e" | "f") { own } else { "" };
            format!("[[arms]]\nname = \"{arm}\"\n{own}dropout.state.rate = {rate}\n")
        })
        .collect();
    let text = format!(
        "title = \"t\"\nseeds = {seeds}\n[task]\nname = \"adding\"\n[training]\nsteps = 10\n\
         [[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\ndropout.state.rate = 0.2\n{arms}\
         [criterion]\nkind = \"cells\"\nscale = \"log\"\nmetric = \"test_mse\"\ntreatment = \"b\"\ncontrol = \"a\"\n\
         margin = 0.3\nconditions = [[\"c\", \"d\"], [\"e\", \"f\"]]\nat_least = {at_least}\n"
    );
    read(&text, Format::Toml).expect("reads")
}

/// The chances that `bench/verdict` counts for spreads of normal noise that differ by the factor e: 0.31, 0.50 and 0.93
/// with 6, 8 and 16 pairs, by both tests; and for two of three conditions under an effect of one standard deviation.
#[test]
fn power_of_spreads_and_of_several_conditions_is_what_is_simulated_by_the_rule() {
    for (seeds, simulated) in [(6, 0.31), (8, 0.50), (16, 0.93)] {
        let spread = spec(seeds, 1.0, "kind = \"dispersion\"\nscale = \"log\"");
        let power = Power::of(&spread, None).expect("a power");
        assert!(
            (power.power - simulated).abs() < 0.06,
            "{seeds}: {} {simulated}",
            power.power
        );
        let least = power.detectable.expect("within reach");
        assert_eq!(least < 1.0, power.power > ENOUGH, "{least}");
    }
    let of = |seeds, at_least| Power::of(&cells(seeds, at_least, ""), None).expect("a power");
    // Two of three are refuted by two, each by all of its eight pairs: each pair with a chance of 0.84, and a little less
    // for those that forty numbers do not show. `binom.sf(1, 3, .84**8)` in scipy is 0.15.
    let two = of(8, 2);
    assert!(two.power > 0.05 && two.power < 0.16, "{two:?}");
    let many = of(40, 2);
    assert!(
        many.power > 0.9 && many.detectable < two.detectable,
        "{many:?}"
    );
    assert_eq!(two.enough, of(16, 2).enough);
}

/// Only the shape of the noise counts for a spread.
#[test]
fn spreads_of_noise_of_any_size_are_found_alike() {
    let spread = spec(12, 1.0, "kind = \"dispersion\"\nscale = \"log\"");
    let of = |size: f64| {
        let seen = [-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 4.0].map(|d: f64| d * size);
        let noise = PairNoise::of(&[seen.to_vec()], true);
        Power::of(&spread, noise).expect("a power").power
    };
    assert_eq!(of(1.0), of(64.0));
}
