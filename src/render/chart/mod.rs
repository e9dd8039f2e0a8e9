//! Server-drawn plots: SVG with classes only, so that one stylesheet colours them in light and dark.

pub mod axis;
pub mod conditions;
pub mod curves;
pub mod e_process;
mod effects;
pub mod forecasts;
pub mod optimum;
pub mod pairs;
pub mod space;
