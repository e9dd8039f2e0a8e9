//! The fast path of a card computes what the CPU computes.
//!
//! Without a card the kernels' own source runs on a processor; with `BREAKMYWORK_DEVICE=cuda:0`, in a build with
//! `--features cuda`, everything here runs on that card (`bench/card.sh` does). What these tests hold: masks, losses,
//! gradients, states and updates; that each launch has the arguments its kernel takes; that the same window gives the
//! same bits twice; and on the processor that nothing is written beside a buffer or read before it is written, and that
//! the order of threads makes no difference to any bit.

#[path = "support/host_card.rs"]
mod host_card;
#[path = "support/variants.rs"]
mod variants;
#[path = "support/windows.rs"]
mod windows;

use breakmywork_kernels_emulated::Order;
use breakmywork_protocol::spec::presets::PRESETS;
use breakmywork_protocol::spec::{
    self, Cell, DecayBy, Dropout, Format, Gates, MaskTime, Normalization, Site, SiteName, Training,
};
use breakmywork_training::card::{self, Card, Room};
use breakmywork_training::device::DeviceChoice;
use breakmywork_training::dropout::{MaskShape, Masks};
use breakmywork_training::engine::{self, Engine, graph};
use breakmywork_training::gradient::Gradient;
use breakmywork_training::model::Parameters;
use breakmywork_training::network::Network;
use breakmywork_training::optim::{self, Optimizer};
use breakmywork_training::rng::{Purpose, Stream};
use breakmywork_training::tasks::{Head, ReadOut};
use breakmywork_training::window::{Learned, Window};
use candle_core::{DType, Device, Result, Tensor};
use host_card::{HostCard, WithRoom};
use std::cell::RefCell;
use windows::{BATCH, CELLS, Case, NUMBERS, SINGLE, STEPS, WORDS, apart, batch, network, normal};

/// The card under test and where its tensors lie. What is asked of it again goes to a card whose threads take turns in
/// the other order, where that can be chosen.
struct Tested {
    card: Box<dyn Card>,
    again: Box<dyn Card>,
    device: Device,
}

fn tested() -> Tested {
    let named = std::env::var("BREAKMYWORK_DEVICE").unwrap_or_else(|_| "cpu".into());
    let choice: DeviceChoice = named.parse().expect("a device");
    let device = choice.open().expect("the device can be used");
    let card = |order| card::on(&device).unwrap_or_else(|| Box::new(HostCard(order)));
    Tested {
        card: card(Order::Forwards),
        again: card(Order::Backwards),
        device,
    }
}

/// How the steps of a window are launched.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Walk {
    /// Each by itself.
    ByStep,
    /// At once, by blocks that have all units of some sequences.
    Alone,
    /// At once, by blocks that have some units of some sequences and wait for one another.
    Together,
}

/// Gates of a cell.
fn gates(cell: Cell) -> usize {
    match cell {
        Cell::Rnn => 1,
        Cell::Gru => 3,
        Cell::Lstm => 4,
    }
}

/// Holds a window against the graph however its steps are launched, and against itself with the threads in the other
/// order. `room` is where blocks must wait for one another.
fn compare_in(room: Room, case: &Case, dropout: &Dropout) {
    assert!(engine::applies(&network(case), dropout));
    let graph = windows::learned(case, dropout, DType::F32, &Device::Cpu, graph::learn);
    let graph = graph.expect("computes");
    let none = Room {
        multiprocessors: 0,
        shared: 0,
    };
    let block = Room {
        shared: 64 << 10,
        ..none
    };
    for (walk, room) in [
        (Walk::ByStep, none),
        (Walk::Alone, block),
        (Walk::Together, room),
    ] {
        let tested = tested();
        let by_card = |card: Box<dyn Card>| {
            let card = WithRoom {
                card,
                room,
                launched: RefCell::default(),
            };
            // Three outputs are a block of their own.
            let block = 3 * case.head.width();
            let way = |window: &Window<'_>| engine::card::learn(&card, window, block);
            let learned = windows::learned(case, dropout, DType::F32, &tested.device, way);
            assert_eq!(walks(case.cell, &card), [walk], "{case:?}");
            learned.expect("computes")
        };
        let (fast, again) = (by_card(tested.card), by_card(tested.again));
        let off = windows::difference(case.cell, &fast, &graph).expect("computes");
        assert!(off < SINGLE, "{walk:?} {case:?} {dropout:?}: {off:e}");
        assert_eq!(
            bits(&fast.0),
            bits(&again.0),
            "{walk:?} {case:?} {dropout:?}"
        );
    }
}

