//! `breakmywork verify`: the record, and every verdict, checked.

use super::database::{Database, DatabaseArgs};
use crate::render::number::plural;
use anyhow::Context;
use breakmywork_protocol::db;
use breakmywork_protocol::record::Head;
use breakmywork_protocol::record::verify::{self, Options, Summary, Told};
use serde_json::{Value, json};
use std::io::{IsTerminal, Read, Write};
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Pause between two lines of progress.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Checks the record: its chain of hashes, the tables against it, and every verdict against its runs.
///
/// Prints a line for each thing that does not agree, and exits with 1 if there is one. Only reads, and may be used while
/// the board works.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
    /// A head that was noted elsewhere, as SEQ:HASH: the record must still pass through it. May be given several times.
    #[arg(long = "head", value_name = "SEQ:HASH")]
    heads: Vec<Head>,
    /// A file in which heads stand, among whatever else: the log of the web server, saved pages, a mail; - is standard
    /// input. May be given several times.
    #[arg(long, value_name = "FILE")]
    heads_in: Vec<PathBuf>,
    /// Print each finding, and the summary at the end, as a JSON object on a line.
    #[arg(long)]
    json: bool,
    /// Verdicts that are computed at once; as many as there are cores if not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: Option<u16>,
}

/// Verifies.
pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut noted = args.heads.clone();
    for file in &args.heads_in {
        let found = Head::all_in(&read(file)?);
        anyhow::ensure!(
            !found.is_empty(),
            "No head stands in {}. A head is written SEQ:HASH, as at the foot of every page.",
            file.display()
        );
        noted.extend(found);
    }
    noted.sort();
    noted.dedup();
    let readers = match args.jobs {
        Some(jobs) => usize::from(jobs),
        None => std::thread::available_parallelism().map_or(1, NonZero::get),
    };
    let database = args.database.open().await?;
    let done = check(&database, Options { noted, readers }, args.json).await;
    database.close().await;
    let summary = done?;
    Ok(match summary.findings {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// The text of a file, or of standard input.
fn read(file: &PathBuf) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes)?;
    } else {
        bytes = std::fs::read(file).with_context(|| format!("Cannot read {}", file.display()))?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn check(database: &Database, options: Options, json: bool) -> anyhow::Result<Summary> {
    let connections = u32::try_from(options.readers)? + 1;
    let pool = db::pool(&database.url, connections)?;
    let began = Instant::now();
    let mut progress = Progress::new(!json && std::io::stderr().is_terminal());
    let mut failed = None;
    let summary = verify::verify(&pool, &options, |told| match told {
        Told::Progress { done, of } => progress.tell(done, of),
        Told::Finding(finding) => {
            progress.clear();
            let line = match json {
                true => {
                    let mut line = serde_json::to_value(&finding).unwrap_or(Value::Null);
                    line["event"] = json!("finding");
                    line["advice"] = json!(finding.what.advice());
                    line.to_string()
                }
                false => finding.to_string(),
            };
            if let Err(error) = writeln!(std::io::stdout(), "{line}") {
                failed = Some(error);
            }
        }
    })
    .await
    .context("Cannot read the record");
    pool.close().await;
    progress.clear();
    let summary = summary?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let seconds = began.elapsed().as_secs_f64();
    match json {
        true => {
            let mut line = serde_json::to_value(&summary)?;
            line["event"] = json!("summary");
            line["seconds"] = json!(seconds);
            writeln!(std::io::stdout(), "{line}")?;
        }
        false => writeln!(std::io::stdout(), "{}", words(&summary, seconds))?,
    }
    Ok(summary)
}

fn words(summary: &Summary, seconds: f64) -> String {
    let &Summary {
        entries,
        registrations,
        conclusions,
        recomputed,
        of_earlier_rules,
        noted,
        findings,
        ref head,
    } = summary;
    let earlier = match of_earlier_rules {
        0 => String::new(),
        more => format!(
            " Of an earlier rule or from before the record, and held against its hashes alone: {more}."
        ),
    };
    let anchors = match noted {
        0 => "No head that was noted elsewhere was given, so a record that was written anew as a whole would not show."
            .to_owned(),
        noted => format!("It was held against {} noted elsewhere.", plural(noted, "head", "heads")),
    };
    let end = match findings {
        0 => "Everything agrees.".to_owned(),
        some => plural(some, "thing does not agree.", "things do not agree."),
    };
    format!(
        "{}, {}, {} in {seconds:.1} s; {} computed again.{earlier}\nThe record ends with {head}. {anchors}\n{end}",
        plural(entries, "entry", "entries"),
        plural(registrations, "registration", "registrations"),
        plural(conclusions, "conclusion", "conclusions"),
        plural(recomputed, "verdict", "verdicts"),
    )
}

/// One line on a terminal that is written over again and again.
struct Progress {
    shown: bool,
    last: Option<Instant>,
    on: bool,
}

impl Progress {
    fn new(on: bool) -> Self {
        Self {
            shown: false,
            last: None,
            on,
        }
    }

    fn tell(&mut self, done: i64, of: i64) {
        if !self.on
            || self
                .last
                .is_some_and(|last| last.elapsed() < PROGRESS_EVERY)
        {
            return;
        }
        self.last = Some(Instant::now());
        self.shown = true;
        // Whoever cannot be shown how far it is learns it at the end.
        let _ = write!(std::io::stderr(), "\rentry {done} of {of}");
    }

    fn clear(&mut self) {
        if self.shown {
            self.shown = false;
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
