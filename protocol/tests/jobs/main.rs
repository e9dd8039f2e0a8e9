//! The job table against a real Postgres.

mod common;
mod data_sets;
mod interleavings;
mod power;
mod promises;
mod search;
mod sequential;
mod standing;
mod standing_found;
mod stops;
mod sweep;
mod trials;
mod trouble;
mod tuning;
mod volunteers;
