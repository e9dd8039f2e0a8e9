//! The real programs, used as people use them: from the terminal, by script, in a browser.

mod accessibility;
mod acts;
mod browser;
mod client;
mod driver;
mod journeys;
mod load;
mod phone;
mod pictures;
mod scripts;
mod server;
mod sign_with;
mod support;
mod up;
mod versions;
