//! Workers whose runs end as a test says.

use breakmywork_protocol::jobs::{self, Ending, Timing};
use breakmywork_protocol::spec::Plan;
use sqlx::PgPool;
use uuid::Uuid;

/// Lets every run that waits end so, and every one that is queued meanwhile, by a worker of its own.
pub(crate) async fn train(pool: &PgPool, end: impl FnMut(&Plan) -> Ending) {
    work(pool, a_worker(pool).await, usize::MAX, end).await;
}

/// A worker that was never seen before.
pub(crate) async fn a_worker(pool: &PgPool) -> Uuid {
    let worker = Uuid::new_v4();
    jobs::register_worker(pool, worker, "host", "cpu", "0", 1)
        .await
        .expect("registers");
    worker
}

/// Lets at most so many runs end so by that worker, fewer if no more wait.
pub(crate) async fn work(
    pool: &PgPool,
    worker: Uuid,
    runs: usize,
    mut end: impl FnMut(&Plan) -> Ending,
) {
    for _ in 0..runs {
        let Some(lease) = jobs::take(pool, worker, Timing::default())
            .await
            .expect("takes")
        else {
            return;
        };
        let ending = end(lease.plan.as_ref().expect("a plan"));
        jobs::finish(pool, &lease, ending, Timing::default())
            .await
            .expect("finishes");
    }
}
