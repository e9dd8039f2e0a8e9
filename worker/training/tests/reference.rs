//! The cells and every named dropout method against torch, forward and backward and at test, from
//! `reference/cells.json` (made by `reference/generate.py`, which knows the methods from their papers).

use breakmywork_protocol::spec::{
    self, Cell, Dropout, Format, Normalization, Plan, SiteName, presets::PRESETS,
};
use breakmywork_training::dropout::{Drawn, MaskShape, Masks};
use breakmywork_training::model::Parameters;
use breakmywork_training::network::Network;
use breakmywork_training::tasks::{Batch, Head, Inputs, ReadOut};
use candle_core::{DType, Device, Result, Tensor};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Largest difference from torch, in double precision.
const TOLERANCE: f64 = 1e-12;

type Matrix = Vec<Vec<f64>>;

#[derive(Deserialize)]
struct Document {
    torch: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    cell: Cell,
    normalization: Normalization,
    /// Name of the preset; empty without masks.
    method: String,
    classes: usize,
    inputs: Vec<Matrix>,
    /// Site → layer → steps × gates × rows × width.
    masks: BTreeMap<String, BTreeMap<usize, Vec<Vec<Matrix>>>>,
    targets: Vec<f64>,
    weights: BTreeMap<String, Matrix>,
    outputs: Matrix,
    /// With every mask at its mean.
    outputs_at_test: Matrix,
    loss: f64,
    gradients: BTreeMap<String, Matrix>,
}

#[test]
fn forward_loss_and_gradients_agree_with_torch() {
    let text = include_str!("reference/cells.json");
    let document: Document = serde_json::from_str(text).expect("reads the reference");
    assert_eq!(document.torch, "2.15.0");
    for case in &document.cases {
        let (cell, method) = (case.cell.name(), &case.method);
        let largest = largest_difference(case).expect("computes");
        assert!(
            largest < TOLERANCE,
            "{cell} with {method:?} is {largest:e} from torch"
        );
    }
    let tested: BTreeSet<(&str, &str)> = document
        .cases
        .iter()
        .map(|case| (case.cell.name(), case.method.as_str()))
        .collect();
    for preset in PRESETS.iter().filter(|preset| preset.name != "none") {
        assert!(tested.contains(&("lstm", preset.name)), "{}", preset.name);
        let needs_cell = preset.name.starts_with("moon");
        for cell in ["rnn", "gru"] {
            assert_ne!(tested.contains(&(cell, preset.name)), needs_cell);
        }
    }
}

/// The largest difference of an output, the loss, a gradient or an output at test.
fn largest_difference(case: &Case) -> Result<f64> {
    let device = Device::Cpu;
    let head = if case.classes == 0 {
        Head::Value
    } else {
        Head::Classes(case.classes)
    };
    let network = Network {
        cell: case.cell,
        layers: 2,
        hidden: case.weights["output.weight"].len(),
        normalization: case.normalization,
        normalization_gain: 1.0,
        inputs: case.inputs[0][0].len(),
        vocabulary: None,
        tied: false,
        initial_range: None,
        forget_bias: None,
        head,
        read_out: ReadOut::Last(case.outputs.len() / case.inputs[0].len()),
    };
    let parameters = Parameters::initial(&network, 0, DType::F64, &device)?;
    for (name, var) in parameters.named() {
        var.set(&tensor(&case.weights[name])?)?;
    }
    let inputs = case.inputs.iter().map(tensor).collect::<Result<Vec<_>>>()?;
    let dropout = dropout(case);
    let masks = masks(case, &dropout)?;
    let steps = inputs.len();
    let inputs = Inputs::Numbers(inputs);
    let pass = network.pass(&parameters.weights()?, &inputs, None, &masks)?;
    let outputs = pass.outputs;
    let targets = Tensor::new(case.targets.as_slice(), &device)?;
    let targets = match head {
        Head::Value => targets.unsqueeze(1)?,
        Head::Classes(_) => targets.to_dtype(DType::U32)?,
        Head::Keys(_) => candle_core::bail!("no case has keys"),
    };
    let batch = Batch {
        inputs,
        targets,
        weights: None,
        size: case.inputs[0].len(),
    };
    let loss = network.loss(&outputs, &batch)?;
    let gradients = loss.backward()?;

    let mut largest = difference(&outputs, &case.outputs)?;
    largest = largest.max((loss.to_scalar::<f64>()? - case.loss).abs());
    for (name, var) in parameters.named() {
        let gradient = gradients.get(var).expect("every parameter has a gradient");
        largest = largest.max(difference(gradient, &case.gradients[name])?);
    }
    let shape = MaskShape {
        dropout: &dropout,
        network: &network,
        steps,
        batch: batch.size,
        tokens: None,
    };
    let mean = Masks::mean(shape);
    let frozen = parameters.frozen()?.with_statistics(Some(pass.statistics));
    let at_test = network.forward(&frozen, &batch.inputs, &mean)?;
    Ok(largest.max(difference(&at_test, &case.outputs_at_test)?))
}

/// What the preset of that name expands to.
fn dropout(case: &Case) -> Dropout {
    if case.method.is_empty() {
        return Dropout::default();
    }
    let text = format!(
        "title = \"t\"\nseeds = [1]\ntask.name = \"copy\"\nmodel = {{ cell = \"{}\", layers = 2 }}\ntraining.steps = 1\n\
         [[arms]]\nname = \"a\"\ndropout.preset = \"{}\"\n",
        case.cell.name(),
        case.method
    );
    let spec = spec::read(&text, Format::Toml).expect("a preset is valid");
    let plan = Plan {
        arm: "a".into(),
        seed: 1,
        setup: spec.arms[0].setup.clone(),
    };
    plan.setup.dropout
}

fn masks(case: &Case, dropout: &Dropout) -> Result<Masks> {
    let mut given = Vec::new();
    let named: Vec<&str> = dropout.sites().map(|(name, _)| name.name()).collect();
    let drawn: BTreeSet<&str> = case.masks.keys().map(String::as_str).collect();
    assert_eq!(drawn, named.into_iter().collect(), "{}", case.method);
    for (name, site) in dropout.sites() {
        // Each gate has a mask of its own where it is untied, in moments, and of each recurrent matrix.
        let moments = site.noise == spec::Noise::Moments;
        let by_gate = site.untied() || moments || name == SiteName::RecurrentWeights;
        for (layer, steps) in &case.masks[name.name()] {
            let mask = |gates: &Vec<Matrix>| {
                let mask = Tensor::new(gates.clone(), &Device::Cpu)?;
                if by_gate { Ok(mask) } else { mask.squeeze(0) }
            };
            let masks = steps.iter().map(mask).collect::<Result<Vec<_>>>()?;
            given.push(((name, *layer), Drawn::given(site.clone(), &masks)?));
        }
    }
    Ok(Masks::given(given))
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
