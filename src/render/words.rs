//! Names of a specification's choices, for people.

use breakmywork_protocol::spec::{Cell, Optimizer, TaskName};

/// A task.
pub fn task(task: TaskName) -> &'static str {
    match task {
        TaskName::Adding => "adding problem",
        TaskName::Copy => "copy",
        TaskName::TemporalOrder => "temporal order",
        TaskName::CharLm => "next character",
        TaskName::WordLm => "next word",
        TaskName::Sentiment => "sentiment",
        TaskName::Music => "music",
        TaskName::SequentialMnist => "sequential MNIST",
        TaskName::PermutedMnist => "permuted MNIST",
    }
}

/// A cell.
pub fn cell(cell: Cell) -> &'static str {
    match cell {
        Cell::Rnn => "plain recurrent network",
        Cell::Gru => "GRU",
        Cell::Lstm => "LSTM",
    }
}

/// An optimizer.
pub fn optimizer(optimizer: Optimizer) -> &'static str {
    match optimizer {
        Optimizer::Sgd => "gradient descent",
        Optimizer::Adam => "Adam",
        Optimizer::NtAsgd => "gradient descent with averaged weights",
    }
}
