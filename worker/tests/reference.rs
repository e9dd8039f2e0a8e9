//! The cells against torch, forward and backward, from `reference/cells.json` (made by `reference/generate.py`).

use breakmywork_protocol::spec::{Cell, MaskTime, Site, SiteName};
use breakmywork_worker::dropout::{Drawn, Masks};
use breakmywork_worker::model::{Network, Parameters};
use breakmywork_worker::tasks::Head;
use candle_core::{DType, Device, Result, Tensor};
use serde::Deserialize;
use std::collections::BTreeMap;

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
    classes: usize,
    inputs: Vec<Matrix>,
    /// Site → layer → masks of the steps, or one for all.
    masks: BTreeMap<String, Vec<Vec<Matrix>>>,
    targets: Vec<f64>,
    weights: BTreeMap<String, Matrix>,
    outputs: Matrix,
    loss: f64,
    gradients: BTreeMap<String, Matrix>,
}

#[test]
fn forward_loss_and_gradients_agree_with_torch() {
    let text = include_str!("reference/cells.json");
    let document: Document = serde_json::from_str(text).expect("reads the reference");
    assert_eq!(document.torch, "2.15.0");
    assert_eq!(document.cases.len(), 6, "each cell, without masks and with");
    for case in &document.cases {
        let largest = largest_difference(case).expect("computes");
        assert!(
            largest < TOLERANCE,
            "{:?} is {largest:e} from torch",
            case.cell
        );
    }
}

/// The largest difference of an output, the loss or a gradient.
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
        inputs: case.inputs[0][0].len(),
        head,
        read_out: case.outputs.len() / case.inputs[0].len(),
    };
    let parameters = Parameters::initial(&network, 0, DType::F64, &device)?;
    for (name, var) in parameters.named() {
        var.set(&tensor(&case.weights[name])?)?;
    }
    let inputs = case.inputs.iter().map(tensor).collect::<Result<Vec<_>>>()?;
    let outputs = network.forward(&parameters.weights(), &inputs, &masks(case)?)?;
    let targets = Tensor::new(case.targets.as_slice(), &device)?;
    let targets = match head {
        Head::Value => targets.unsqueeze(1)?,
        Head::Classes(_) => targets.to_dtype(DType::U32)?,
    };
    let loss = network.loss(&outputs, &targets)?;
    let gradients = loss.backward()?;

    let mut largest = difference(&outputs, &case.outputs)?;
    largest = largest.max((loss.to_scalar::<f64>()? - case.loss).abs());
    for (name, var) in parameters.named() {
        let gradient = gradients.get(var).expect("every parameter has a gradient");
        largest = largest.max(difference(gradient, &case.gradients[name])?);
    }
    Ok(largest)
}

fn masks(case: &Case) -> Result<Masks> {
    let mut given = Vec::new();
    for site in [SiteName::Input, SiteName::State, SiteName::Output] {
        let layers = case.masks.get(site.name()).map_or(&[][..], Vec::as_slice);
        // The output has one layer: the top.
        let first = if site == SiteName::Output { 1 } else { 0 };
        for (layer, steps) in layers.iter().enumerate() {
            let masks = steps.iter().map(tensor).collect::<Result<_>>()?;
            let site_settings = Site::new(0.3, MaskTime::PerStep);
            let drawn = Drawn {
                site: site_settings,
                masks,
            };
            given.push(((site, first + layer), drawn));
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
