//! Gradients against central differences of fourth order, in double precision, through every cell × site × time × sharing × gates ×
//! carry × scaling × noise: each in one network with masks at that site alone, then everything at once.

#[path = "support/variants.rs"]
mod variants;

use breakmywork_protocol::spec::{
    self, By, Cell, Dropout, MaskTime, Model, Normalization, Scaling, Shared, Site, SiteName,
    TaskName,
};
use breakmywork_training::dropout::{MaskShape, Masks};
use breakmywork_training::model::Parameters;
use breakmywork_training::network::Network;
use breakmywork_training::rng::{Purpose, Stream};
use breakmywork_training::tasks::{
    Batch, Head, Inputs, Piece, ReadOut, Reads, Shape, Task, Tokens,
};
use candle_core::{DType, Device, Result, Tensor, Var};

/// Step of the differences: errors of order ε⁴ from the fifth derivative and 10⁻¹⁶/ε from rounding.
const EPSILON: f64 = 1e-5;
/// Largest difference from the gradient, beside its size; the errors above are near 10⁻¹⁰.
const TOLERANCE: f64 = 1e-8;
/// Step and tolerance where numbers that hardly differ are normalized: rounding and the fifth derivative grow with
/// 1/√ε, which is 300.
const IN_BATCHES: [f64; 2] = [3e-6, 1e-7];
const BATCH: usize = 3;

const CELLS: [Cell; 3] = [Cell::Rnn, Cell::Gru, Cell::Lstm];

#[test]
fn without_masks() {
    for cell in CELLS {
        for name in [TaskName::Adding, TaskName::TemporalOrder, TaskName::Copy] {
            check(cell, Normalization::None, name, &Dropout::default());
        }
    }
}

#[test]
fn through_every_variant_of_every_site_of_the_rnn() {
    every_variant(Cell::Rnn, Normalization::None);
}

#[test]
fn through_every_variant_of_every_site_of_the_gru() {
    every_variant(Cell::Gru, Normalization::None);
}

#[test]
fn through_every_variant_of_every_site_of_the_lstm() {
    every_variant(Cell::Lstm, Normalization::None);
}

#[test]
fn through_every_variant_of_every_site_of_the_layer_normalized_lstm() {
    every_variant(Cell::Lstm, Normalization::Layer);
}

/// By type and by token, each for all or for one sequence, with both scalings; the output tied to the embedding or not.
#[test]
fn through_every_variant_of_embedding_dropout() {
    let targets = Tensor::new(&[2_u32, 1, 0, 3, 1, 1, 0, 2, 3], &Device::Cpu).expect("classes");
    let batch = Batch {
        inputs: Inputs::Tokens(Tokens {
            // Word 1 is there twice in each sequence.
            ids: vec![1, 1, 0, 1, 2, 1, 0, 1, 1],
            batch: BATCH,
        }),
        targets,
        weights: None,
        size: BATCH,
    };
    for (cell, tied) in CELLS
        .into_iter()
        .flat_map(|cell| [(cell, false), (cell, true)])
    {
        let network = Network {
            tied,
            ..Network::new(
                &Model::new(cell, 2, 2),
                reads(Reads::Tokens(4), Head::Classes(4)),
            )
        };
        for (by, time) in [(By::Type, MaskTime::Fixed), (By::Token, MaskTime::PerStep)] {
            for shared in [Shared::None, Shared::Batch] {
                for scaling in [Scaling::Inverted, Scaling::Published] {
                    let embedding = Some(Site {
                        by: Some(by),
                        shared,
                        scaling: Some(scaling),
                        ..Site::new(0.4, time)
                    });
                    let dropout = Dropout {
                        embedding,
                        state: Some(Site::new(0.4, MaskTime::Fixed)),
                        ..Dropout::default()
                    };
                    check_on(&network, &batch, &dropout);
                }
            }
        }
    }
}

#[test]
fn of_keys_where_some_frames_do_not_count() {
    let step = |seed: u64| {
        let mut stream = Stream::new(1, Purpose::Training, seed);
        let values: Vec<f64> = (0..BATCH * 2).map(|_| stream.normal()).collect();
        Tensor::from_vec(values, (BATCH, 2), &Device::Cpu).expect("numbers")
    };
    let keys = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0].repeat(3);
    let batch = Batch {
        inputs: Inputs::Numbers((0..3).map(step).collect()),
        targets: Tensor::from_vec(keys, (9, 3), &Device::Cpu).expect("keys"),
        weights: Tensor::new(&[1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0], &Device::Cpu).ok(),
        size: BATCH,
    };
    for cell in CELLS {
        let shape = reads(Reads::Numbers(2), Head::Keys(3));
        let network = Network::new(&Model::new(cell, 2, 2), shape);
        check_on(&network, &batch, &Dropout::default());
    }
}

/// Three steps, all of them answered.
fn reads(reads: Reads, head: Head) -> Shape {
    Shape {
        steps: 3,
        reads,
        head,
        read_out: ReadOut::Every,
    }
}

