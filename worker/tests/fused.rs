//! The fast path computes what the graph computes: loss, gradients and carried states, for every variant.

#[path = "support/variants.rs"]
mod variants;

use breakmywork_protocol::spec::{
    By, Cell, Dropout, MaskTime, Model, Noise, Scaling, Shared, Site, SiteName,
};
use breakmywork_worker::dropout::{Applied, MaskShape, Masks};
use breakmywork_worker::fused;
use breakmywork_worker::model::{Carried, Network, Parameters};
use breakmywork_worker::rng::{Purpose, Stream};
use breakmywork_worker::tasks::{Batch, Head, Inputs, ReadOut, Reads, Shape, Tokens};
use breakmywork_worker::train::{Learned, Window};
use candle_core::{DType, Device, Result, Tensor};

/// Largest relative difference in double precision, where both are exact to rounding.
const EXACT: f64 = 1e-11;
/// The same in single precision: some hundred roundings of 6e-8.
const SINGLE: f64 = 5e-5;

const CELLS: [Cell; 3] = [Cell::Rnn, Cell::Gru, Cell::Lstm];
const STEPS: usize = 4;
/// More sequences than one thread takes, and not a multiple of it.
const BATCH: usize = 9;
const HIDDEN: usize = 5;
const VOCABULARY: usize = 7;

#[derive(Clone, Copy)]
struct Case {
    cell: Cell,
    reads: Reads,
    head: Head,
    read_out: ReadOut,
    tied: bool,
    penalties: [f64; 2],
}

const NUMBERS: Case = Case {
    cell: Cell::Rnn,
    reads: Reads::Numbers(3),
    head: Head::Value,
    read_out: ReadOut::Last(1),
    tied: false,
    penalties: [0.0, 0.0],
};

const WORDS: Case = Case {
    reads: Reads::Tokens(VOCABULARY),
    head: Head::Classes(VOCABULARY),
    read_out: ReadOut::Every,
    ..NUMBERS
};

#[test]
fn every_variant_of_every_site_of_every_cell() {
    for cell in CELLS {
        let mut all = Dropout::default();
        for name in SiteName::ALL {
            let needs_cell = matches!(name, SiteName::Cell | SiteName::ZoneoutCell);
            if name == SiteName::Embedding || needs_cell && cell != Cell::Lstm {
                continue;
            }
            let mut variants = variants::of(cell, name);
            variants.retain(|site| applies(name, site));
            for site in &variants {
                let mut dropout = Dropout::default();
                *dropout.site_mut(name) = Some(site.clone());
                compare(&Case { cell, ..NUMBERS }, &dropout);
            }
            *all.site_mut(name) = variants.last().cloned();
        }
        for case in [NUMBERS, WORDS] {
            compare(&Case { cell, ..case }, &all);
        }
    }
}

fn applies(name: SiteName, site: &Site) -> bool {
    let anew = name == SiteName::RecurrentWeights && site.time == MaskTime::PerStep;
    site.noise == Noise::Mask && !anew
}

#[test]
fn every_head_read_out_and_penalty() {
    let masks = |time| Dropout {
        output: Some(Site::new(0.3, time)),
        ..Dropout::default()
    };
    for cell in CELLS {
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
                        compare(&case, &masks(time));
                    }
                }
            }
        }
    }
}

#[test]
fn embeddings_dropped_in_every_way_and_tied() {
    for cell in CELLS {
        for tied in [false, true] {
            let case = Case {
                cell,
                tied,
                ..WORDS
            };
            compare(&case, &Dropout::default());
            for (by, time) in [(By::Type, MaskTime::Fixed), (By::Token, MaskTime::PerStep)] {
                for shared in [Shared::None, Shared::Batch] {
                    let embedding = Some(Site {
                        by: Some(by),
                        shared,
                        ..Site::new(0.3, time)
                    });
                    let dropout = Dropout {
                        embedding,
                        input: Some(Site::new(0.3, MaskTime::Fixed)),
                        ..Dropout::default()
                    };
                    compare(&case, &dropout);
                }
            }
        }
    }
}