/// How the steps of all windows were launched on a card, both ways.
fn walks(cell: Cell, card: &WithRoom) -> Vec<Walk> {
    let launched = card.launched.borrow();
    let cell = format!("{cell:?}").to_lowercase();
    let both = |middle: &str, together| {
        let names = ["forward", "backward"].map(|way| format!("{cell}_{middle}{way}"));
        let [there, back] =
            names.map(|name| launched.iter().any(|(n, t)| *n == name && *t == together));
        assert_eq!(there, back, "{launched:?}");
        there
    };
    let mut walks = vec![
        (Walk::ByStep, both("", false)),
        (Walk::Alone, both("window_", false)),
        (Walk::Together, both("window_", true)),
    ];
    walks.retain(|(_, there)| *there);
    walks.into_iter().map(|(walk, _)| walk).collect()
}

/// As above, in room for three of five units of four sequences and their sums, but not for all five.
fn compare(case: &Case, dropout: &Dropout) {
    let room = Room {
        multiprocessors: 6,
        shared: gates(case.cell) * 576,
    };
    compare_in(room, case, dropout);
}

/// Everything that was learned, bit for bit.
fn bits(learned: &Learned) -> Vec<u32> {
    let states = learned.carried.layers.iter().flatten();
    let gradients = learned.gradients.iter().map(Gradient::values);
    let all = [&learned.loss].into_iter().chain(gradients);
    all.chain(states).flat_map(tensor_bits).collect()
}

fn tensor_bits(tensor: &Tensor) -> Vec<u32> {
    let numbers = tensor.flatten_all().and_then(|flat| flat.to_vec1::<f32>());
    numbers
        .expect("numbers")
        .iter()
        .map(|n| n.to_bits())
        .collect()
}

#[test]
fn every_variant_of_every_site_of_the_rnn() {
    windows::every_variant(Cell::Rnn, &mut compare);
}

#[test]
fn every_variant_of_every_site_of_the_gru() {
    windows::every_variant(Cell::Gru, &mut compare);
}

#[test]
fn every_variant_of_every_site_of_the_lstm() {
    windows::every_variant(Cell::Lstm, &mut compare);
}

/// What people name: every preset that is not left to the graph.
#[test]
fn every_preset_of_every_cell() {
    for cell in CELLS {
        let case = Case { cell, ..WORDS };
        let dropouts = PRESETS
            .iter()
            .filter_map(|preset| expanded(cell, preset.name));
        let mut compared = 0;
        for dropout in dropouts {
            if engine::applies(&network(&case), &dropout) {
                compare(&case, &dropout);
                compared += 1;
            }
        }
        assert!(compared >= 10, "{cell:?}: {compared}");
    }
}

/// The sites of a preset; `None` where it is not defined for the cell.
fn expanded(cell: Cell, preset: &str) -> Option<Dropout> {
    let cell = format!("{cell:?}").to_lowercase();
    let text = format!(
        "title = \"t\"\nseeds = [1]\n[task]\nname = \"word_lm\"\ndata = \"a\"\n[model]\ncell = \"{cell}\"\nlayers = 2\n\
         [training]\nsteps = 10\n[[arms]]\nname = \"a\"\ndropout.preset = \"{preset}\"\n"
    );
    let read = spec::read(&text, Format::Toml);
    Some(read.ok()?.arms.swap_remove(0).setup.dropout)
}

