//! `bench-training`: the worker's training speed beside stock candle and torch, measured in one go.
//!
//! For each configuration the contenders take turns, each measurement in a process of its own. Everybody does the
//! whole of a training step: forward, backward, clipping, update. See `bench/README.md`.

mod clock;
mod configuration;
mod job;
mod machine;
mod ours;
mod peak;
mod stock;
mod table;
mod text;

use anyhow::{Context, Result};
use breakmywork_training::device::DeviceChoice;
use breakmywork_training::precision::Products;
use clap::{Parser, Subcommand, ValueEnum};
use configuration::{Configuration, Contender, Dropout};
use job::Job;
use machine::{Machine, QUIET, Watch};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;
use table::{Sample, Samples};

/// Measures training speed: our worker, stock candle, torch nn.LSTM and a torch loop; prints a table.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Measure only this configuration; may be given several times.
    #[arg(long, value_name = "CONFIG")]
    only: Vec<Configuration>,
    /// Measure only this contender; may be given several times.
    #[arg(long, value_name = "WHO")]
    contender: Vec<Contender>,
    /// Measure only with this dropout; may be given several times.
    #[arg(long, value_name = "PRESET")]
    dropout: Vec<Dropout>,
    /// Measurements of each, of which the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    repeat: u16,
    #[command(flatten)]
    effort: Effort,
    /// Seconds to wait, before each measurement, until nobody else uses the machine.
    #[arg(long, default_value_t = 60)]
    patience: u64,
    /// A Python that has torch.
    #[arg(long, default_value = "python3", value_name = "PYTHON")]
    torch: OsString,
    /// Print every measurement as a line of JSON instead of the table.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What each measurement is made with.
#[derive(Debug, clap::Args)]
struct Effort {
    /// Threads of everybody.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
    /// Seconds that a measurement counts, after warming up.
    #[arg(long, default_value_t = 8.0)]
    seconds: f64,
    /// Where ours and torch train: cpu or cuda:N; stock candle and the products alone are measured on a CPU only.
    #[arg(long, default_value = "cpu")]
    device: DeviceChoice,
    /// Precision of a card's products: f32, tf32 or bf16, beside which torch trains in half precision.
    #[arg(long, default_value = "f32")]
    products: Products,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What this program starts itself with for each measurement.
    #[command(hide = true)]
    Measure {
        /// The job as JSON.
        job: String,
    },
}

fn main() -> Result<()> {
    let args = Args::parse();
    let Some(Command::Measure { job }) = &args.command else {
        return compare(&args);
    };
    let job: Job = serde_json::from_str(job).context("the job cannot be read")?;
    say(&serde_json::to_string(&job.measure()?)?)
}

/// Measures everything and prints it.
fn compare(args: &Args) -> Result<()> {
    let torch = machine::torch(&args.torch);
    let machine = Machine::here(&args.effort, &torch);
    if let Err(error) = &torch {
        note(&format!("torch is left out: {error}"));
    }
    if args.json {
        say(&serde_json::to_string(&machine)?)?;
    }
    let configurations = chosen(&args.only, Configuration::value_variants());
    let mut contenders = chosen(&args.contender, &Contender::ALL);
    contenders.retain(|who| who.competes_on(args.effort.device));
    let folder = tempfile::tempdir()?;
    let mut samples = Samples::default();
    for configuration in configurations {
        text::add(folder.path(), configuration)?;
        for round in 1..=args.repeat {
            for &contender in &contenders {
                if contender.is_torch() && torch.is_err() {
                    continue;
                }
                take_turn(
                    args,
                    configuration,
                    contender,
                    round,
                    folder.path(),
                    &mut samples,
                )?;
            }
        }
    }
    if args.json {
        return Ok(());
    }
    let missing = torch.err().map(|error| error.to_string());
    say(samples.markdown(&machine, missing.as_deref()).trim_end())
}

/// Measures one contender once with each dropout.
fn take_turn(
    args: &Args,
    configuration: Configuration,
    contender: Contender,
    round: u16,
    folder: &Path,
    samples: &mut Samples,
) -> Result<()> {
    let wanted = |how: &&Dropout| args.dropout.is_empty() || args.dropout.contains(how);
    for &dropout in contender.dropouts().iter().filter(wanted) {
        if !machine::wait_until_quiet(Duration::from_secs(args.patience)) {
            note("others are using this machine; measuring all the same");
        }
        let job = Job::new(configuration, contender, dropout, folder, &args.effort);
        let watch = Watch::begin();
        let measurement = match job.spawn(&args.torch) {
            Ok(measurement) => measurement,
            // An hour of the others' measurements must not be lost with this one.
            Err(error) => {
                let (size, dropout) = (configuration.name(), dropout.name());
                let failure = format!("{size}, {dropout}, round {round}: {error:#}");
                note(&failure);
                samples.failures.push(failure);
                continue;
            }
        };
        let sample = Sample {
            configuration,
            contender,
            dropout,
            measurement,
            others: watch.others(),
        };
        report(args, round, &sample)?;
        samples.all.push(sample);
    }
    Ok(())
}

/// One line for people, and one for programs if they want it.
fn report(args: &Args, round: u16, sample: &Sample) -> Result<()> {
    let (configuration, who) = (sample.configuration.name(), sample.contender.title());
    let (dropout, others) = (sample.dropout.name(), sample.others);
    let rate = match sample.contender {
        Contender::Peak => format!("{:.0} GFLOP/s", sample.measurement.rate / 1e9),
        _ => format!("{:.0} tokens/s", sample.measurement.rate),
    };
    let disturbed = if others < QUIET { "" } else { ", disturbed" };
    note(&format!(
        "{configuration}, round {round} of {}: {who}, {dropout}: {rate} (others used {others:.2} cores{disturbed})",
        args.repeat
    ));
    if !args.json {
        return Ok(());
    }
    let mut line = serde_json::json!({
        "configuration": configuration,
        "contender": sample.contender,
        "dropout": sample.dropout,
        "round": round,
        "others": others,
    });
    if let (Some(line), serde_json::Value::Object(measured)) = (
        line.as_object_mut(),
        serde_json::to_value(sample.measurement)?,
    ) {
        line.extend(measured);
    }
    say(&line.to_string())
}

/// Those that were asked for, or all.
fn chosen<T: Copy>(asked: &[T], all: &[T]) -> Vec<T> {
    if asked.is_empty() { all } else { asked }.to_vec()
}

fn say(line: &str) -> Result<()> {
    writeln!(io::stdout().lock(), "{line}").context("nobody reads the table")
}

/// Progress goes to stderr, so that the table can go into a file.
fn note(line: &str) {
    // If nobody reads it, it is of no use to anybody.
    let _ = writeln!(io::stderr().lock(), "{line}");
}