/// Measuring: outputs, losses and right answers, masks at their mean or drawn.
#[test]
fn outputs_and_scores_of_every_head() {
    for cell in CELLS {
        for case in [
            Case { cell, ..NUMBERS },
            Case { cell, ..WORDS },
            Case {
                cell,
                tied: true,
                ..WORDS
            },
            Case {
                cell,
                head: Head::Keys(6),
                read_out: ReadOut::Every,
                ..NUMBERS
            },
        ] {
            for temperature in [1.0, 0.7] {
                scored(&case, temperature).expect("computes");
            }
        }
    }
}

fn scored(case: &Case, temperature: f64) -> Result<()> {
    let network = network(case);
    let weights = Parameters::initial(&network, 1, DType::F32, &Device::Cpu)?.frozen()?;
    let batch = batch(case, DType::F32)?;
    let published = |time| {
        Some(Site {
            scaling: Some(Scaling::Published),
            ..Site::new(0.3, time)
        })
    };
    let dropout = Dropout {
        input: published(MaskTime::PerStep),
        recurrent_weights: published(MaskTime::Fixed),
        zoneout_state: Some(Site::new(0.3, MaskTime::PerStep)),
        output: published(MaskTime::Fixed),
        ..Dropout::default()
    };
    let shape = MaskShape {
        dropout: &dropout,
        network: &network,
        steps: STEPS,
        batch: BATCH,
        tokens: batch.inputs.tokens(),
    };
    let mean = Masks::mean(shape, DType::F32, &Device::Cpu)?;
    let expected = network.forward(&weights, &batch.inputs, &mean)?;
    let (outputs, _) = fused::outputs(&network, &weights, &batch, None, &mean)?;
    assert!(apart(&outputs, &expected)? < SINGLE);
    let cooled = match case.head {
        Head::Value => expected,
        _ => (expected / temperature)?,
    };
    let scores = fused::score(&network, &weights, &batch, None, &mean, temperature)?;
    let counts = match &batch.weights {
        None => batch.targets.dim(0)? as f64,
        Some(weights) => f64::from(weights.sum_all()?.to_scalar::<f32>()?),
    };
    let loss = f64::from(network.loss(&cooled, &batch)?.to_scalar::<f32>()?) * counts;
    assert!(
        (scores.loss / loss - 1.0).abs() < 1e-5,
        "{} {loss}",
        scores.loss
    );
    if let Head::Classes(_) = case.head {
        let right = cooled.argmax(1)?.eq(&batch.targets)?.to_dtype(DType::F32)?;
        assert_eq!(
            scores.right,
            f64::from(right.sum_all()?.to_scalar::<f32>()?)
        );
    }
    Ok(())
}

/// What the fast path leaves to the graph is left to it.
#[test]
fn what_is_rare_is_not_claimed() {
    let network = network(&NUMBERS);
    let claims = |dropout: &Dropout| fused::applies(&network, dropout, &Device::Cpu);
    assert!(claims(&Dropout::default()));
    let moments = Site {
        noise: Noise::Moments,
        ..Site::new(0.3, MaskTime::Fixed)
    };
    for (name, site) in [
        (SiteName::State, moments),
        (
            SiteName::RecurrentWeights,
            Site::new(0.3, MaskTime::PerStep),
        ),
    ] {
        let mut dropout = Dropout::default();
        *dropout.site_mut(name) = Some(site);
        assert!(!claims(&dropout));
    }
}

fn network(case: &Case) -> Network {
    let shape = Shape {
        steps: STEPS,
        reads: case.reads,
        head: case.head,
        read_out: case.read_out,
    };
    Network {
        tied: case.tied,
        ..Network::new(&Model::new(case.cell, 2, HIDDEN as u32), shape)
    }
}

fn normal(seed: u64, shape: &[usize], dtype: DType) -> Result<Tensor> {
    let mut stream = Stream::new(2, Purpose::Test, seed);
    let count = shape.iter().product();
    let values: Vec<f64> = (0..count).map(|_| stream.normal()).collect();
    Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)
}