#[test]
fn every_head_read_out_and_penalty() {
    windows::every_head(Cell::Lstm, &mut compare);
}

#[test]
fn sequences_of_one_step() {
    for cell in CELLS {
        windows::one_step(cell, &mut compare);
    }
}

/// Nine sequences of four tokens out of seven types: every type occurs again and again.
#[test]
fn embeddings_dropped_in_every_way_and_tied() {
    for cell in CELLS {
        windows::every_embedding(cell, &mut compare);
    }
}

/// A softmax wider than a block's threads, whose rows the emulated threads share unevenly.
#[test]
fn a_wide_softmax() {
    let case = Case {
        head: Head::Classes(300),
        read_out: ReadOut::Last(1),
        ..NUMBERS
    };
    compare(&case, &Dropout::default());
}

/// A layer of so many units that a block looks at half of them at a time, and has one of its own.
#[test]
fn a_wide_layer() {
    let case = Case {
        hidden: 40,
        ..NUMBERS
    };
    for cell in CELLS {
        let room = Room {
            multiprocessors: 120,
            shared: gates(cell) * 672,
        };
        let gal = |gates| Dropout {
            state: Some(Site {
                gates: Some(gates),
                ..Site::new(0.3, MaskTime::Fixed)
            }),
            ..Dropout::default()
        };
        let case = Case { cell, ..case };
        compare_in(room, &case, &windows::published());
        compare_in(room, &case, &gal(Gates::Tied));
        if cell != Cell::Rnn {
            compare_in(room, &case, &gal(Gates::Untied));
        }
    }
}

#[test]
fn masks_are_those_of_the_host_bit_for_bit() -> Result<()> {
    let Tested { card, .. } = tested();
    for (number, probability) in [0.0, 1e-10, 0.05, 0.3, 1.0 / 3.0, 0.5, 0.75, 0.999, 1.0]
        .into_iter()
        .enumerate()
    {
        for (site, layer, position) in [(0, 0, 0), (3, 1, 17), (9, 300, 5 << 32 | 3)] {
            let seed = u32::MAX - number as u32;
            for purpose in [
                Purpose::Mask { site, layer },
                Purpose::MonteCarlo { site, layer },
            ] {
                let mut stream = Stream::new(seed, purpose, position);
                // 1,027 entries: the last thread has some of its own only, the last block some threads only.
                let shape = [1, 1, 13, 79];
                let value = (1.0 / (1.0 - 0.3)) as f32;
                let drawn = card::draw_mask(&*card, &stream, &shape, probability, value)?;
                let expected: Vec<f32> = (0..13 * 79)
                    .map(|_| {
                        if stream.bernoulli(probability) {
                            value
                        } else {
                            0.0
                        }
                    })
                    .collect();
                let expected = Tensor::from_vec(expected, &shape, &Device::Cpu)?;
                assert_eq!(tensor_bits(&drawn), tensor_bits(&expected), "{probability}");
            }
        }
    }
    Ok(())
}

/// A probability whose threshold is an entry's very bits keeps that entry out; any more lets it in.
#[test]
fn masks_compare_bits_exactly() -> Result<()> {
    let Tested { card, .. } = tested();
    let stream = Stream::new(1, Purpose::Mask { site: 1, layer: 0 }, 2);
    for index in 0..8 {
        let bits = f64::from(stream.bits_at(index));
        for (more, expected) in [(0.0, 0.0), (0.5, 1.0)] {
            let probability = (bits + more) / (1u64 << 32) as f64;
            let mask = card::draw_mask(&*card, &stream, &[8], probability, 1.0)?;
            let entry = mask.get(index as usize)?.to_scalar::<f32>()?;
            assert_eq!(entry, expected);
            let host = stream.bernoulli_at(index, probability);
            assert_eq!(host, expected == 1.0);
        }
    }
    Ok(())
}