#[test]
fn through_every_variant_of_every_site_of_the_batch_normalized_lstm() {
    every_variant(Cell::Lstm, Normalization::Batch);
}

fn every_variant(cell: Cell, normalization: Normalization) {
    let mut all = Dropout::default();
    for name in SiteName::ALL {
        if name == SiteName::Embedding {
            continue;
        }
        let needs_cell = matches!(name, SiteName::Cell | SiteName::ZoneoutCell);
        if needs_cell && cell != Cell::Lstm {
            continue;
        }
        let variants = variants::of(cell, name);
        for site in &variants {
            let mut dropout = Dropout::default();
            *dropout.site_mut(name) = Some(site.clone());
            check(cell, normalization, TaskName::Adding, &dropout);
        }
        *all.site_mut(name) = variants.last().cloned();
    }
    check(cell, normalization, TaskName::Copy, &all);
}

fn check(cell: Cell, normalization: Normalization, name: TaskName, dropout: &Dropout) {
    let task = Task::generated(&spec::Task::generated(name, 3)).expect("generated");
    // Two numbers, normalized, are ±1 and nothing between.
    let hidden = match normalization {
        Normalization::None => 2,
        _ => 3,
    };
    let model = Model {
        normalization,
        ..Model::new(cell, 2, hidden)
    };
    let network = Network::new(&model, task.shape());
    let piece = Piece::Sequences(Purpose::Training, (0..BATCH as u64).collect());
    let batch = task
        .batch(1, &piece, DType::F64, &Device::Cpu)
        .expect("data");
    check_on(&network, &batch, dropout);
}

fn check_on(network: &Network, batch: &Batch, dropout: &Dropout) {
    let parameters = Parameters::initial(network, 1, DType::F64, &Device::Cpu).expect("weights");
    if network.normalization != Normalization::None {
        away_from_zero(&parameters);
    }
    let shape = MaskShape {
        dropout,
        network,
        steps: batch.inputs.steps(),
        batch: BATCH,
        tokens: batch.inputs.tokens(),
    };
    let purpose = |site, layer| Purpose::Mask { site, layer };
    let masks = Masks::draw(None, shape, 1, purpose, 0).expect("masks");

    let [epsilon, tolerance] = match network.normalization {
        Normalization::Batch => IN_BATCHES,
        _ => [EPSILON, TOLERANCE],
    };
    let gradients = loss(network, &parameters, batch, &masks)
        .and_then(|loss| loss.backward())
        .expect("gradients");
    for (name, var) in parameters.named() {
        let gradient = gradients.get(var).expect("every parameter has a gradient");
        let gradient = flat(gradient).expect("numbers");
        for (index, &expected) in gradient.iter().enumerate() {
            let measured = difference(var, index, epsilon, || {
                loss(network, &parameters, batch, &masks)
            })
            .expect("computes");
            assert!(
                (measured - expected).abs() < tolerance * (1.0 + expected.abs()),
                "{:?} {dropout:?}: entry {index} of {name} is {expected}, measured {measured}",
                network.cell
            );
        }
    }
}

/// Other values for everything: with biases of 0 whatever is dropped whole is normalized from nothing, where the
/// derivative is 1/√ε and differences measure something else.
fn away_from_zero(parameters: &Parameters) {
    for (index, (_, var)) in parameters.named().iter().enumerate() {
        let mut stream = Stream::new(2, Purpose::Weights, index as u64);
        let values: Vec<f64> = (0..var.elem_count()).map(|_| stream.normal()).collect();
        Tensor::from_vec(values, var.shape(), &Device::Cpu)
            .and_then(|values| var.set(&values))
            .expect("other values");
    }
}

fn loss(
    network: &Network,
    parameters: &Parameters,
    batch: &Batch,
    masks: &Masks,
) -> Result<Tensor> {
    // Detached weights would have no gradient, and tracked ones cost only time.
    network.loss(
        &network.forward(&parameters.weights()?, &batch.inputs, masks)?,
        batch,
    )
}

/// Central difference of the loss in one entry, of fourth order.
fn difference(
    var: &Var,
    index: usize,
    epsilon: f64,
    loss: impl Fn() -> Result<Tensor>,
) -> Result<f64> {
    let before = flat(var)?;
    let at = |offset: f64| {
        let mut values = before.clone();
        values[index] += offset;
        var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu)?)?;
        loss()?.to_scalar::<f64>()
    };
    let narrow = at(epsilon)? - at(-epsilon)?;
    let wide = at(2.0 * epsilon)? - at(-2.0 * epsilon)?;
    let slope = (8.0 * narrow - wide) / (12.0 * epsilon);
    at(0.0)?;
    Ok(slope)
}

fn flat(tensor: &Tensor) -> Result<Vec<f64>> {
    tensor.flatten_all()?.to_vec1()
}
