//! The pages from outside, against `app(state)` and a real Postgres.

mod abuse;
mod acceptance;
mod accounts;
mod administration;
mod amendments;
mod data_sets;
mod discussion;
mod editor;
mod elsewhere;
mod experiments;
mod exploratory;
mod forecasts;
mod forms;
mod frame;
mod kinds;
mod lineage;
mod pace;
mod power;
mod rivals;
mod scope_map;
mod stalled;
mod support;
mod threads;
mod typed;
mod verdicts;
mod weight;
