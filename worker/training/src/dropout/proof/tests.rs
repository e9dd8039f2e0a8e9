//! Correct masks pass; each planted fault is found and named.

use super::super::{Drawn, MaskShape, Masks};
use super::*;
use crate::model::Parameters;
use crate::network::Network;
use crate::rng::Purpose;
use crate::tasks::{Piece, Task};
use breakmywork_protocol::spec::{Carry, Cell, Gates, Model, Scaling, Shared, Site, TaskName};
use candle_core::{DType, Device, Tensor};
use std::sync::Arc;

const STEPS: usize = 12;
const BATCH: usize = 8;
const MINIBATCHES: u64 = 6;

fn adding() -> Task {
    let spec = spec::Task::generated(TaskName::Adding, STEPS as u32);
    Task::generated(&spec).expect("generated")
}

fn network() -> Network {
    Network::new(&Model::new(Cell::Lstm, 2, 16), adding().shape())
}

fn dropout(rate: f64, time: MaskTime) -> Dropout {
    let site = Some(Site::new(rate, time));
    Dropout {
        input: site.clone(),
        state: site.clone(),
        output: site,
        ..Dropout::default()
    }
}

/// Runs the network with masks drawn for `drawn` at the positions given and holds the log against `specified`.
fn proof(specified: &Dropout, drawn: &Dropout, position: impl Fn(u64) -> u64) -> Treatment {
    let network = network();
    let task = adding();
    let weights = Parameters::initial(&network, 1, DType::F32, &Device::Cpu)
        .and_then(|parameters| parameters.weights())
        .expect("initial weights");
    let shape = |dropout| MaskShape {
        dropout,
        network: &network,
        steps: STEPS,
        batch: BATCH,
        tokens: None,
    };
    let mut proof = Proof::default();
    for minibatch in 0..MINIBATCHES {
        let purpose = |site, layer| Purpose::Mask { site, layer };
        let masks = Masks::draw(None, shape(drawn), 1, purpose, position(minibatch))
            .expect("masks")
            .logged();
        let piece = Piece::Sequences(Purpose::Training, (0..BATCH as u64).collect());
        let data = task
            .batch(1, &piece, DType::F32, &Device::Cpu)
            .expect("data");
        network
            .forward(&weights, &data.inputs, &masks)
            .expect("forward");
        proof
            .inspect(shape(specified), &masks.into_log())
            .expect("inspects");
    }
    proof.treatment(specified)
}

fn violations(treatment: &Treatment) -> String {
    assert_eq!(treatment.verified, treatment.violations.is_empty());
    treatment.violations.join("\n")
}

#[test]
fn correct_masks_are_verified_and_described() {
    for (time, equal, different) in [
        (MaskTime::Fixed, 2 * 11 * 6, 0),
        (MaskTime::PerStep, 0, 2 * 11 * 6),
    ] {
        for rate in [0.01, 0.25, 0.9] {
            let specified = dropout(rate, time);
            let treatment = proof(&specified, &specified, |minibatch| minibatch);
            assert!(
                treatment.verified,
                "{rate} {time:?}: {:?}",
                treatment.violations
            );
            let state = &treatment.sites["state"];
            assert_eq!(state.windows, MINIBATCHES);
            assert!((state.keep_rate - (1.0 - rate)).abs() < 0.1);
            if rate == 0.25 {
                assert_eq!(
                    (state.equal_steps, state.different_steps),
                    (equal, different)
                );
            }
            assert_eq!(treatment.sites.len(), 3);
        }
    }
}

#[test]
fn a_fresh_mask_where_a_fixed_one_is_specified_is_found() {
    let found = violations(&proof(
        &dropout(0.25, MaskTime::Fixed),
        &dropout(0.25, MaskTime::PerStep),
        |m| m,
    ));
    assert!(
        found.contains("state of layer 1: the mask changed between 66 of 66 successive steps"),
        "{found}"
    );
    assert!(
        found.contains("input of layer 1: the mask changed"),
        "{found}"
    );
}

#[test]
fn a_fixed_mask_where_a_fresh_one_is_specified_is_found() {
    let found = violations(&proof(
        &dropout(0.25, MaskTime::PerStep),
        &dropout(0.25, MaskTime::Fixed),
        |m| m,
    ));
    assert!(
        found.contains("state of layer 2: the mask was the same at 66 of 66 successive steps"),
        "{found}"
    );
}

#[test]
fn masks_kept_over_minibatches_are_found() {
    for time in [MaskTime::Fixed, MaskTime::PerStep] {
        let specified = dropout(0.25, time);
        let found = violations(&proof(&specified, &specified, |minibatch| minibatch / 2));
        assert!(
            found.contains("state of layer 1: 3 of 6 minibatches had the masks of another"),
            "{found}"
        );
        assert!(
            found.contains("output of layer 2: 3 of 6 minibatches had the masks of another"),
            "{found}"
        );
    }
}

