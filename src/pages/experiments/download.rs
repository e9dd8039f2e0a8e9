//! An experiment's numbers, to take away: tables, and everything in one archive.

use crate::{
    db::{
        compare,
        experiments::{self, Experiment},
        frozen, runs,
        visible::Visible,
    },
    error::{Error, Result},
    export::{
        bundle::{self, Bundle, Pieces},
        csv,
        parquet::{self, GROUP, Writer},
        reproduce,
        ro_crate::{self, File},
        tables,
    },
    extract::{Path, Visit},
    heavy,
    render::copied::{self, Copied},
    state::AppState,
};
use axum::{
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use breakmywork_protocol::{id::ExperimentId, reproduction, spec::Spec};
use chrono::Utc;
use sqlx::PgPool;
use std::{collections::BTreeMap, io};
use tokio::sync::OwnedSemaphorePermit;

/// Runs whose numbers are read for copying.
const COPIED: i64 = 2_000;

/// A place among the archives and tables of measurements that are made now.
fn place(state: &AppState) -> Result<OwnedSemaphorePermit> {
    let places = state.downloads.clone();
    places.try_acquire_owned().map_err(|_| Error::Busy {
        detail: "Others are downloading much at this moment. Try again in a few seconds.".into(),
        retry_after: 5,
    })
}

async fn find(state: &AppState, visit: &Visit, id: ExperimentId) -> Result<(Experiment, Visible)> {
    let experiment = experiments::find(&state.pool, id, visit.reader())
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    let visible = experiment.seen()?;
    Ok((experiment, visible))
}

/// A file to save; nobody keeps for others what is sealed, nor what may still grow.
fn file(kind: &'static str, name: String, body: impl Into<Body>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, body.into()).into_response()
}

/// The runs, those of trials too.
pub async fn runs_csv(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let (_, visible) = find(&state, &visit, id).await?;
    let runs = runs::of_experiment(&state.pool, visible).await?;
    Ok(file(
        csv::MEDIA_TYPE,
        format!("experiment-{id}-runs.csv"),
        csv::table(&tables::runs(&runs)),
    ))
}

/// The same in Parquet.
pub async fn runs_parquet(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let (_, visible) = find(&state, &visit, id).await?;
    let runs = runs::of_experiment(&state.pool, visible).await?;
    let made = heavy::run(move || parquet::table(&tables::runs(&runs))).await?;
    Ok(file(
        parquet::MEDIA_TYPE,
        format!("experiment-{id}-runs.parquet"),
        made.map_err(Error::internal)?,
    ))
}

/// The pairs of its verdict.
pub async fn pairs_csv(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let (experiment, _) = find(&state, &visit, id).await?;
    let verdict = experiment.verdict().ok_or_else(|| {
        Error::NotFound(format!("Experiment {id} has no verdict, so it has no pairs. Its runs are at /experiments/{id}/runs.csv."))
    })?;
    Ok(file(
        csv::MEDIA_TYPE,
        format!("experiment-{id}-pairs.csv"),
        csv::table(&tables::pairs(verdict)),
    ))
}

/// Everything that was measured while its runs were trained, run by run.
pub async fn metrics_csv(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let body = sent(&state, &visit, id, measurements).await?;
    let name = format!("experiment-{id}-metrics.csv");
    Ok(file(csv::MEDIA_TYPE, name, body))
}

/// The same in Parquet.
pub async fn metrics_parquet(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let body = sent(&state, &visit, id, measurements_in_groups).await?;
    let name = format!("experiment-{id}-metrics.parquet");
    Ok(file(parquet::MEDIA_TYPE, name, body))
}

/// What `write` makes of an experiment's runs, sent while it is made.
async fn sent<F>(
    state: &AppState,
    visit: &Visit,
    id: ExperimentId,
    write: impl FnOnce(PgPool, Vec<runs::Run>, Pieces) -> F,
) -> Result<Body>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let (_, visible) = find(state, visit, id).await?;
    let place = place(state)?;
    let runs = runs::of_experiment(&state.pool, visible).await?;
    let (pieces, body) = bundle::streamed();
    let written = write(state.pool.clone(), runs, pieces.clone());
    tokio::spawn(async move {
        let _place = place;
        break_off(&pieces, written.await).await;
    });
    Ok(body)
}

