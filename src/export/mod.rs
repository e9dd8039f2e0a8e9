//! Registrations in forms that other programs read.

pub mod in_toto;
pub mod prml;
