//! Takes queued runs, trains the network with candle, reports the result.

pub mod card;
pub mod checkpoint;
pub mod cli;
pub mod data;
pub mod device;
pub mod dropout;
pub mod engine;
mod evaluate;
pub mod events;
pub mod exit;
pub mod gradient;
pub mod local;
pub mod memory;
pub mod model;
pub mod network;
pub mod optim;
pub mod plan;
pub mod precision;
pub mod rights;
pub mod rng;
pub mod runner;
pub mod signals;
pub mod tasks;
pub mod train;
pub mod trainer;
mod vectors;
pub mod window;
