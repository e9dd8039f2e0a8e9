//! Windows of every kind, and the comparison of two ways through them.

use crate::variants;
use breakmywork_protocol::spec::{
    By, Cell, Dropout, Gates, MaskTime, Model, Noise, Normalization, Scaling, Shared, Site,
    SiteName,
};
use breakmywork_training::card;
use breakmywork_training::dropout::{Applied, MaskShape, Masks};
use breakmywork_training::model::{Carried, Parameters};
use breakmywork_training::network::Network;
use breakmywork_training::rng::{Purpose, Stream};
use breakmywork_training::tasks::{Batch, Head, Inputs, ReadOut, Reads, Shape, Tokens};
use breakmywork_training::window::{Learned, Window};
use candle_core::{DType, Device, Result, Tensor};

/// Largest relative difference in single precision: some hundred roundings of 6e-8.
pub(crate) const SINGLE: f64 = 5e-5;

pub(crate) const CELLS: [Cell; 3] = [Cell::Rnn, Cell::Gru, Cell::Lstm];
pub(crate) const STEPS: usize = 4;
/// More sequences than one thread takes, and not a multiple of it.
pub(crate) const BATCH: usize = 9;
pub(crate) const HIDDEN: usize = 5;
pub(crate) const VOCABULARY: usize = 7;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) cell: Cell,
    pub(crate) reads: Reads,
    pub(crate) head: Head,
    pub(crate) read_out: ReadOut,
    pub(crate) tied: bool,
    pub(crate) penalties: [f64; 2],
    pub(crate) steps: usize,
    pub(crate) hidden: usize,
    pub(crate) normalization: Normalization,
}

pub(crate) const NUMBERS: Case = Case {
    cell: Cell::Rnn,
    reads: Reads::Numbers(3),
    head: Head::Value,
    read_out: ReadOut::Last(1),
    tied: false,
    penalties: [0.0, 0.0],
    steps: STEPS,
    hidden: HIDDEN,
    normalization: Normalization::None,
};

pub(crate) const WORDS: Case = Case {
    reads: Reads::Tokens(VOCABULARY),
    head: Head::Classes(VOCABULARY),
    read_out: ReadOut::Every,
    ..NUMBERS
};

/// Of so few classes that most inputs come again, even within a sequence.
pub(crate) const LETTERS: Case = Case {
    reads: Reads::Tokens(2),
    head: Head::Classes(2),
    ..WORDS
};

/// A window and what is dropped in it.
type Visit<'a> = dyn FnMut(&Case, &Dropout) + 'a;

/// Every variant of every site of a cell that the fast path has, alone, then the last of each together.
pub(crate) fn every_variant(cell: Cell, visit: &mut Visit<'_>) {
    let mut all = Dropout::default();
    for name in SiteName::ALL {
        let needs_cell = matches!(name, SiteName::Cell | SiteName::ZoneoutCell);
        if name == SiteName::Embedding || needs_cell && cell != Cell::Lstm {
            continue;
        }
        let mut variants = variants::of(cell, name);
        variants.retain(|site| usual(name, site));
        for site in &variants {
            let mut dropout = Dropout::default();
            *dropout.site_mut(name) = Some(site.clone());
            visit(&Case { cell, ..NUMBERS }, &dropout);
        }
        *all.site_mut(name) = variants.last().cloned();
    }
    for case in [NUMBERS, WORDS, LETTERS] {
        visit(&Case { cell, ..case }, &all);
    }
}

/// Whether the fast paths have a variant of a site.
pub(crate) fn usual(name: SiteName, site: &Site) -> bool {
    let anew = name == SiteName::RecurrentWeights && site.time == MaskTime::PerStep;
    site.noise == Noise::Mask && !anew
}

/// Sequences of one step with every head, plain and dropped in many places.
pub(crate) fn one_step(cell: Cell, visit: &mut Visit<'_>) {
    for head in [Head::Value, Head::Classes(6), Head::Keys(6)] {
        let case = Case {
            cell,
            head,
            penalties: [0.5, 0.3],
            steps: 1,
            ..NUMBERS
        };
        visit(&case, &Dropout::default());
        visit(&case, &published());
    }
}