#[test]
fn a_wrong_rate_is_found() {
    let found = violations(&proof(
        &dropout(0.25, MaskTime::Fixed),
        &dropout(0.4, MaskTime::Fixed),
        |m| m,
    ));
    assert!(
        found.contains("entries that its rate and scaling do not allow"),
        "{found}"
    );
    assert!(
        found.contains("which a rate of 0.25 makes all but impossible"),
        "{found}"
    );
}

#[test]
fn a_missing_and_an_unwanted_site_are_found() {
    let some = Dropout {
        output: None,
        ..dropout(0.25, MaskTime::Fixed)
    };
    let found = violations(&proof(&dropout(0.25, MaskTime::Fixed), &some, |m| m));
    assert!(
        found.contains("output of layer 2: masked at 0 time steps instead of 1"),
        "{found}"
    );
    let found = violations(&proof(&some, &dropout(0.25, MaskTime::Fixed), |m| m));
    assert!(
        found.contains("output: a mask was applied where none is specified"),
        "{found}"
    );
}

#[test]
fn a_mask_shared_by_the_minibatch_is_found() {
    let network = network();
    let specified = Dropout {
        state: Some(Site::new(0.5, MaskTime::Fixed)),
        ..Dropout::default()
    };
    let row: Vec<f32> = (0..16)
        .map(|i| if i % 2 == 0 { 2.0 } else { 0.0 })
        .collect();
    let mask = Tensor::from_vec(row.repeat(BATCH), (BATCH, 16), &Device::Cpu).expect("mask");
    let site = Site::new(0.5, MaskTime::Fixed);
    let drawn = Arc::new(Drawn::given(site, &[mask]).expect("a mask"));
    let log: Vec<Applied> = (0..2)
        .flat_map(|layer| (0..STEPS).map(move |step| (layer, step)))
        .map(|(layer, step)| Applied {
            site: SiteName::State,
            layer,
            step,
            drawn: drawn.clone(),
        })
        .collect();
    let mut proof = Proof::default();
    let shape = MaskShape {
        dropout: &specified,
        network: &network,
        steps: STEPS,
        batch: BATCH,
        tokens: None,
    };
    proof.inspect(shape, &log).expect("inspects");
    let found = violations(&proof.treatment(&specified));
    assert!(
        found.contains("state of layer 1: 7 of 7 neighbouring sequences shared their mask"),
        "{found}"
    );
}

/// The smallest network, where equal masks and odd rates are plain chance, is not accused.
#[test]
fn chance_is_not_a_violation() {
    let network = Network {
        hidden: 1,
        layers: 1,
        ..network()
    };
    let specified = Dropout {
        state: Some(Site::new(0.1, MaskTime::PerStep)),
        ..Dropout::default()
    };
    let shape = MaskShape {
        dropout: &specified,
        network: &network,
        steps: 5,
        batch: 1,
        tokens: None,
    };
    for seed in 0..200 {
        let mut proof = Proof::default();
        for minibatch in 0..32 {
            let purpose = |site, layer| Purpose::Mask { site, layer };
            let masks = Masks::draw(None, shape, seed, purpose, minibatch)
                .expect("masks")
                .logged();
            let h = Tensor::ones((1, 1), DType::F32, &Device::Cpu).expect("ones");
            for step in 0..5 {
                masks.apply(SiteName::State, 0, step, &h).expect("applies");
            }
            proof.inspect(shape, &masks.into_log()).expect("inspects");
        }
        let treatment = proof.treatment(&specified);
        assert!(
            treatment.verified,
            "seed {seed}: {:?}",
            treatment.violations
        );
    }
}

#[test]
fn the_first_minibatches_and_pairs_through_the_run_are_inspected() {
    let wanted: Vec<u32> = (0..1600).filter(|&step| Proof::wants(step, 1600)).collect();
    assert_eq!(wanted[..4], [0, 1, 100, 101]);
    assert_eq!(wanted.len(), 32);
    assert!((0..5).all(|step| Proof::wants(step, 5)));
}

/// Sites of a network that reads numbers; see `embedding` for the other.
fn of_numbers() -> impl Iterator<Item = SiteName> {
    let sites = SiteName::ALL.into_iter();
    sites.filter(|site| *site != SiteName::Embedding)
}

/// Every site with settings off the beaten track, in two layers.
fn everything(change: impl Fn(SiteName, &mut Site)) -> Dropout {
    let mut dropout = Dropout::default();
    for name in of_numbers() {
        let mut site = Site::new(0.3, MaskTime::PerStep);
        if name.feeds_gates() {
            site.gates = Some(Gates::Untied);
        }
        if name == SiteName::Cell {
            (site.carry, site.scaling) = (Some(Carry::Masked), Some(Scaling::Published));
        }
        if name == SiteName::Output {
            site.noise = Noise::Moments;
        }
        if name == SiteName::RecurrentWeights {
            site.shared = Shared::Batch;
        }
        change(name, &mut site);
        *dropout.site_mut(name) = Some(site);
    }
    dropout
}

