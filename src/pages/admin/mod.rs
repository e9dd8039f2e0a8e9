//! What admins see and do.

pub mod people;
pub mod queue;
