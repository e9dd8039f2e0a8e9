use super::*;
use candle_core::Tensor;

fn inputs(batch: &Batch) -> Vec<Vec<Vec<f64>>> {
    let Inputs::Numbers(steps) = &batch.inputs else {
        panic!("numbers are read");
    };
    let step = |x: &Tensor| x.to_vec2().expect("batch × numbers");
    steps.iter().map(step).collect()
}

#[test]
fn a_sequence_does_not_depend_on_its_minibatch_and_streams_are_separate() {
    for name in [TaskName::Adding, TaskName::Copy, TaskName::TemporalOrder] {
        let task = Task::generated(&spec::Task::generated(name, 30)).expect("generated");
        let draw = |purpose, numbers: std::ops::Range<u64>| {
            let piece = Piece::Sequences(purpose, numbers.collect());
            inputs(
                &task
                    .batch(5, &piece, DType::F64, &Device::Cpu)
                    .expect("draws"),
            )
        };
        let whole = draw(Purpose::Training, 0..8);
        let part = draw(Purpose::Training, 3..5);
        for (whole, part) in whole.iter().zip(&part) {
            assert_eq!(whole[3..5], part[..]);
        }
        assert_ne!(whole, draw(Purpose::Validation, 0..8));
        assert_ne!(draw(Purpose::Test, 0..8), draw(Purpose::Validation, 0..8));
    }
}

/// A test beyond what was trained on: the same draws, shifted, and longer sequences; the rest stays.
#[test]
fn a_test_may_be_of_shifted_numbers_and_longer_sequences() {
    let spec = spec::Task::generated(TaskName::Adding, 10);
    let text = "title = \"t\"\nseeds = [1]\n[task]\nname = \"adding\"\nlength = 10\n[training]\nsteps = 1\n[evaluation]\n";
    let task = |more: &str| {
        let text = format!("{text}{more}\n[[arms]]\nname = \"a\"\n");
        let read = spec::read(&text, spec::Format::Toml).expect("good");
        Task::generated(&spec)
            .expect("generated")
            .tested(&spec, &read.evaluation)
    };
    let draw = |task: &Task, purpose| {
        let piece = Piece::Sequences(purpose, (0..20).collect());
        let batch = task.batch(5, &piece, DType::F64, &Device::Cpu);
        batch.expect("draws")
    };
    let (plain, shifted, longer) = (task(""), task("shift = 1"), task("length = 25"));
    for purpose in [Purpose::Training, Purpose::Validation] {
        let expected = inputs(&draw(&plain, purpose));
        assert_eq!(inputs(&draw(&shifted, purpose)), expected);
        assert_eq!(inputs(&draw(&longer, purpose)), expected);
    }
    let (from, to) = (draw(&plain, Purpose::Test), draw(&shifted, Purpose::Test));
    let targets = |batch: &Batch| batch.targets.to_vec2::<f64>().expect("sums");
    for (from, to) in targets(&from).iter().zip(targets(&to)) {
        assert!((from[0] + 2.0 - to[0]).abs() < 1e-12);
    }
    for (from, to) in inputs(&from)
        .iter()
        .flatten()
        .zip(inputs(&to).iter().flatten())
    {
        assert!((from[0] + 1.0 - to[0]).abs() < 1e-12 && (1.0..2.0).contains(&to[0]));
        assert_eq!(from[1], to[1]);
    }
    let long = draw(&longer, Purpose::Test);
    assert_eq!((long.inputs.steps(), longer.shape().steps), (25, 10));
    let marks: f64 = inputs(&long).iter().flatten().map(|step| step[1]).sum();
    assert_eq!(marks, 40.0);
}
