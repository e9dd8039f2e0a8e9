//! Who people are: accounts, passwords, sessions and API tokens.

pub mod account;
pub mod client;
pub mod device;
pub mod invitation;
pub(crate) mod limit;
pub mod password;
pub mod provider;
pub mod rates;
pub mod scope;
pub mod second_factor;
pub mod secret;
pub mod session;
pub mod throttle;
pub mod token;
