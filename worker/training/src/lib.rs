//! The networks, their dropout and their training: from a plan and a data set to a result.

pub mod card;
pub mod checkpoint;
pub mod data;
pub mod device;
pub mod dropout;
pub mod engine;
mod evaluate;
pub mod events;
pub mod exit;
pub mod gradient;
pub mod memory;
pub mod model;
pub mod network;
pub mod optim;
pub mod plan;
pub mod precision;
pub mod rights;
pub mod rng;
pub mod tasks;
pub mod train;
mod vectors;
pub mod window;
