//! Gradients against central differences, in double precision: every cell × site × time.

use breakmywork_protocol::spec::{Cell, Dropout, MaskTime, Model, Site, Task, TaskName};
use breakmywork_worker::dropout::{MaskShape, Masks};
use breakmywork_worker::model::{Network, Parameters};
use breakmywork_worker::rng::Purpose;
use breakmywork_worker::tasks::{self, Batch};
use candle_core::{DType, Device, Result, Tensor, Var};

/// Step of the differences: errors of order ε² from the third derivative and 10⁻¹⁶/ε from rounding.
const EPSILON: f64 = 1e-5;
/// Largest difference from the gradient; both errors above are near 10⁻¹⁰.
const TOLERANCE: f64 = 1e-8;
const BATCH: usize = 3;

#[test]
fn gradients_pass_through_every_cell_and_mask() {
    let sites: [fn(Site) -> Dropout; 3] = [
        |site| Dropout {
            input: Some(site),
            ..Dropout::default()
        },
        |site| Dropout {
            state: Some(site),
            ..Dropout::default()
        },
        |site| Dropout {
            output: Some(site),
            ..Dropout::default()
        },
    ];
    for cell in [Cell::Rnn, Cell::Gru, Cell::Lstm] {
        check(cell, TaskName::Adding, &Dropout::default());
        check(cell, TaskName::TemporalOrder, &Dropout::default());
        check(cell, TaskName::Copy, &Dropout::default());
        for site in sites {
            for time in [MaskTime::Fixed, MaskTime::PerStep] {
                check(cell, TaskName::Adding, &site(Site { rate: 0.4, time }));
            }
        }
        let all = Some(Site {
            rate: 0.4,
            time: MaskTime::PerStep,
        });
        check(
            cell,
            TaskName::Copy,
            &Dropout {
                input: all.clone(),
                state: all.clone(),
                output: all,
            },
        );
    }
}

fn check(cell: Cell, name: TaskName, dropout: &Dropout) {
    let task = tasks::task(&Task { name, length: 4 });
    let network = Network::new(
        &Model {
            cell,
            layers: 2,
            hidden: 3,
        },
        &*task,
    );
    let parameters = Parameters::initial(&network, 1, DType::F64, &Device::Cpu).expect("weights");
    let numbers = 0..BATCH as u64;
    let batch = tasks::batch(
        &*task,
        1,
        Purpose::Training,
        numbers,
        DType::F64,
        &Device::Cpu,
    )
    .expect("data");
    let shape = MaskShape {
        dropout,
        network: &network,
        steps: task.steps(),
        batch: BATCH,
    };
    let purpose = |site, layer| Purpose::Mask { site, layer };
    let masks = Masks::draw(shape, 1, purpose, 0, DType::F64, &Device::Cpu).expect("masks");

    let gradients = loss(&network, &parameters, &batch, &masks)
        .and_then(|loss| loss.backward())
        .expect("gradients");
    for (name, var) in parameters.named() {
        let gradient = gradients.get(var).expect("every parameter has a gradient");
        let gradient = flat(gradient).expect("numbers");
        for (index, &expected) in gradient.iter().enumerate() {
            let measured = difference(var, index, || loss(&network, &parameters, &batch, &masks))
                .expect("computes");
            assert!(
                (measured - expected).abs() < TOLERANCE,
                "{cell:?} {dropout:?}: entry {index} of {name} is {expected}, measured {measured}"
            );
        }
    }
}

fn loss(
    network: &Network,
    parameters: &Parameters,
    batch: &Batch,
    masks: &Masks,
) -> Result<Tensor> {
    network.loss(
        &network.forward(&parameters.weights(), &batch.inputs, masks)?,
        &batch.targets,
    )
}

/// Central difference of the loss in one entry.
fn difference(var: &Var, index: usize, loss: impl Fn() -> Result<Tensor>) -> Result<f64> {
    let before = flat(var)?;
    let at = |offset: f64| {
        let mut values = before.clone();
        values[index] += offset;
        var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu)?)?;
        loss()?.to_scalar::<f64>()
    };
    let slope = (at(EPSILON)? - at(-EPSILON)?) / (2.0 * EPSILON);
    at(0.0)?;
    Ok(slope)
}

fn flat(tensor: &Tensor) -> Result<Vec<f64>> {
    tensor.flatten_all()?.to_vec1()
}
