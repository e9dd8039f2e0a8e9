//! Takes queued runs, trains their networks, reports the result; what trains is `breakmywork-training`.

mod child;
pub mod cli;
pub mod local;
pub mod reproduce;
pub mod runner;
pub mod signals;
pub mod trainer;
