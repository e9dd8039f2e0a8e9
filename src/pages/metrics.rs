//! Numbers for whoever watches the board over time, in the text format of Prometheus. Nothing of any person.

use crate::{error::Result, state::AppState};
use axum::{extract::State, http::header, response::IntoResponse};
use std::sync::atomic::Ordering::Relaxed;

/// Runs that are counted; more than this is "very many" on any board.
const COUNTED: i64 = 100_000;

/// The queue's depth and age, what its sweeps had to do in this process, and what is sent to webhooks.
pub async fn metrics(State(state): State<AppState>) -> Result<impl IntoResponse> {
    let queue = sqlx::query!(
        r#"select (select count(*) from (select from run where state = 'queued' limit $1) r) as "queued!",
             (select count(*) from run where state = 'running') as "running!",
             (select count(*) from experiment where state = 'stalled') as "stalled!",
             (select extract(epoch from now() - created_at)::float8 from run where state = 'queued'
              order by priority desc, id limit 1) as oldest_s,
             (select count(*) from live_worker) as "workers!",
             (select count(*) from (select from webhook_delivery where state = 'waiting' limit $1) d) as "deliveries!",
             (select count(*) from webhook where paused in ('failing', 'gone')) as "paused!""#,
        COUNTED
    )
    .fetch_one(&state.pool)
    .await?;
    let (swept, told) = (&state.swept, &state.told);
    let text = format!(
        "# HELP breakmywork_runs Runs by state; queued ones are counted up to {COUNTED}.\n\
         # TYPE breakmywork_runs gauge\n\
         breakmywork_runs{{state=\"queued\"}} {}\n\
         breakmywork_runs{{state=\"running\"}} {}\n\
         # HELP breakmywork_oldest_queued_seconds Age of the oldest queued run of the highest priority; 0 without one.\n\
         # TYPE breakmywork_oldest_queued_seconds gauge\n\
         breakmywork_oldest_queued_seconds {}\n\
         # HELP breakmywork_stalled_experiments Experiments that wait for an admin.\n\
         # TYPE breakmywork_stalled_experiments gauge\n\
         breakmywork_stalled_experiments {}\n\
         # HELP breakmywork_live_workers Workers that were heard of lately.\n\
         # TYPE breakmywork_live_workers gauge\n\
         breakmywork_live_workers {}\n\
         # HELP breakmywork_leases_taken_back_total Leases that this process took away, by reason.\n\
         # TYPE breakmywork_leases_taken_back_total counter\n\
         breakmywork_leases_taken_back_total{{reason=\"lost\"}} {}\n\
         breakmywork_leases_taken_back_total{{reason=\"timed_out\"}} {}\n\
         # HELP breakmywork_invariant_repairs_total Runs and experiments whose rows did not agree; above 0 is a bug or a restore.\n\
         # TYPE breakmywork_invariant_repairs_total counter\n\
         breakmywork_invariant_repairs_total {}\n\
         # HELP breakmywork_sweep_failures_total Rows that a sweep could not handle and stepped over; the log says why.\n\
         # TYPE breakmywork_sweep_failures_total counter\n\
         breakmywork_sweep_failures_total {}\n\
         # HELP breakmywork_webhook_deliveries_waiting Deliveries to webhooks that wait for their first or next try, counted up to {COUNTED}.\n\
         # TYPE breakmywork_webhook_deliveries_waiting gauge\n\
         breakmywork_webhook_deliveries_waiting {}\n\
         # HELP breakmywork_webhooks_paused Webhooks to which nothing is sent because deliveries failed or their receiver is gone.\n\
         # TYPE breakmywork_webhooks_paused gauge\n\
         breakmywork_webhooks_paused {}\n\
         # HELP breakmywork_webhook_requests_total Requests that this process sent to webhooks, by whether they were taken.\n\
         # TYPE breakmywork_webhook_requests_total counter\n\
         breakmywork_webhook_requests_total{{result=\"taken\"}} {}\n\
         breakmywork_webhook_requests_total{{result=\"not_taken\"}} {}\n\
         # HELP breakmywork_webhook_deliveries_failed_total Deliveries that this process gave up after their last try.\n\
         # TYPE breakmywork_webhook_deliveries_failed_total counter\n\
         breakmywork_webhook_deliveries_failed_total {}\n",
        queue.queued,
        queue.running,
        queue.oldest_s.unwrap_or(0.0),
        queue.stalled,
        queue.workers,
        swept.lost.load(Relaxed),
        swept.timed_out.load(Relaxed),
        swept.mended.load(Relaxed),
        swept.failed.load(Relaxed),
        queue.deliveries,
        queue.paused,
        told.taken.load(Relaxed),
        told.refused.load(Relaxed),
        told.failed.load(Relaxed),
    );
    let headers = [
        (header::CONTENT_TYPE, "text/plain; version=0.0.4"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, text))
}
