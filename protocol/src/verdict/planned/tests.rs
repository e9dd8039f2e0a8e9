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
    let at = |effect| chance(criterion, &power.noise, effect, 12);
    assert!(at(least) >= ENOUGH && at(least * 0.95) < ENOUGH);
    // A third of the noise needs more pairs than twelve; how many is said, and one fewer would not do.
    let enough = power.enough.map(|pairs| pairs as usize);
    if let Some(enough) = enough {
        assert!(chance(criterion, &power.noise, 0.1, enough) >= ENOUGH);
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
    let spread = spec(8, 0.3, "kind = \"dispersion\"\nscale = \"log\"");
    assert_eq!(spread.likeness(), None);
}