fn batch(case: &Case, dtype: DType) -> Result<Batch> {
    let mut stream = Stream::new(3, Purpose::Test, 0);
    let inputs = match case.reads {
        Reads::Numbers(width) => {
            let step = |t| normal(t, &[BATCH, width], dtype);
            Inputs::Numbers((0..STEPS as u64).map(step).collect::<Result<_>>()?)
        }
        Reads::Tokens(vocabulary) => Inputs::Tokens(Tokens {
            ids: (0..STEPS * BATCH)
                .map(|_| stream.below(vocabulary as u32))
                .collect(),
            batch: BATCH,
        }),
    };
    let outputs = case.read_out.of(STEPS) * BATCH;
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
        targets,
        weights: weights.transpose()?,
        size: BATCH,
    })
}

/// Compares in both precisions, from given states; the log of the masks must be the same too.
fn compare(case: &Case, dropout: &Dropout) {
    for (dtype, tolerance) in [(DType::F64, EXACT), (DType::F32, SINGLE)] {
        let off = difference(case, dropout, dtype).expect("computes");
        let name = format!(
            "{:?} {dtype:?} {:?} {:?}",
            case.cell, case.head, case.read_out
        );
        assert!(off < tolerance, "{name} {dropout:?}: {off:e}");
    }
}

fn difference(case: &Case, dropout: &Dropout, dtype: DType) -> Result<f64> {
    let network = network(case);
    let parameters = Parameters::initial(&network, 1, dtype, &Device::Cpu)?;
    let batch = batch(case, dtype)?;
    let shape = MaskShape {
        dropout,
        network: &network,
        steps: STEPS,
        batch: BATCH,
        tokens: batch.inputs.tokens(),
    };
    let purpose = |site, layer| Purpose::Mask { site, layer };
    let state = |seed| normal(seed, &[BATCH, HIDDEN], dtype);
    let carried = Carried {
        layers: vec![[state(60)?, state(61)?], [state(62)?, state(63)?]],
    };
    let learn = |fast: bool| -> Result<(Learned, Vec<Applied>)> {
        let masks = Masks::draw(shape, 1, purpose, 0, dtype, &Device::Cpu)?.logged();
        let window = Window {
            network: &network,
            parameters: &parameters,
            batch: &batch,
            masks: &masks,
            carried: Some(&carried),
            factor: 3.0,
            penalties: case.penalties,
        };
        let learned = match fast {
            true => fused::learn(&window)?,
            false => window.learn_by_graph()?,
        };
        Ok((learned, masks.into_log()))
    };
    assert!(fused::applies(&network, dropout, &Device::Cpu));
    let ((fast, fast_log), (graph, graph_log)) = (learn(true)?, learn(false)?);
    let places = |log: &[Applied]| {
        let mut places: Vec<_> = log.iter().map(|a| (a.site, a.layer, a.step)).collect();
        places.sort_unstable();
        places
    };
    assert_eq!(places(&fast_log), places(&graph_log), "{dropout:?}");
    let mut off = apart(&fast.loss, &graph.loss)?;
    for (fast, graph) in fast.gradients.iter().zip(&graph.gradients) {
        let (fast, graph) = (fast.whole()?, graph.whole()?);
        assert_eq!(fast.dims(), graph.dims());
        off = off.max(apart(&fast, &graph)?);
    }
    assert_eq!(fast.gradients.len(), graph.gradients.len());
    for (fast, graph) in fast.carried.layers.iter().zip(&graph.carried.layers) {
        off = off.max(apart(&fast[0], &graph[0])?);
        if case.cell == Cell::Lstm {
            off = off.max(apart(&fast[1], &graph[1])?);
        }
    }
    Ok(off)
}

/// Largest difference beside the largest number.
fn apart(a: &Tensor, b: &Tensor) -> Result<f64> {
    let numbers = |t: &Tensor| t.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
    let (a, b) = (numbers(a)?, numbers(b)?);
    let size = b.iter().fold(1e-3, |size, value| value.abs().max(size));
    let off = a.iter().zip(&b).map(|(a, b)| (a - b).abs());
    Ok(off.fold(0.0, f64::max) / size)
}
