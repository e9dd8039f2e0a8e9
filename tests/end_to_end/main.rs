//! The real programs, used as people use them: from the terminal, by script, in a browser.

mod accessibility;
mod browser;
mod driver;
mod load;
mod phone;
mod scripts;
mod support;
mod up;
mod versions;
