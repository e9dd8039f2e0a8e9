//! What every handler shares.

use crate::{
    address::Origin,
    auth::{password::Passwords, provider::Asking, rates::Rates, throttle::Throttle},
    checkpoints::Checkpoints,
    chores::Swept,
    config::Settings,
    forecast::Surprises,
    front::Front,
    link_picture::LinkPictures,
    live::Changes,
    middleware::intake::Intake,
    noted::Noted,
    pace::Pace,
    redraws::Redraws,
    share::Shares,
    unchanged::Unchanged,
    webhooks::Told,
};
use axum::extract::FromRef;
use breakmywork_protocol::jobs::Timing;
use sqlx::PgPool;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Shared by all handlers; cheap to clone.
#[derive(Debug, Clone)]
pub struct AppState {
    /// The database.
    pub pool: PgPool,
    /// How the server was started.
    pub settings: Arc<Settings>,
    /// Times of the job table, for workers that come over REST.
    pub timing: Timing,
    /// Cancelled when the server stops: open streams end then.
    pub shutdown: CancellationToken,
    /// Tells which experiment changed.
    pub changes: Changes,
    /// Redraws of running experiments.
    pub redraws: Redraws,
    /// Hashes passwords, a few at a time.
    pub passwords: Passwords,
    /// Slows down guessing.
    pub throttle: Throttle,
    /// Asks other sites who somebody is.
    pub providers: Asking,
    /// What is kept of bodies that are still being sent.
    pub intake: Intake,
    /// Counts requests to REST.
    pub rates: Rates,
    /// How fast the workers are.
    pub pace: Pace,
    /// Where the record ended when it was looked at last.
    pub noted: Noted,
    /// The verdicts that members expected least.
    pub surprises: Surprises,
    /// What the first page shows and takes long.
    pub front: Front,
    /// Answers to visitors, while they stay the same.
    pub unchanged: Unchanged,
    /// Pictures for links to claims and experiments.
    pub link_pictures: LinkPictures,
    /// Open streams of live updates, by who has them.
    pub streams: Shares<Origin>,
    /// What the sweeps did.
    pub swept: Arc<Swept>,
    /// What became of requests to webhooks.
    pub told: Arc<Told>,
    /// Places for archives and tables of measurements that are made at once.
    pub downloads: Arc<Semaphore>,
    /// Files of outside workers' checkpoints, where some are kept.
    pub checkpoints: Option<Checkpoints>,
}

/// Open streams of one address: every tab of a small office.
const STREAMS: usize = 100;
/// Archives and tables of measurements that are made at once; each reads a lot.
const DOWNLOADS: usize = 4;

impl AppState {
    /// The state without its background task; [`crate::live::listen`] starts that.
    pub fn new(pool: PgPool, settings: Settings, shutdown: CancellationToken) -> Self {
        Self {
            pool,
            timing: Timing::default(),
            pace: Pace::new(f64::from(settings.experiment_hours)),
            shutdown,
            changes: Changes::new(),
            redraws: Redraws::default(),
            noted: Noted::default(),
            surprises: Surprises::default(),
            front: Front::default(),
            unchanged: Unchanged::default(),
            link_pictures: LinkPictures::default(),
            passwords: Passwords::new(),
            providers: Asking::default(),
            throttle: Throttle::new(settings.sign_ups_per_hour),
            intake: Intake::default(),
            rates: Rates::new(settings.requests_per_minute),
            streams: Shares::new(STREAMS),
            swept: Arc::default(),
            told: Arc::default(),
            downloads: Arc::new(Semaphore::new(DOWNLOADS)),
            checkpoints: settings.checkpoint_dir.as_deref().map(Checkpoints::new),
            settings: Arc::new(settings),
        }
    }
}

impl FromRef<AppState> for Pace {
    fn from_ref(state: &AppState) -> Self {
        state.pace.clone()
    }
}

impl FromRef<AppState> for Surprises {
    fn from_ref(state: &AppState) -> Self {
        state.surprises.clone()
    }
}

impl FromRef<AppState> for PgPool {
    fn from_ref(state: &AppState) -> Self {
        state.pool.clone()
    }
}