/// What no kernel of ours computes: candle's own operations on the device, against double precision on a CPU.
#[test]
fn what_is_left_to_the_graph() {
    let device = tested().device;
    let mut compared = 0;
    let mut visit = |case: &Case, dropout: &Dropout| {
        assert!(!engine::applies(&network(case), dropout));
        let single = windows::learned(case, dropout, DType::F32, &device, graph::learn);
        let double = windows::learned(case, dropout, DType::F64, &Device::Cpu, graph::learn);
        let off = windows::difference(
            case.cell,
            &single.expect("computes"),
            &double.expect("computes"),
        );
        let off = off.expect("computes");
        assert!(
            off < SINGLE,
            "{:?} {:?} {dropout:?}: {off:e}",
            case.cell,
            case.normalization
        );
        compared += 1;
    };
    for cell in CELLS {
        left_to_the_graph(cell, &mut visit);
    }
    assert!(compared >= 100, "{compared}");
}

/// Every variant of every site of a cell that is left to the graph, and for an LSTM normalization with every head.
fn left_to_the_graph(cell: Cell, visit: &mut dyn FnMut(&Case, &Dropout)) {
    for name in SiteName::ALL {
        let needs_cell = matches!(name, SiteName::Cell | SiteName::ZoneoutCell);
        if name == SiteName::Embedding || needs_cell && cell != Cell::Lstm {
            continue;
        }
        for site in variants::of(cell, name) {
            if !windows::usual(name, &site) {
                let mut dropout = Dropout::default();
                *dropout.site_mut(name) = Some(site);
                visit(&Case { cell, ..WORDS }, &dropout);
            }
        }
    }
    if cell != Cell::Lstm {
        return;
    }
    for normalization in [Normalization::Layer, Normalization::Batch] {
        for head in [Head::Value, Head::Classes(6), Head::Keys(6)] {
            let case = Case {
                cell,
                head,
                normalization,
                penalties: [0.5, 0.3],
                ..NUMBERS
            };
            visit(&case, &Dropout::default());
            visit(&case, &windows::published());
        }
    }
}

/// Masks that are one number for all, and their outputs.
#[test]
fn outputs_with_masks_at_their_mean_and_drawn() -> Result<()> {
    for cell in CELLS {
        let keys = Case {
            head: Head::Keys(6),
            read_out: ReadOut::Every,
            ..NUMBERS
        };
        for case in [
            NUMBERS,
            WORDS,
            Case {
                tied: true,
                ..WORDS
            },
            keys,
        ] {
            answered(&Case { cell, ..case })?;
        }
    }
    Ok(())
}

fn answered(case: &Case) -> Result<()> {
    let tested = tested();
    let network = network(case);
    let dropout = windows::published();
    let purpose = |site, layer| Purpose::MonteCarlo { site, layer };
    // Weights, minibatch and both kinds of masks of a device.
    let of = |device: &Device| {
        let weights = Parameters::initial(&network, 1, DType::F32, device)?.frozen()?;
        let batch = batch(case, DType::F32, device)?;
        let shape = MaskShape {
            dropout: &dropout,
            network: &network,
            steps: STEPS,
            batch: BATCH,
            tokens: batch.inputs.tokens(),
        };
        let mean = Masks::mean(shape);
        let drawn = Masks::draw(card::on(device).as_deref(), shape, 1, purpose, 4)?;
        Result::Ok((weights, batch, [mean, drawn]))
    };
    let (weights, batch, masks) = of(&Device::Cpu)?;
    let (weights_there, batch_there, masks_there) = of(&tested.device)?;
    for (masks, masks_there) in masks.iter().zip(&masks_there) {
        let pass = network.pass(&weights, &batch.inputs, None, masks)?;
        let card = &*tested.card;
        let (outputs, carried) = engine::card::outputs(
            card,
            &network,
            &weights_there,
            &batch_there,
            None,
            masks_there,
        )?;
        assert!(apart(&outputs, &pass.outputs)? < SINGLE);
        for (fast, graph) in carried.layers.iter().zip(&pass.carried.layers) {
            assert!(apart(&fast[0], &graph[0])? < SINGLE);
        }
    }
    Ok(())
}

