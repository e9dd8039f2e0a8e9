//! The learning curves of what is compared.

use super::Group;
use crate::db::compare as table;
use crate::db::runs::Curve;
use breakmywork_protocol::id::RunId;
use sqlx::PgPool;

/// Lines of a plot: more of them no eye tells apart.
const LINES: usize = 60;

/// Learning curves, each with the place of its column.
#[derive(Debug)]
pub struct Curves {
    /// Of as many runs as are told apart, as many of each column, metric by metric.
    pub lines: Vec<(usize, Curve)>,
    /// Whether there are more runs than these are of.
    pub few: bool,
}

impl Curves {
    /// Metrics that have a curve, those measured on unseen sequences first.
    pub fn metrics(&self) -> Vec<String> {
        let mut names: Vec<String> = (self.lines.iter())
            .map(|(_, curve)| curve.name.clone())
            .collect();
        names.dedup();
        names.sort_by_key(|name| !name.starts_with("valid"));
        names
    }

    /// Those of one metric.
    pub fn of(self, metric: &str) -> impl Iterator<Item = (usize, Curve)> {
        self.lines
            .into_iter()
            .filter(move |(_, curve)| curve.name == metric)
    }
}

/// The curves of runs that have ended, thinned.
///
/// # Errors
/// If the database is away.
pub async fn curves(pool: &PgPool, groups: &[Group]) -> sqlx::Result<Curves> {
    let each = (LINES / groups.len().max(1)).max(1);
    let runs: Vec<RunId> = (groups.iter())
        .flat_map(|group| group.runs.iter().take(each).copied())
        .collect();
    let column = |run: RunId| groups.iter().position(|group| group.runs.contains(&run));
    let curves = table::curves(pool, &runs).await?;
    Ok(Curves {
        lines: (curves.into_iter())
            .filter_map(|curve| Some((column(curve.run)?, curve)))
            .collect(),
        few: groups.iter().any(|group| group.runs.len() > each),
    })
}