/// Every head with every read-out and penalty, its states masked.
pub(crate) fn every_head(cell: Cell, visit: &mut Visit<'_>) {
    for head in [Head::Value, Head::Classes(6), Head::Keys(6)] {
        for read_out in [ReadOut::Last(1), ReadOut::Last(3), ReadOut::Every] {
            for penalties in [[0.0, 0.0], [0.7, 0.0], [0.0, 0.7], [0.5, 0.3]] {
                for time in [MaskTime::Fixed, MaskTime::PerStep] {
                    let case = Case {
                        cell,
                        head,
                        read_out,
                        penalties,
                        ..NUMBERS
                    };
                    let dropout = Dropout {
                        output: Some(Site::new(0.3, time)),
                        ..Dropout::default()
                    };
                    visit(&case, &dropout);
                }
            }
        }
    }
}

/// Embeddings dropped in every way, and tied.
pub(crate) fn every_embedding(cell: Cell, visit: &mut Visit<'_>) {
    for (tied, case) in [false, true]
        .into_iter()
        .flat_map(|tied| [(tied, WORDS), (tied, LETTERS)])
    {
        let case = Case { cell, tied, ..case };
        visit(&case, &Dropout::default());
        for (by, time) in [(By::Type, MaskTime::Fixed), (By::Token, MaskTime::PerStep)] {
            for shared in [Shared::None, Shared::Batch] {
                let embedding = Some(Site {
                    by: Some(by),
                    shared,
                    ..Site::new(0.3, time)
                });
                let tied = Site::new(0.3, MaskTime::Fixed);
                let untied = Site {
                    gates: (cell != Cell::Rnn).then_some(Gates::Untied),
                    ..tied.clone()
                };
                for input in [None, Some(tied), Some(untied)] {
                    let dropout = Dropout {
                        embedding: embedding.clone(),
                        input,
                        ..Dropout::default()
                    };
                    visit(&case, &dropout);
                }
            }
        }
        // Every token dropped.
        let embedding = Some(Site {
            by: Some(By::Type),
            ..Site::new(1.0 - 1e-9, MaskTime::Fixed)
        });
        let dropout = Dropout {
            embedding,
            ..Dropout::default()
        };
        visit(&case, &dropout);
    }
}

pub(crate) fn network(case: &Case) -> Network {
    let shape = Shape {
        steps: case.steps,
        reads: case.reads,
        head: case.head,
        read_out: case.read_out,
    };
    let model = Model {
        normalization: case.normalization,
        ..Model::new(case.cell, 2, case.hidden as u32)
    };
    Network {
        tied: case.tied,
        // Biases too: a bias of zero that is forgotten, or added twice, is not missed.
        initial_range: Some(0.5),
        ..Network::new(&model, shape)
    }
}

pub(crate) fn normal(seed: u64, shape: &[usize], dtype: DType) -> Result<Tensor> {
    let mut stream = Stream::new(2, Purpose::Test, seed);
    let count = shape.iter().product();
    let values: Vec<f64> = (0..count).map(|_| stream.normal()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)
}

/// The same minibatch on every device.
pub(crate) fn batch(case: &Case, dtype: DType, device: &Device) -> Result<Batch> {
    let mut stream = Stream::new(3, Purpose::Test, 0);
    let inputs = match case.reads {
        Reads::Numbers(width) => {
            let step = |t| normal(t, &[BATCH, width], dtype)?.to_device(device);
            Inputs::Numbers((0..case.steps as u64).map(step).collect::<Result<_>>()?)
        }
        Reads::Tokens(vocabulary) => Inputs::Tokens(Tokens {
            ids: (0..case.steps * BATCH)
                .map(|_| stream.below(vocabulary as u32))
                .collect(),
            batch: BATCH,
        }),
    };
    let outputs = case.read_out.of(case.steps) * BATCH;
    let targets = match case.head {
        Head::Value => normal(50, &[outputs, 1], dtype)?,
        Head::Classes(n) => {
            let classes: Vec<u32> = (0..outputs).map(|_| stream.below(n as u32)).collect();
            Tensor::from_vec(classes, outputs, &Device::Cpu)?
        }
        Head::Keys(n) => normal(50, &[outputs, n], dtype)?.gt(0.5)?.to_dtype(dtype)?,
    };
    let weights = matches!(case.head, Head::Keys(_)).then(|| {
        let counts: Vec<f64> = (0..outputs).map(|_| f64::from(stream.below(2))).collect();
        Tensor::from_vec(counts, outputs, &Device::Cpu)?.to_dtype(dtype)
    });
    Ok(Batch {
        inputs,
        targets: targets.to_device(device)?,
        weights: weights.map(|w| w?.to_device(device)).transpose()?,
        size: BATCH,
    })
}

