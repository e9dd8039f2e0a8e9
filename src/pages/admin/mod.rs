//! What admins see and do.

pub mod queue;
