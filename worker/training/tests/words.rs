//! Embeddings, carried states, tied outputs and the cross-entropy of keys against torch: see
//! `reference/generate_words.py`.

use breakmywork_protocol::spec::{
    By, Cell, MaskTime, Normalization, Scaling, Shared, Site, SiteName,
};
use breakmywork_training::dropout::{Drawn, Masks};
use breakmywork_training::model::Parameters;
use breakmywork_training::network::Network;
use breakmywork_training::tasks::{Batch, Head, Inputs, ReadOut, Tokens};
use candle_core::{DType, Device, Result, Tensor, Var};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Largest difference of any number; both compute in double precision.
const TOLERANCE: f64 = 1e-12;

type Matrix = Vec<Vec<f64>>;

#[derive(Deserialize)]
struct Document {
    torch: String,
    cases: Vec<Case>,
    keys: Keys,
}

#[derive(Deserialize)]
struct Case {
    cell: Cell,
    by: By,
    shared: Shared,
    scaling: Scaling,
    tied: bool,
    windows: [Window; 2],
    targets: Vec<u32>,
    weights: BTreeMap<String, Matrix>,
    outputs: Matrix,
    loss: f64,
    gradients: BTreeMap<String, Matrix>,
}

#[derive(Deserialize)]
struct Window {
    ids: Vec<u32>,
    masks: Vec<f64>,
}

#[derive(Deserialize)]
struct Keys {
    logits: Matrix,
    targets: Matrix,
    weights: Vec<f64>,
    loss: f64,
    gradient: Matrix,
}

const BATCH: usize = 3;

fn document() -> Document {
    serde_json::from_str(include_str!("reference/words.json")).expect("as generated")
}

fn network(case: &Case) -> Network {
    let embedding = &case.weights["embedding"];
    Network {
        cell: case.cell,
        layers: 2,
        hidden: embedding[0].len(),
        normalization: Normalization::None,
        normalization_gain: 1.0,
        inputs: embedding[0].len(),
        vocabulary: Some(embedding.len()),
        tied: case.tied,
        initial_range: None,
        forget_bias: None,
        head: Head::Classes(embedding.len()),
        read_out: ReadOut::Every,
    }
}

#[test]
fn windows_of_words_agree_with_torch() {
    let document = document();
    assert_eq!(document.torch, "2.15.0");
    assert_eq!(document.cases.len(), 18);
    for case in &document.cases {
        let largest = largest_difference(case).expect("computes");
        let name = format!("{:?} {:?} {:?}", case.cell, case.by, case.shared);
        assert!(largest < TOLERANCE, "{name} tied {}: {largest}", case.tied);
    }
}

fn largest_difference(case: &Case) -> Result<f64> {
    let network = network(case);
    let parameters = Parameters::initial(&network, 0, DType::F64, &Device::Cpu)?;
    assert_eq!(parameters.named().len(), case.weights.len());
    for (name, var) in parameters.named() {
        var.set(&tensor(&case.weights[name])?)?;
    }
    let weights = parameters.weights()?;
    let inputs = |window: &Window| {
        Inputs::Tokens(Tokens {
            ids: window.ids.clone(),
            batch: BATCH,
        })
    };
    let [first, second] = &case.windows;
    let before = network.pass(&weights, &inputs(first), None, &masks(case, first)?)?;
    let carried = Some(&before.carried);
    let pass = network.pass(&weights, &inputs(second), carried, &masks(case, second)?)?;
    let batch = Batch {
        inputs: inputs(second),
        targets: Tensor::new(case.targets.as_slice(), &Device::Cpu)?,
        weights: None,
        size: BATCH,
    };
    let loss = network.loss(&pass.outputs, &batch)?;
    let gradients = loss.backward()?;
    let mut largest = difference(&pass.outputs, &case.outputs)?;
    largest = largest.max((loss.to_scalar::<f64>()? - case.loss).abs());
    for (name, var) in parameters.named() {
        let gradient = gradients.get(var).expect("every parameter has a gradient");
        largest = largest.max(difference(gradient, &case.gradients[name])?);
    }
    Ok(largest)
}

fn masks(case: &Case, window: &Window) -> Result<Masks> {
    let time = match case.by {
        By::Type => MaskTime::Fixed,
        By::Token => MaskTime::PerStep,
    };
    let site = Site {
        by: Some(case.by),
        shared: case.shared,
        scaling: Some(case.scaling),
        ..Site::new(0.3, time)
    };
    let step = |masks: &[f64]| Tensor::new(masks, &Device::Cpu)?.unsqueeze(1);
    let masks = window
        .masks
        .chunks(BATCH)
        .map(step)
        .collect::<Result<Vec<_>>>()?;
    let drawn = Drawn::given(site, &masks)?;
    Ok(Masks::given([((SiteName::Embedding, 0), drawn)]))
}

#[test]
fn the_cross_entropy_of_keys_agrees_with_torch_and_leaves_out_what_does_not_count() {
    let document = document();
    let keys = document.keys;
    let network = Network {
        head: Head::Keys(5),
        ..network(&document.cases[0])
    };
    let compute = || {
        let logits = Var::from_tensor(&tensor(&keys.logits)?)?;
        let batch = Batch {
            inputs: Inputs::Numbers(Vec::new()),
            targets: tensor(&keys.targets)?,
            weights: Some(Tensor::new(keys.weights.as_slice(), &Device::Cpu)?),
            size: 1,
        };
        let loss = network.loss(&logits, &batch)?;
        let gradients = loss.backward()?;
        let gradient = gradients.get(&logits).expect("a gradient");
        Result::Ok((
            loss.to_scalar::<f64>()?,
            difference(gradient, &keys.gradient)?,
        ))
    };
    let (loss, off) = compute().expect("computes");
    assert!(
        (loss - keys.loss).abs() < TOLERANCE && off < TOLERANCE,
        "{loss} {off}"
    );
}

fn tensor(matrix: &Matrix) -> Result<Tensor> {
    Tensor::new(matrix.clone(), &Device::Cpu)
}

fn difference(computed: &Tensor, expected: &Matrix) -> Result<f64> {
    (computed - tensor(expected)?)?
        .abs()?
        .max_all()?
        .to_scalar()
}