/// Tensors of several sizes, one larger than what a block of threads sums at once.
fn tensors(seed: u64, device: &Device) -> Result<Vec<Tensor>> {
    let shapes: [&[usize]; 4] = [&[1, 3], &[40, 9], &[100, 170], &[5, 5]];
    let of = |(seed, shape): (u64, &[usize])| normal(seed, shape, DType::F32)?.to_device(device);
    (seed..).zip(shapes).map(of).collect()
}

#[test]
fn the_norm_and_the_factor_of_clipping_stay_where_they_are_computed() -> Result<()> {
    let tested = tested();
    let gradients = tensors(70, &tested.device)?;
    let square = |g: &Tensor| g.to_dtype(DType::F64)?.sqr()?.sum_all()?.to_scalar::<f64>();
    let here = tensors(70, &Device::Cpu)?;
    let squares = here.iter().map(square).collect::<Result<Vec<_>>>()?;
    let expected = squares.iter().sum::<f64>().sqrt();
    for (clip, factor) in [(0.0, 1.0), (1.0, 1.0 / expected), (1e6, 1.0)] {
        let [norm, scale] = card::clip(&*tested.card, &gradients, clip)?;
        assert!((f64::from(norm.to_scalar::<f32>()?) / expected - 1.0).abs() < 1e-6);
        assert!((f64::from(scale.to_scalar::<f32>()?) / factor - 1.0).abs() < 1e-6);
        let again = card::clip(&*tested.again, &gradients, clip)?;
        assert_eq!(tensor_bits(&norm), tensor_bits(&again[0]));
    }
    let broken = (&gradients[0] * f64::NAN)?;
    for clip in [0.0, 1.0] {
        let [norm, _] = card::clip(&*tested.card, std::slice::from_ref(&broken), clip)?;
        assert!(norm.to_scalar::<f32>()?.is_nan());
    }
    Ok(())
}

fn training(optimizer: spec::Optimizer, clip: f64) -> Training {
    Training {
        optimizer,
        learning_rate: 0.02,
        batch: BATCH as u32,
        steps: Some(1),
        epochs: None,
        anneal: None,
        anneal_after: None,
        loss_over_time: None,
        clip,
        weight_decay: 0.1,
        decay_by: DecayBy::LearningRate,
        ar: 0.0,
        tar: 0.0,
        networks: None,
    }
}

/// The parameters, the optimizer's state and the average after six steps with gradients given by their number.
fn moved(training: &Training, card: Option<&dyn Card>, device: &Device) -> Result<Vec<Tensor>> {
    let network = network(&WORDS);
    let parameters = Parameters::initial(&network, 1, DType::F32, device)?;
    let mut optimizer = Optimizer::new(training, &parameters)?;
    // A loss that rises at once begins the average of nt_asgd.
    for loss in [1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0] {
        optimizer.measured(loss);
    }
    for step in 1..=6 {
        let gradient = |(number, (_, var)): (u64, &(String, candle_core::Var))| {
            let gradient = normal(100 * u64::from(step) + number, var.dims(), DType::F32);
            gradient?.to_device(device).map(Gradient::Whole)
        };
        let gradients = (0..).zip(parameters.named()).map(gradient);
        let gradients = gradients.collect::<Result<Vec<_>>>()?;
        let clipped = optim::clipped(card, gradients, training.clip)?;
        optimizer.step(card, step, 0.9, &parameters, &clipped)?;
    }
    let state = optimizer.state(&parameters);
    let mut all: Vec<Tensor> = state
        .into_iter()
        .map(|(_, tensor)| tensor.clone())
        .collect();
    all.extend(parameters.values()?);
    Ok(all)
}

