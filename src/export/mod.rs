//! Registrations and results in forms that other programs read.

pub mod bundle;
pub mod csv;
pub mod in_toto;
pub mod parquet;
pub mod prml;
pub mod reproduce;
pub mod ro_crate;
pub mod table;
pub mod tables;
mod written;
