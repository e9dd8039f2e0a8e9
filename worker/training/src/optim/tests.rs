//! Steps by hand, and rows of a gradient against all of it.

use super::*;
use crate::gradient::{Gradient, RowGradient};
use crate::network::Network;
use crate::tasks::{Head, ReadOut};
use breakmywork_protocol::spec::Cell;
use candle_core::{DType, Device};

fn network() -> Network {
    Network {
        cell: Cell::Rnn,
        layers: 1,
        hidden: 1,
        normalization: spec::Normalization::None,
        normalization_gain: 1.0,
        inputs: 1,
        vocabulary: None,
        tied: false,
        initial_range: None,
        forget_bias: None,
        head: Head::Value,
        read_out: ReadOut::Last(1),
    }
}

fn parameters() -> Parameters {
    Parameters::initial(&network(), 1, DType::F64, &Device::Cpu).expect("initial weights")
}

fn training(optimizer: spec::Optimizer) -> Training {
    Training {
        optimizer,
        learning_rate: 0.1,
        batch: 1,
        steps: Some(1),
        epochs: None,
        anneal: None,
        anneal_after: None,
        loss_over_time: None,
        clip: 0.0,
        weight_decay: 0.0,
        decay_by: DecayBy::LearningRate,
        ar: 0.0,
        tar: 0.0,
        networks: None,
    }
}

fn values(parameters: &Parameters) -> Vec<f64> {
    let flat = |(_, var): &(String, candle_core::Var)| {
        var.flatten_all()
            .and_then(|t| t.to_vec1::<f64>())
            .expect("numbers")
    };
    parameters.named().iter().flat_map(flat).collect()
}

fn constant(parameters: &Parameters, value: f64) -> Clipped {
    let full = |(_, var): &(String, candle_core::Var)| {
        let constant = Tensor::full(value, var.shape(), &Device::Cpu);
        Gradient::Whole(constant.expect("a constant"))
    };
    clipped(None, parameters.named().iter().map(full).collect(), 0.0).expect("gradients")
}

#[test]
fn sgd_moves_against_the_gradient() {
    let parameters = parameters();
    let before = values(&parameters);
    let mut sgd = Optimizer::new(&training(spec::Optimizer::Sgd), &parameters).expect("sgd");
    sgd.step(None, 1, 1.0, &parameters, &constant(&parameters, 2.0))
        .expect("a step");
    for (before, after) in before.iter().zip(values(&parameters)) {
        assert!((before - 0.2 - after).abs() < 1e-12);
    }
}

