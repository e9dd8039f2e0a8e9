//! The fast path computes what the graph computes: loss, gradients and carried states, for every variant.

#[path = "support/variants.rs"]
mod variants;
#[path = "support/windows.rs"]
mod windows;

use breakmywork_protocol::spec::{Dropout, MaskTime, Noise, Site, SiteName};
use breakmywork_training::dropout::{MaskShape, Masks};
use breakmywork_training::engine::{self, cpu, graph};
use breakmywork_training::model::Parameters;
use breakmywork_training::tasks::{Head, ReadOut};
use breakmywork_training::window::{Learned, Window};
use candle_core::{DType, Device, Result};
use windows::{BATCH, CELLS, Case, NUMBERS, SINGLE, STEPS, WORDS, apart, batch, network};

/// Largest relative difference in double precision, where both are exact to rounding.
const EXACT: f64 = 1e-11;

#[test]
fn every_variant_of_every_site_of_every_cell() {
    for cell in CELLS {
        windows::every_variant(cell, &mut compare);
    }
}

#[test]
fn every_head_read_out_and_penalty() {
    for cell in CELLS {
        windows::every_head(cell, &mut compare);
    }
}

#[test]
fn sequences_of_one_step() {
    for cell in CELLS {
        windows::one_step(cell, &mut compare);
    }
}

#[test]
fn embeddings_dropped_in_every_way_and_tied() {
    for cell in CELLS {
        windows::every_embedding(cell, &mut compare);
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
    let batch = batch(case, DType::F32, &Device::Cpu)?;
    let dropout = windows::published();
    let shape = MaskShape {
        dropout: &dropout,
        network: &network,
        steps: STEPS,
        batch: BATCH,
        tokens: batch.inputs.tokens(),
    };
    let mean = Masks::mean(shape);
    let expected = network.forward(&weights, &batch.inputs, &mean)?;
    let (outputs, _) = cpu::outputs(&network, &weights, &batch, None, &mean)?;
    assert!(apart(&outputs, &expected)? < SINGLE);
    let cooled = match case.head {
        Head::Value => expected,
        _ => (expected / temperature)?,
    };
    let scores = cpu::score(&network, &weights, &batch, None, &mean, temperature)?;
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
    let claims = |dropout: &Dropout| engine::applies(&network, dropout);
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

/// Compares in both precisions.
fn compare(case: &Case, dropout: &Dropout) {
    let network = windows::network(case);
    assert!(engine::applies(&network, dropout));
    for (dtype, tolerance) in [(DType::F64, EXACT), (DType::F32, SINGLE)] {
        let learned = |way: fn(&Window<'_>) -> Result<Learned>| {
            windows::learned(case, dropout, dtype, &Device::Cpu, way).expect("computes")
        };
        let graph = learned(graph::learn);
        let name = format!(
            "{:?} {dtype:?} {:?} {:?}",
            case.cell, case.head, case.read_out
        );
        // The second window is computed in the memory of the first.
        for _ in 0..2 {
            let fast = learned(cpu::learn);
            let off = windows::difference(case.cell, &fast, &graph).expect("computes");
            assert!(off < tolerance, "{name} {dropout:?}: {off:e}");
            cpu::reclaim(fast.0.gradients).expect("is on the CPU");
        }
    }
}