#[test]
fn correct_masks_at_every_site_are_verified() {
    for time in [MaskTime::Fixed, MaskTime::PerStep] {
        let specified = everything(|_, site| site.time = time);
        let treatment = proof(&specified, &specified, |minibatch| minibatch);
        assert!(treatment.verified, "{:?}", treatment.violations);
        assert_eq!(treatment.sites.len(), of_numbers().count());
        let state = &treatment.sites["state"];
        assert!(state.equal_gates == 0 && state.different_gates > 0);
        // Equal ones by chance: 16 entries agree with probability 10^-4.
        assert!(state.equal_sequences < 5 && state.different_sequences > 100);
    }
}

/// Each kind of fault, planted at each site that can have it.
#[test]
fn every_planted_fault_is_found_at_every_site() {
    for planted in of_numbers() {
        // Above the first layer `between` stands in for `input`.
        let layer = if planted == SiteName::Input { 1 } else { 2 };
        let place = format!("{} of layer {layer}: ", planted.name());
        let find = |specify: &dyn Fn(&mut Site), plant: &dyn Fn(&mut Site), words: &str| {
            let with = |change: &dyn Fn(&mut Site)| {
                everything(|name, site| {
                    if name == planted {
                        change(site);
                    }
                })
            };
            let found = proof(&with(specify), &with(plant), |m| m).violations;
            let named = |line: &String| line.starts_with(&place) && line.contains(words);
            assert!(found.iter().any(named), "{place}{words}: {found:#?}");
            let elsewhere = found
                .iter()
                .filter(|line| !line.starts_with(planted.name()));
            assert_eq!(elsewhere.count(), 0, "{found:#?}");
        };
        let as_it_is: &dyn Fn(&mut Site) = &|_| ();
        let fixed: &dyn Fn(&mut Site) = &|site| site.time = MaskTime::Fixed;
        // The adding task reads one output, so there are no successive steps to compare.
        if planted != SiteName::Output {
            find(as_it_is, fixed, "the mask was the same at");
            find(fixed, as_it_is, "the mask changed between");
        }
        let rate: &dyn Fn(&mut Site) = &|site| site.rate = 0.6;
        if planted == SiteName::Output {
            // Noise does not know its rate; a mask in its place does.
            find(
                as_it_is,
                &|site| site.noise = Noise::Mask,
                "a mask is for 1 gates instead of",
            );
            continue;
        }
        find(
            as_it_is,
            rate,
            "which a rate of 0.3 makes all but impossible",
        );
        if planted.feeds_gates() {
            find(
                as_it_is,
                &|site| site.gates = None,
                "a mask is for 1 gates instead of 4",
            );
            find(
                &|site| site.gates = None,
                as_it_is,
                "a mask is for 4 gates instead of 1",
            );
        }
        if planted != SiteName::RecurrentWeights {
            find(as_it_is, &|site| site.shared = Shared::Batch, "rows of");
            find(&|site| site.shared = Shared::Batch, as_it_is, "rows of");
        }
        if !planted.is_zoneout() && planted != SiteName::Cell {
            find(
                as_it_is,
                &|site| site.scaling = Some(Scaling::Published),
                "entries that its rate and scaling do not allow",
            );
        }
    }
}

#[test]
fn gates_with_the_same_mask_and_noise_of_another_size_are_found() {
    let network = network();
    let specified = Dropout {
        state: Some(Site {
            gates: Some(Gates::Untied),
            ..Site::new(0.5, MaskTime::Fixed)
        }),
        output: Some(Site {
            noise: Noise::Moments,
            ..Site::new(0.5, MaskTime::PerStep)
        }),
        ..Dropout::default()
    };
    let shape = MaskShape {
        dropout: &specified,
        network: &network,
        steps: STEPS,
        batch: BATCH,
        tokens: None,
    };
    let mut proof = Proof::default();
    for minibatch in 0..MINIBATCHES {
        let purpose = |site, layer| Purpose::Mask { site, layer };
        let masks = Masks::draw(None, shape, 1, purpose, minibatch).expect("masks");
        let first = |site, layer| {
            let drawn = masks.drawn(site, layer).expect("drawn");
            let mask = drawn.tensor(0, DType::F32, &Device::Cpu).expect("a mask");
            (drawn.site.clone(), mask)
        };
        let given = |site, mask| Arc::new(Drawn::given(site, &[mask]).expect("a mask"));
        let mut log = Vec::new();
        for layer in 0..2 {
            let (site, mask) = first(SiteName::State, layer);
            let gate = mask.get(0).expect("a gate");
            let drawn = given(site, Tensor::stack(&[&gate; 4], 0).expect("four alike"));
            log.extend((0..STEPS).map(|step| Applied {
                site: SiteName::State,
                layer,
                step,
                drawn: drawn.clone(),
            }));
        }
        let (site, noise) = first(SiteName::Output, 1);
        log.push(Applied {
            site: SiteName::Output,
            layer: 1,
            step: 0,
            drawn: given(site, (noise * 3.0).expect("too loud")),
        });
        proof.inspect(shape, &log).expect("inspects");
    }
    let found = violations(&proof.treatment(&specified));
    assert!(
        found.contains("state of layer 1: 18 of 18 neighbouring gates shared their mask"),
        "{found}"
    );
    assert!(
        found.contains("all but impossible for a standard normal"),
        "{found}"
    );
}
