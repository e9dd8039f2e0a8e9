//! Correct masks pass; each planted fault is found and named.

use super::super::{MaskShape, Masks, Site};
use super::*;
use crate::model::{Network, Parameters};
use crate::rng::Purpose;
use crate::tasks::{batch, task};
use breakmywork_protocol::spec::{Cell, Model, Task, TaskName};
use candle_core::{Device, Tensor};

const STEPS: usize = 12;
const BATCH: usize = 8;
const MINIBATCHES: u64 = 6;

fn network() -> Network {
    let model = Model {
        cell: Cell::Lstm,
        layers: 2,
        hidden: 16,
    };
    Network::new(
        &model,
        &*task(&Task {
            name: TaskName::Adding,
            length: STEPS as u32,
        }),
    )
}

fn dropout(rate: f64, time: MaskTime) -> Dropout {
    let site = Some(spec::Site { rate, time });
    Dropout {
        input: site.clone(),
        state: site.clone(),
        output: site,
    }
}

/// Runs the network with masks drawn for `drawn` at the positions given and holds the log against `specified`.
fn proof(specified: &Dropout, drawn: &Dropout, position: impl Fn(u64) -> u64) -> Treatment {
    let network = network();
    let task = task(&Task {
        name: TaskName::Adding,
        length: STEPS as u32,
    });
    let weights = Parameters::initial(&network, 1, DType::F32, &Device::Cpu)
        .expect("initial weights")
        .weights();
    let shape = |dropout| MaskShape {
        dropout,
        network: &network,
        steps: STEPS,
        batch: BATCH,
    };
    let mut proof = Proof::default();
    for minibatch in 0..MINIBATCHES {
        let purpose = |site, layer| Purpose::Mask { site, layer };
        let masks = Masks::draw(
            shape(drawn),
            1,
            purpose,
            position(minibatch),
            DType::F32,
            &Device::Cpu,
        )
        .expect("masks")
        .logged();
        let data = batch(
            &*task,
            1,
            Purpose::Training,
            0..BATCH as u64,
            DType::F32,
            &Device::Cpu,
        )
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
    assert!(found.contains("neither 0 nor 1 / (1 − rate)"), "{found}");
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
        state: Some(spec::Site {
            rate: 0.5,
            time: MaskTime::Fixed,
        }),
        ..Dropout::default()
    };
    let row: Vec<f32> = (0..16)
        .map(|i| if i % 2 == 0 { 2.0 } else { 0.0 })
        .collect();
    let mask = Tensor::from_vec(row.repeat(BATCH), (BATCH, 16), &Device::Cpu).expect("mask");
    let log: Vec<Applied> = (0..2)
        .flat_map(|layer| (0..STEPS).map(move |step| (layer, step)))
        .map(|(layer, step)| Applied {
            site: Site::State,
            layer,
            step,
            mask: mask.clone(),
        })
        .collect();
    let mut proof = Proof::default();
    let shape = MaskShape {
        dropout: &specified,
        network: &network,
        steps: STEPS,
        batch: BATCH,
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
        state: Some(spec::Site {
            rate: 0.1,
            time: MaskTime::PerStep,
        }),
        ..Dropout::default()
    };
    let shape = MaskShape {
        dropout: &specified,
        network: &network,
        steps: 5,
        batch: 1,
    };
    for seed in 0..200 {
        let mut proof = Proof::default();
        for minibatch in 0..32 {
            let purpose = |site, layer| Purpose::Mask { site, layer };
            let masks = Masks::draw(shape, seed, purpose, minibatch, DType::F32, &Device::Cpu)
                .expect("masks")
                .logged();
            let h = Tensor::ones((1, 1), DType::F32, &Device::Cpu).expect("ones");
            for step in 0..5 {
                masks.apply(Site::State, 0, step, &h).expect("applies");
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