#[test]
fn optimizers_move_parameters_as_on_a_cpu() -> Result<()> {
    let tested = tested();
    for optimizer in [
        spec::Optimizer::Sgd,
        spec::Optimizer::Adam,
        spec::Optimizer::NtAsgd,
    ] {
        for clip in [0.0, 0.5, 1e6] {
            let training = training(optimizer, clip);
            let expected = moved(&training, None, &Device::Cpu)?;
            let there = moved(&training, Some(&*tested.card), &tested.device)?;
            let again = moved(&training, Some(&*tested.again), &tested.device)?;
            assert_eq!(there.len(), expected.len());
            for ((there, again), expected) in there.iter().zip(&again).zip(&expected) {
                assert!(apart(there, expected)? < 1e-6, "{optimizer:?} {clip}");
                assert_eq!(tensor_bits(there), tensor_bits(again));
            }
        }
    }
    Ok(())
}

/// Windows, clipping and updates together: ten steps of an LSTM on words with dropped states.
#[test]
fn a_short_training_ends_where_the_cpu_ends() -> Result<()> {
    let case = Case {
        cell: Cell::Lstm,
        tied: true,
        ..WORDS
    };
    let dropout = Dropout {
        state: Some(Site::new(0.3, MaskTime::Fixed)),
        ..Dropout::default()
    };
    // From the usual start, which learns something in ten steps.
    let network = Network {
        initial_range: None,
        ..network(&case)
    };
    let training = training(spec::Optimizer::Adam, 0.5);
    let on_cpu = Engine::of(&network, &dropout, DType::F32, &Device::Cpu);
    let train = |card: Option<&dyn Card>, device: &Device| -> Result<Vec<Tensor>> {
        let batch = batch(&case, DType::F32, device)?;
        let parameters = Parameters::initial(&network, 1, DType::F32, device)?;
        let mut optimizer = Optimizer::new(&training, &parameters)?;
        let mut losses = Vec::new();
        for step in 1..=10 {
            let shape = MaskShape {
                dropout: &dropout,
                network: &network,
                steps: STEPS,
                batch: BATCH,
                tokens: batch.inputs.tokens(),
            };
            let purpose = |site, layer| Purpose::Mask { site, layer };
            let position = u64::from(step);
            let masks = Masks::draw(card::on(device).as_deref(), shape, 1, purpose, position)?;
            let window = Window {
                network: &network,
                parameters: &parameters,
                batch: &batch,
                masks: &masks,
                carried: None,
                factor: 1.0,
                penalties: [0.0, 0.0],
            };
            let learned = match card {
                Some(card) => engine::card::learn(card, &window, engine::card::BLOCK)?,
                None => on_cpu.learn(&window)?,
            };
            let clipped = optim::clipped(card, learned.gradients, training.clip)?;
            optimizer.step(card, step, 1.0, &parameters, &clipped)?;
            losses.push(learned.loss);
        }
        losses.extend(parameters.values()?);
        Ok(losses)
    };
    let tested = tested();
    let expected = train(None, &Device::Cpu)?;
    let there = train(Some(&*tested.card), &tested.device)?;
    for (there, expected) in there.iter().zip(&expected) {
        // Adam divides by what may be almost nothing, so differences grow.
        assert!(apart(there, expected)? < 1e-3);
    }
    let losses: Vec<f32> = [&there[0], &there[9]]
        .map(|loss| loss.to_scalar())
        .into_iter()
        .collect::<Result<_>>()?;
    assert!(losses[1] < losses[0] - 0.1, "{losses:?}");
    let again = train(Some(&*tested.again), &tested.device)?;
    for (there, again) in there.iter().zip(&again) {
        assert_eq!(tensor_bits(there), tensor_bits(again));
    }
    Ok(())
}