/// What was measured while a run was trained. No connection is held afterwards, while somebody reads slowly.
async fn curves(pool: &PgPool, run: &runs::Run) -> io::Result<Vec<runs::Curve>> {
    let curves = runs::curves_of_run(pool, run, None, -1).await;
    curves.map_err(io::Error::other)
}

async fn measurements(pool: PgPool, runs: Vec<runs::Run>, pieces: Pieces) -> io::Result<()> {
    let columns = tables::measured();
    bundle::send(&pieces, csv::head(&columns).into_bytes()).await?;
    for run in &runs {
        let curves = curves(&pool, run).await?;
        let rows = csv::rows(&columns, &tables::metrics(run, &curves));
        bundle::send(&pieces, rows.into_bytes()).await?;
    }
    Ok(())
}

/// Runs are put together until they fill a group: a group for each would be larger than what is in it.
async fn measurements_in_groups(
    pool: PgPool,
    runs: Vec<runs::Run>,
    pieces: Pieces,
) -> io::Result<()> {
    let mut writer = Writer::new(&tables::measured()).map_err(io::Error::other)?;
    let (mut waiting, mut rows) = (Vec::new(), 0);
    let mut runs = runs.into_iter();
    loop {
        let next = runs.next();
        let last = next.is_none();
        if let Some(run) = next {
            let curves = curves(&pool, &run).await?;
            rows += curves.iter().map(|it| it.points.len()).sum::<usize>();
            waiting.push((run, curves));
        }
        if !last && rows < GROUP {
            continue;
        }
        let group = std::mem::take(&mut waiting);
        rows = 0;
        let written = heavy::run(move || -> io::Result<_> {
            let cells: Vec<_> = (group.iter())
                .flat_map(|(run, curves)| tables::metrics(run, curves))
                .collect();
            let bytes = writer.rows(&cells).map_err(io::Error::other)?;
            Ok((writer, bytes))
        });
        let bytes;
        (writer, bytes) = written.await.map_err(io::Error::other)??;
        bundle::send(&pieces, bytes).await?;
        if last {
            return bundle::send(&pieces, writer.end().map_err(io::Error::other)?).await;
        }
    }
}

/// Ends what cannot be sent whole with an error, so that it is not taken for whole.
async fn break_off(pieces: &Pieces, sent: io::Result<()>) {
    let Err(cause) = sent else { return };
    if cause.kind() != io::ErrorKind::BrokenPipe {
        tracing::error!(%cause, "a download broke off");
    }
    // Whoever reads no more needs no word.
    let _ = pieces.send(Err(cause)).await;
}

/// What it takes to train its runs again and to hold the numbers against these, in one file.
pub async fn reproduce_json(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let (experiment, visible) = find(&state, &visit, id).await?;
    let mut connection = state.pool.acquire().await?;
    let (frozen, _) = frozen::find(&mut connection, visible).await?.ok_or_else(|| {
        Error::NotFound(format!(
            "There is no registered experiment {id}; what is only proposed has no runs that could be trained again."
        ))
    })?;
    let handout = reproduce::handout(
        &mut connection,
        &experiment,
        visible,
        &frozen,
        &state.settings,
    )
    .await?;
    let text = serde_json::to_string(&handout).map_err(Error::internal)?;
    Ok(file(
        "application/json",
        format!("experiment-{id}-{}", reproduction::FILE),
        text + "\n",
    ))
}

