//! Web application of Break My Work: pages, REST, live updates, accounts.
//!
//! [`app`] makes the whole site from a state; binaries and tests call it.

pub mod acceptance;
pub mod address;
pub mod api;
pub mod assets;
pub mod auth;
pub mod board;
pub mod chores;
pub mod cite;
pub mod commands;
pub mod compare;
pub mod config;
pub mod db;
pub mod diff;
pub mod discussion;
pub mod error;
pub mod export;
pub mod extract;
pub mod following;
pub mod forecast;
pub mod front;
pub mod heavy;
pub mod hiding;
pub mod lineage;
pub mod link_picture;
pub mod live;
pub mod mail;
pub mod memory;
pub mod middleware;
pub mod noted;
pub mod pace;
pub mod pages;
pub mod pins;
pub mod postgres;
mod process;
pub mod proposal;
pub mod reason;
pub mod redraws;
pub mod render;
pub mod rival;
pub mod router;
mod routes;
pub mod schema;
pub mod scope_map;
pub mod search;
pub mod seed;
pub mod server;
pub mod share;
pub mod standing;
pub mod state;
pub mod text_search;
pub mod tuning;
pub mod turn;
pub mod unchanged;

pub use router::app;
