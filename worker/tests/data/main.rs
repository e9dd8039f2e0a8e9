//! Data sets as an operator brings them in, over real files, a real server and the real program.

mod fetching;
mod importing;
mod real_files;
mod refusals;
mod storing;
mod support;
