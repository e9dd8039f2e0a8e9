//! What happens to every request, one layer a file. The order is in [`crate::router::app`].

pub mod csp;
pub mod csrf;
pub mod errors;
pub mod intake;
pub mod limits;
pub mod request_log;
pub mod session;
pub mod typed;
pub mod unchanged;
