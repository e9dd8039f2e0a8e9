//! Draws hostile specifications and prints how long they took: `cargo run --release -p bench-hostile`.
//!
//! Ends with 1 if one of them stopped what reads it, or took longer than is allowed; such a one is printed.

#![expect(clippy::print_stdout, reason = "its table is what it is for")]

use bench_hostile::{Sent, Source, judge};
use clap::Parser;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Draws hostile specifications at random, reads and judges each, and prints how long that took.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// How many
    #[arg(long, default_value_t = 100_000)]
    count: u32,
    /// Draws the same ones again
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Milliseconds that one may take
    #[arg(long, default_value_t = 50)]
    most_ms: u64,
    /// The good ones that they are made of
    #[arg(long, default_value = "examples/specs")]
    from: PathBuf,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let most = Duration::from_millis(args.most_ms);
    let mut source = Source::new(&args.from, args.seed);
    let (mut read, mut registrable, mut wrong) = (0, 0, 0);
    let mut times = Vec::new();
    let mut slowest: Option<(Duration, Sent)> = None;
    for _ in 0..args.count {
        let sent = source.draw();
        let Ok(judged) = catch_unwind(|| judge(&sent)) else {
            wrong += 1;
            println!("STOPPED by {:?}:\n{}\n", sent.format, sent.text);
            continue;
        };
        read += u32::from(judged.read);
        registrable += u32::from(judged.registrable);
        times.push(judged.took);
        if slowest.as_ref().is_none_or(|(took, _)| judged.took > *took) {
            slowest = Some((judged.took, sent));
        }
    }
    times.sort_unstable();
    let at = |share: f64| times.get(((times.len() as f64 - 1.0) * share) as usize);
    println!("| drawn | read | registrable | stopped | median | 99% | slowest |");
    println!("|---|---|---|---|---|---|---|");
    println!(
        "| {} | {read} | {registrable} | {wrong} | {:.2?} | {:.2?} | {:.2?} |",
        args.count,
        at(0.5).unwrap_or(&Duration::ZERO),
        at(0.99).unwrap_or(&Duration::ZERO),
        at(1.0).unwrap_or(&Duration::ZERO),
    );
    let slow = slowest.filter(|(took, _)| *took > most);
    if let Some((took, sent)) = &slow {
        println!("\nTook {took:.2?}, {:?}:\n{}", sent.format, sent.text);
    }
    ExitCode::from(u8::from(wrong > 0 || slow.is_some()))
}
