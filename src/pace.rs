//! How fast the board works: its live workers, and what runs took on them lately.

use crate::render::time;
use crate::state::AppState;
use breakmywork_protocol::spec::{Board, Kind, Past, Plan, Spec, card_run_seconds, run_seconds};
use sqlx::PgPool;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Runs that ended lately, of all workers together, that estimates look back at.
const LOOKED_AT: i64 = 200;

/// The board as it was seen last; cheap to clone. Estimates on pages need no query of their own.
#[derive(Debug, Clone)]
pub struct Pace {
    seen: Arc<RwLock<Arc<Board>>>,
    hours: f64,
}

impl Pace {
    /// Nothing seen yet; an experiment may take that many hours of the workers.
    pub fn new(hours: f64) -> Self {
        let board = Board {
            hours,
            ..Board::default()
        };
        Self {
            seen: Arc::new(RwLock::new(Arc::new(board))),
            hours,
        }
    }

    /// The board as it was seen last.
    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.seen.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the workers and their runs again.
    ///
    /// # Errors
    /// If the database is away; then what was seen before stays.
    pub async fn look(&self, pool: &PgPool) -> sqlx::Result<()> {
        let board = Board {
            kinds: kinds(pool).await?,
            hours: self.hours,
        };
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(board);
        Ok(())
    }
}

/// How long an experiment takes here once its turn has come, for people.
pub fn words(spec: &Spec, board: &Board) -> String {
    let long = time::duration_s(board.seconds(spec).ceil() as i64);
    match (board.kinds.is_empty(), board.slots()) {
        (true, _) => format!("{long} on one CPU worker"),
        (false, 1) => format!("{long} on this board"),
        (false, slots) => format!("{long} on this board, {slots} runs at once"),
    }
}

/// Looks again, and says so if that fails.
pub async fn look_again(state: &AppState) {
    if let Err(error) = state.pace.look(&state.pool).await {
        tracing::warn!("could not look at the workers' pace: {error}");
    }
}

/// Live workers by machine and device.
async fn kinds(pool: &PgPool) -> sqlx::Result<Vec<Kind>> {
    let live = sqlx::query!(
        r#"select host, device, sum(slots) as "slots!" from live_worker group by host, device order by host, device"#
    )
    .fetch_all(pool)
    .await?;
    let mut past = past(pool).await?;
    let kinds = live.into_iter().map(|worker| {
        // The view has no constraints, its table has.
        let machine = (
            worker.host.unwrap_or_default(),
            worker.device.unwrap_or_default(),
        );
        Kind {
            card: is_card(&machine.1),
            slots: u32::try_from(worker.slots).unwrap_or(0),
            past: past.remove(&machine).unwrap_or_default(),
            host: machine.0,
            device: machine.1,
        }
    });
    Ok(kinds.collect())
}

/// What runs took that went through in one piece, by machine and device.
async fn past(pool: &PgPool) -> sqlx::Result<BTreeMap<(String, String), Vec<Past>>> {
    let ended = sqlx::query!(
        r#"select w.host, w.device, r.plan as "plan!",
                  extract(epoch from a.ended_at - a.started_at)::float8 as "took!"
           from (select run_id, worker_id, started_at, ended_at from run_attempt
                 where outcome = 'succeeded' and resumed_from is null
                 order by ended_at desc limit $1) a
           join worker w on w.id = a.worker_id
           join public_run r on r.id = a.run_id"#,
        LOOKED_AT
    )
    .fetch_all(pool)
    .await?;
    let mut past: BTreeMap<_, Vec<Past>> = BTreeMap::new();
    for run in ended {
        // A plan of an earlier release may be unreadable; it says nothing then.
        let Ok(plan) = serde_json::from_value::<Plan>(run.plan) else {
            continue;
        };
        let estimated = match is_card(&run.device) {
            true => card_run_seconds(&plan.setup),
            false => run_seconds(&plan.setup),
        };
        past.entry((run.host, run.device)).or_default().push(Past {
            estimated,
            took: run.took,
        });
    }
    Ok(past)
}

/// Workers say `cpu` or `cuda:N`, and the device's own name.
fn is_card(device: &str) -> bool {
    device.starts_with("cuda")
}
