//! Takes queued runs, trains the network with candle, reports the result.

pub mod dropout;
pub mod model;
pub mod rng;
pub mod tasks;
