//! Takes queued runs, trains the network with candle, reports the result.

pub mod card;
pub mod checkpoint;
pub mod cli;
pub mod data;
pub mod device;
pub mod dropout;
mod evaluate;
pub mod events;
pub mod exit;
pub mod fused;
pub mod local;
pub mod memory;
pub mod model;
pub mod optim;
pub mod plan;
pub mod rng;
pub mod runner;
pub mod signals;
pub mod tasks;
pub mod train;
pub mod trainer;