/// What a window teaches by one way on that device, from given states, and the log of its masks.
pub(crate) fn learned(
    case: &Case,
    dropout: &Dropout,
    dtype: DType,
    device: &Device,
    way: impl FnOnce(&Window<'_>) -> Result<Learned>,
) -> Result<(Learned, Vec<Applied>)> {
    let network = network(case);
    let parameters = Parameters::initial(&network, 1, dtype, device)?;
    let batch = batch(case, dtype, device)?;
    let shape = MaskShape {
        dropout,
        network: &network,
        steps: case.steps,
        batch: BATCH,
        tokens: batch.inputs.tokens(),
    };
    let purpose = |site, layer| Purpose::Mask { site, layer };
    let state = |seed| normal(seed, &[BATCH, case.hidden], dtype)?.to_device(device);
    let carried = Carried {
        layers: vec![[state(60)?, state(61)?], [state(62)?, state(63)?]],
    };
    let masks = Masks::draw(card::on(device).as_deref(), shape, 1, purpose, 0)?.logged();
    let learned = way(&Window {
        network: &network,
        parameters: &parameters,
        batch: &batch,
        masks: &masks,
        carried: Some(&carried),
        factor: 3.0,
        penalties: case.penalties,
    })?;
    Ok((learned, masks.into_log()))
}

/// Largest difference of what two ways give; the log of the masks must be the same.
pub(crate) fn difference(
    cell: Cell,
    (fast, fast_log): &(Learned, Vec<Applied>),
    (graph, graph_log): &(Learned, Vec<Applied>),
) -> Result<f64> {
    let places = |log: &[Applied]| {
        let mut places: Vec<_> = log.iter().map(|a| (a.site, a.layer, a.step)).collect();
        places.sort_unstable();
        places
    };
    assert_eq!(places(fast_log), places(graph_log));
    let mut off = apart(&fast.loss, &graph.loss)?;
    for (fast, graph) in fast.gradients.iter().zip(&graph.gradients) {
        let (fast, graph) = (&fast.whole()?, &graph.whole()?);
        assert_eq!(fast.dims(), graph.dims());
        off = off.max(apart(fast, graph)?);
    }
    assert_eq!(fast.gradients.len(), graph.gradients.len());
    for (fast, graph) in fast.carried.layers.iter().zip(&graph.carried.layers) {
        off = off.max(apart(&fast[0], &graph[0])?);
        if cell == Cell::Lstm {
            off = off.max(apart(&fast[1], &graph[1])?);
        }
    }
    Ok(off)
}

/// Largest difference beside the largest number.
pub(crate) fn apart(a: &Tensor, b: &Tensor) -> Result<f64> {
    let numbers = |t: &Tensor| {
        let there = t.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
        there.flatten_all()?.to_vec1::<f64>()
    };
    let (a, b) = (numbers(a)?, numbers(b)?);
    let size = b.iter().fold(1e-3, |size, value| value.abs().max(size));
    let off = a.iter().zip(&b).map(|(a, b)| (a - b).abs());
    Ok(off.fold(0.0, f64::max) / size)
}

/// Masks whose mean is not 1, by token and by sequence, for what measures with masks at their mean or drawn.
pub(crate) fn published() -> Dropout {
    let published = |time| {
        Some(Site {
            scaling: Some(Scaling::Published),
            ..Site::new(0.3, time)
        })
    };
    Dropout {
        input: published(MaskTime::PerStep),
        state: published(MaskTime::PerStep),
        recurrent_weights: published(MaskTime::Fixed),
        zoneout_state: Some(Site::new(0.3, MaskTime::PerStep)),
        output: published(MaskTime::Fixed),
        ..Dropout::default()
    }
}
