//! How a sequential plan goes, or went: its e-process, and the worker time that it saved.

use crate::{
    db::{experiments::Experiment, runs},
    error::{Error, Result},
    render::{chart::e_process, html::Html, number, time},
    state::AppState,
};
use breakmywork_protocol::{
    jobs,
    spec::Spec,
    verdict::{Sequential, Stop},
};

/// What the page shows of it.
#[derive(Debug)]
pub(super) struct EProcess {
    pub(super) process: Sequential,
    pub(super) svg: Option<Html>,
    pub(super) legend: Html,
    /// How far it is, or why it stopped, and what that saved.
    pub(super) words: String,
}

/// That of an experiment: of its verdict, else of the pairs that have ended so far. None of any but a sequential plan that
/// was registered.
pub(super) async fn of(
    state: &AppState,
    experiment: &Experiment,
    spec: &Spec,
) -> Result<Option<EProcess>> {
    if !spec.is_sequential() || experiment.registered_at.is_none() {
        return Ok(None);
    }
    let stored = experiment.verdict().and_then(|it| it.sequential.clone());
    let process = match stored {
        Some(process) => Some(process),
        // Stopped by a person, or without a verdict: what there is of it.
        None => {
            let mut connection = state.pool.acquire().await?;
            let seeds = experiment.seeds();
            jobs::sequential_so_far(&mut connection, experiment.id, spec, &seeds)
                .await
                .map_err(Error::from)?
        }
    };
    let Some(process) = process else {
        return Ok(None);
    };
    let over = experiment.concluded_at.is_some();
    let seconds = match over {
        true => match experiment.visible() {
            Some(visible) => runs::pair_seconds(&state.pool, visible).await?,
            None => None,
        },
        false => None,
    };
    Ok(Some(EProcess {
        svg: e_process::svg(&process, "e-process"),
        legend: e_process::legend(),
        words: words(&process, over, seconds),
        process,
    }))
}

fn words(process: &Sequential, over: bool, pair_seconds: Option<f64>) -> String {
    let (ran, cap) = (process.steps.len(), process.cap);
    let decides = number::plain(process.decides);
    let left = cap - ran;
    let saved = match pair_seconds {
        Some(seconds) if left > 0 => format!(
            " About {} of one worker were saved.",
            time::duration_s((seconds * left as f64).round() as i64)
        ),
        _ => String::new(),
    };
    match process.stop {
        _ if !over => format!(
            "{ran} of at most {cap} pairs have ended. It stops as soon as an e-value reaches {decides}."
        ),
        Some(Stop::Cap) => {
            format!("All {cap} pairs were needed, and neither e-value reached {decides}.")
        }
        Some(Stop::Decided) if left == 0 => format!("All {cap} pairs were needed."),
        Some(Stop::Decided) => format!("{ran} of {cap} pairs were needed.{saved}"),
        Some(Stop::Futile) => format!(
            "After {ran} of {cap} pairs neither e-value could reach {decides} any more.{saved}"
        ),
        Some(Stop::Hindered) => {
            format!("After {ran} of {cap} pairs no verdict could come of the others.{saved}")
        }
        None => format!("It ended after {ran} of {cap} pairs, before an e-value decided."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakmywork_protocol::verdict::Step;

    #[test]
    fn what_was_saved_is_said_where_something_was() {
        let process = |ran, stop| Sequential {
            cap: 16,
            decides: 20.0,
            steps: vec![
                Step {
                    seed: 1,
                    support: 1.5,
                    falsify: 0.5
                };
                ran
            ],
            stop,
        };
        let decided = process(7, Some(Stop::Decided));
        assert_eq!(
            words(&decided, true, Some(600.0)),
            "7 of 16 pairs were needed. About 1 h 30 min of one worker were saved."
        );
        assert_eq!(
            words(&process(16, Some(Stop::Decided)), true, Some(600.0)),
            "All 16 pairs were needed."
        );
        assert!(
            words(&process(3, None), false, None).starts_with("3 of at most 16 pairs have ended.")
        );
    }
}