#[test]
fn decay_shrinks_by_the_rate_or_by_itself() {
    for (decay_by, kept) in [
        (DecayBy::LearningRate, 1.0 - 0.1 * 0.5),
        (DecayBy::Step, 0.5),
    ] {
        for optimizer in [spec::Optimizer::Sgd, spec::Optimizer::Adam] {
            let parameters = parameters();
            let before = values(&parameters);
            let training = Training {
                weight_decay: 0.5,
                decay_by,
                ..training(optimizer)
            };
            let mut optimizer = Optimizer::new(&training, &parameters).expect("an optimizer");
            let none = constant(&parameters, 0.0);
            optimizer
                .step(None, 1, 1.0, &parameters, &none)
                .expect("a step");
            for (before, after) in before.iter().zip(values(&parameters)) {
                assert!((before * kept - after).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn averaging_begins_when_validation_is_above_all_but_the_last_five_and_is_the_mean_since() {
    let parameters = parameters();
    let training = training(spec::Optimizer::NtAsgd);
    let mut optimizer = Optimizer::new(&training, &parameters).expect("nt_asgd");
    let step = |optimizer: &mut Optimizer, gradient: f64| {
        let gradients = constant(&parameters, gradient);
        optimizer
            .step(None, 1, 1.0, &parameters, &gradients)
            .expect("a step");
        values(&parameters)
    };
    // 2.9 is above 3 of none, then of the first alone once five came after it.
    for loss in [3.0, 5.0, 5.0, 5.0, 5.0, 2.9] {
        optimizer.measured(loss);
        step(&mut optimizer, 1.0);
        assert!(optimizer.averaged().is_none(), "at {loss}");
    }
    optimizer.measured(3.1);
    let first = step(&mut optimizer, 1.0);
    let second = step(&mut optimizer, -4.0);
    let third = step(&mut optimizer, 2.5);
    let means = optimizer.averaged().expect("it has begun");
    let means: Vec<f64> = means
        .iter()
        .flat_map(|mean| {
            mean.flatten_all()
                .and_then(|m| m.to_vec1())
                .expect("numbers")
        })
        .collect();
    for (index, mean) in means.iter().enumerate() {
        let expected = (first[index] + second[index] + third[index]) / 3.0;
        assert!((mean - expected).abs() < 1e-12);
    }
}

/// Adam by hand, two steps with gradients 2 and −1.
#[test]
fn adam_follows_its_definition() {
    let parameters = parameters();
    let before = values(&parameters);
    let mut adam = Optimizer::new(&training(spec::Optimizer::Adam), &parameters).expect("adam");
    adam.step(None, 1, 1.0, &parameters, &constant(&parameters, 2.0))
        .expect("a step");
    adam.step(None, 2, 1.0, &parameters, &constant(&parameters, -1.0))
        .expect("a step");
    let second_step = {
        let m = (0.9 * 0.2 - 0.1) / (1.0 - 0.81);
        let v: f64 = (0.999 * 0.004 + 0.001) / (1.0 - 0.998_001);
        0.1 * m / (v.sqrt() + 1e-8)
    };
    for (before, after) in before.iter().zip(values(&parameters)) {
        assert!((before - 0.1 - second_step - after).abs() < 1e-9);
    }
}

/// Two of five rows, by every rule, with weight decay and without: the same norm and the same parameters.
#[test]
fn rows_of_a_gradient_do_what_all_of_it_does() {
    let network = Network {
        vocabulary: Some(5),
        inputs: 3,
        ..network()
    };
    let table = |rows: &[f64], of: usize| {
        Tensor::from_vec(rows.to_vec(), (of, 3), &Device::Cpu).expect("a matrix")
    };
    let used = [1.0, -2.0, 3.0, 0.5, 0.25, -4.0];
    let mut all = [0.0; 15];
    all[3..6].copy_from_slice(&used[..3]);
    all[12..].copy_from_slice(&used[3..]);
    let rows = Gradient::Rows(RowGradient {
        rows: vec![1, 4],
        values: table(&used, 2),
        of: 5,
    });
    for optimizer in [spec::Optimizer::Sgd, spec::Optimizer::Adam] {
        for weight_decay in [0.0, 0.5] {
            let stepped = |embedding: Gradient| {
                let parameters = Parameters::initial(&network, 1, DType::F64, &Device::Cpu);
                let parameters = parameters.expect("initial weights");
                let training = Training {
                    weight_decay,
                    ..training(optimizer)
                };
                let mut rule = Optimizer::new(&training, &parameters).expect("a rule");
                let mut gradients = constant(&parameters, 2.0).gradients;
                gradients[0] = embedding;
                let clipped = clipped(None, gradients, 1.0).expect("gradients");
                rule.step(None, 1, 1.0, &parameters, &clipped)
                    .expect("a step");
                let Scale::Number(scale) = clipped.scale else {
                    panic!("a number on a CPU");
                };
                (scale, values(&parameters))
            };
            assert_eq!(
                stepped(rows.clone()),
                stepped(Gradient::Whole(table(&all, 5)))
            );
        }
    }
}

#[test]
fn the_global_norm_is_clipped_and_small_gradients_are_left_alone() {
    let parameters = parameters();
    let count = parameters.count() as f64;
    let gradients = |value: f64| {
        let loss = parameters
            .named()
            .iter()
            .map(|(_, var)| (var.as_tensor() * value)?.sum_all());
        let loss = loss
            .collect::<Result<Vec<_>>>()
            .and_then(|terms| Tensor::stack(&terms, 0)?.sum_all());
        loss.and_then(|loss| loss.backward()).expect("gradients")
    };
    for (value, clip, expected) in [
        (3.0, 1.0, 1.0 / count.sqrt()),
        (0.01, 1.0, 0.01),
        (3.0, 0.0, 3.0),
        (0.0, 1.0, 0.0),
    ] {
        let ordered = parameters.gradients(&gradients(value)).expect("ordered");
        let Clipped {
            gradients: clipped,
            scale,
            norm,
        } = clipped(None, ordered, clip).expect("clips");
        assert!((norm.to_scalar::<f64>().expect("norm") - value * count.sqrt()).abs() < 1e-12);
        let Scale::Number(scale) = scale else {
            panic!("a number on a CPU");
        };
        let entry = clipped[0]
            .values()
            .flatten_all()
            .and_then(|g| g.to_vec1::<f64>())
            .expect("numbers")[0];
        assert!(
            (entry * scale - expected).abs() < 1e-12,
            "{value} clipped to {clip} gave {entry}"
        );
    }
}
