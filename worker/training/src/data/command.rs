//! `data`: what a person or a script does with data sets.

use super::known::{self, Known};
use super::{
    DataArgs, DataCommand, Error, FetchArgs, ImportArgs, Imported, ListArgs, Manifest, Request,
    Store, fetch, import,
};
use crate::{events, exit};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// Digits of a SHA-256 that tell data sets apart at a glance.
const SHORT: usize = 12;

/// Does what was asked for and gives the exit code.
pub fn run(args: &DataArgs) -> u8 {
    let done = match &args.command {
        DataCommand::List(args) => list(args),
        DataCommand::Import(args) => bring_in(args),
        DataCommand::Fetch(args) => get(args),
    };
    match done {
        Ok(()) => exit::DONE,
        Err(error) => {
            // There is nowhere else to say it.
            let _ = writeln!(io::stderr().lock(), "{error}");
            if error.may_pass() {
                exit::RETRYABLE
            } else {
                exit::FAILED
            }
        }
    }
}

/// What `data list --json` writes.
#[derive(Serialize)]
struct Listing<'a> {
    here: &'a [Manifest],
    missing: Vec<Missing>,
}

/// A known data set that is not here.
#[derive(Serialize)]
struct Missing {
    name: &'static str,
    kind: super::Kind,
    about: &'static str,
    /// The command that brings it in.
    how: String,
}

fn list(args: &ListArgs) -> Result<(), Error> {
    let store = Store::new(args.folder.data_sets.clone());
    let here = store.list()?;
    let absent = |known: &&Known| here.iter().all(|manifest| manifest.name != known.name);
    let missing = known::ALL.iter().filter(absent).map(|known| {
        Ok(Missing {
            name: known.name,
            kind: known.kind,
            about: known.about,
            how: store.command(&known.reference()?),
        })
    });
    let missing = missing.collect::<Result<_, Error>>()?;
    if args.json {
        let listing = Listing {
            here: &here,
            missing,
        };
        return events::write_json_line(io::stdout().lock(), &listing).map_err(stdout);
    }
    let mut text = format!("In {}:\n", store.dir().display());
    if here.is_empty() {
        text.push_str("  no data set yet\n");
    }
    let names: Vec<String> = here.iter().map(name).collect();
    let width = names.iter().map(String::len).max().unwrap_or(0);
    for (manifest, name) in here.iter().zip(&names) {
        let sha256 = manifest.sha256.get(..SHORT).unwrap_or(&manifest.sha256);
        let sizes = sizes(manifest);
        text += &format!("  {name:width$}  {:8}  {sha256}  {sizes}\n", manifest.kind);
    }
    if !missing.is_empty() {
        text.push_str("\nKnown, and not here:\n");
    }
    for Missing {
        name,
        kind,
        about,
        how,
    } in missing
    {
        text += &format!("  {name} ({kind}): {about}\n    {how}\n");
    }
    io::stdout()
        .lock()
        .write_all(text.as_bytes())
        .map_err(stdout)
}

fn bring_in(args: &ImportArgs) -> Result<(), Error> {
    let known = known::find(args.reference.name());
    let Some(input) = args.input() else {
        return Err(Error::File {
            place: args.reference.to_string(),
            reason: "name its files with FILE, --train --valid --test, --cornell or --mnist".into(),
        });
    };
    let request = Request {
        reference: args.reference.clone(),
        kind: args.kind,
        input,
    };
    let store = Store::new(args.folder.data_sets.clone());
    say(&import(&store, &request, known)?)
}

fn get(args: &FetchArgs) -> Result<(), Error> {
    let Some(known) = known::find(&args.name) else {
        let names: Vec<&str> = known::ALL.iter().map(|known| known.name).collect();
        return Err(Error::NotFetchable {
            name: args.name.clone(),
            reason: format!(
                "only known data sets can be: {}; import others from files",
                names.join(", ")
            ),
        });
    };
    let bar = known
        .download
        .map(|download| bar(known.name, download.bytes));
    let mut progress = |here: u64| {
        if let Some(bar) = &bar {
            bar.set_position(here);
        }
    };
    let store = Store::new(args.folder.data_sets.clone());
    let fetched = fetch(&store, known, args.url.as_deref(), &mut progress);
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    say(&fetched?)
}

/// A bar on a terminal, else nothing: downloads of known data sets take seconds.
fn bar(name: &'static str, bytes: u64) -> ProgressBar {
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(bytes), target);
    let style = ProgressStyle::with_template("{prefix} {bar:30} {bytes}/{total_bytes}, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(name);
    bar
}

fn say(imported: &Imported) -> Result<(), Error> {
    let manifest = &imported.manifest;
    let state = if imported.fresh {
        "imported"
    } else {
        "is already here, unchanged"
    };
    let mut text = format!(
        "{} {state}: {}\n  SHA-256 {}\n",
        name(manifest),
        sizes(manifest),
        manifest.sha256
    );
    for note in &manifest.notes {
        text += &format!("  {note}\n");
    }
    io::stdout()
        .lock()
        .write_all(text.as_bytes())
        .map_err(stdout)
}

fn name(manifest: &Manifest) -> String {
    format!("{}@{}", manifest.name, manifest.version)
}

/// Such as "229/76/77 sequences, 13807/4602/4725 frames": training, validation, test.
fn sizes(manifest: &Manifest) -> String {
    let splits = &manifest.splits;
    let units = splits.train.keys().map(|unit| {
        let count = |split: &std::collections::BTreeMap<String, u64>| {
            split.get(unit).copied().unwrap_or_default().to_string()
        };
        let [train, valid, test] = splits.each().map(|(_, split)| count(split));
        format!("{train}/{valid}/{test} {unit}")
    });
    units.collect::<Vec<_>>().join(", ")
}

fn stdout(source: io::Error) -> Error {
    Error::Output(source)
}
