//! REST from outside, against `app(state)` and a real Postgres.

mod acceptance;
mod agents;
mod attack;
mod board;
mod data_sets;
mod errors;
mod experiments;
mod following;
mod forecasts;
mod openapi;
mod outcomes;
mod outside;
mod people;
mod queue;
mod rates;
mod reproductions;
mod revisions;
mod rivals;
mod search;
mod support;
mod threads;
mod tokens;
mod versions;
mod volunteers;
