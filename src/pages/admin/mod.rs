//! What admins see and do.

pub mod invitations;
pub mod people;
pub mod queue;
