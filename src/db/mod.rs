//! SQL by table: free functions over an executor, shared by pages and API.

pub mod acceptance;
pub mod accounts;
pub mod amendments;
pub mod claims;
pub mod comments;
pub mod curves;
pub mod data_sets;
pub mod events;
pub mod experiments;
pub mod forecasts;
pub mod frozen;
pub mod lineage;
pub mod listed;
pub mod points;
pub mod queue;
pub mod references;
pub mod rivals;
pub mod runs;
pub mod seals;
pub mod search;
pub mod stalled;
pub mod text_search;
pub mod tuning;
pub mod visible;
pub mod workers;
pub mod works;
