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
