//! The record: green whatever people and workers do, red whatever is changed past the program.

mod acts;
mod board;
mod command;
mod handed_out;
mod honest;
mod moderated;
mod sealed;
mod tampering;
mod tuned;