/// Everything in one archive, described as a research object.
pub async fn bundle_zip(
    State(state): State<AppState>,
    visit: Visit,
    Path(id): Path<ExperimentId>,
) -> Result<Response> {
    let (experiment, visible) = find(&state, &visit, id).await?;
    let place = place(&state)?;
    let runs = runs::of_experiment(&state.pool, visible).await?;
    let mut connection = state.pool.acquire().await?;
    let frozen = frozen::find(&mut connection, visible)
        .await?
        .map(|(frozen, _)| frozen);
    let again = match &frozen {
        Some(frozen) => {
            let settings = &state.settings;
            let handout =
                reproduce::handout(&mut connection, &experiment, visible, frozen, settings);
            Some(serde_json::to_string(&handout.await?).map_err(Error::internal)? + "\n")
        }
        None => None,
    };
    drop(connection);
    let toml = experiment
        .parsed()
        .map(|spec| super::show::completed(&state, &spec))
        .ok();
    let verdict = experiment.verdict();
    let mut files: Vec<(File, String)> = Vec::new();
    let mut add = |name, about, kind, text: Option<String>| {
        if let Some(text) = text {
            files.push((File { name, about, kind }, text));
        }
    };
    add(
        "README.md",
        "What this is, and how to run it again",
        "text/markdown",
        Some(read_me(&experiment, &state)),
    );
    add(
        "specification.toml",
        "The specification, as breakmywork-worker train takes it",
        "application/toml",
        toml,
    );
    add(
        "specification.json",
        "The frozen specification, byte for byte what was hashed at registration",
        "application/json",
        frozen.map(|frozen| frozen.canonical),
    );
    add(
        reproduction::FILE,
        "What breakmywork-worker reproduce reads: the specification and what each run came to",
        "application/json",
        again,
    );
    add(
        "verdict.json",
        "The verdict with its numbers",
        "application/json",
        verdict.and_then(|verdict| serde_json::to_string_pretty(verdict).ok()),
    );
    add(
        "pairs.csv",
        "The pairs that the verdict is made of",
        "text/csv",
        verdict.map(|verdict| csv::table(&tables::pairs(verdict))),
    );
    add(
        "runs.csv",
        "The runs with their final metrics and where the numbers come from",
        "text/csv",
        Some(csv::table(&tables::runs(&runs))),
    );
    let measured = File {
        name: "metrics.csv",
        about: "What was measured while the runs were trained",
        kind: "text/csv",
    };
    let all: Vec<File> = files
        .iter()
        .map(|(file, _)| *file)
        .chain([measured])
        .collect();
    let description = ro_crate::description(&experiment, &all, &state.settings, Utc::now());
    let (pieces, body) = bundle::streamed();
    let pool = state.pool.clone();
    tokio::spawn(async move {
        let _place = place;
        let mut archive = Bundle::new(pieces.clone());
        let sent = async {
            archive.file(ro_crate::NAME).await?;
            archive.add(&format!("{description:#}\n")).await?;
            for (file, text) in &files {
                archive.file(file.name).await?;
                archive.add(text).await?;
            }
            archive.file(measured.name).await?;
            let columns = tables::measured();
            archive.add(&csv::head(&columns)).await?;
            for run in &runs {
                let curves = curves(&pool, run).await?;
                let cells = tables::metrics(run, &curves);
                archive.add(&csv::rows(&columns, &cells)).await?;
            }
            archive.finish().await
        };
        let sent = sent.await;
        break_off(&pieces, sent).await;
    });
    Ok(file(
        "application/zip",
        format!("experiment-{id}.zip"),
        body,
    ))
}

fn read_me(experiment: &Experiment, state: &AppState) -> String {
    let address = state.settings.address(&experiment.address());
    format!(
        "# {}\n\n{}\n\nExperiment {} on claim {}: {}\n\n{address}\n\nRun it again, and hold the numbers against these:\n\n    breakmywork-worker reproduce reproduce.json\n\n\
         Without comparing anything:\n\n    breakmywork-worker train specification.toml\n\n\
         Texts in the tables that a spreadsheet would compute begin with an apostrophe. The research object is described in {}.\n",
        experiment.title,
        experiment.prediction,
        experiment.id,
        experiment.claim_label,
        experiment.claim_sentence,
        ro_crate::NAME,
    )
}

/// What each arm came to, for copying; nothing before a run has succeeded, nor of what is sealed.
pub(super) async fn copied(
    pool: &PgPool,
    experiment: &Experiment,
    spec: &Spec,
) -> Result<Option<Copied>> {
    if experiment.runs_ended == 0 || experiment.closed {
        return Ok(None);
    }
    let runs = compare::runs(pool, &[experiment.id], &[], COPIED).await?;
    let arms: Vec<(&str, BTreeMap<&str, Vec<f64>>)> = (spec.arms.iter())
        .map(|arm| {
            let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
            for run in runs
                .iter()
                .filter(|run| run.arm == arm.name && run.state == "succeeded")
            {
                for (name, value) in &run.metrics {
                    values.entry(name).or_default().push(*value);
                }
            }
            (arm.name.as_str(), values)
        })
        .collect();
    let decides = spec
        .criterion
        .as_ref()
        .map_or("", |criterion| criterion.metric.as_str());
    Ok(copied::of(&arms, decides))
}
