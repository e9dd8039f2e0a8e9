//! The job table against a real Postgres.

mod common;
mod interleavings;
mod promises;
