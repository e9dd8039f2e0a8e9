//! What a person sees while `train` runs: a bar on a terminal, else a line now and then. Always on stderr.

use super::{Ended, Run, report};
use breakmywork_training::events::Event;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// Progress of one run.
pub(crate) struct Progress {
    name: String,
    bar: Option<ProgressBar>,
    said: Instant,
    last: String,
}

impl Progress {
    pub(crate) fn new(run: &Run, number: usize, of: usize) -> Self {
        let plan = &run.plan;
        let trial = run
            .trial
            .map_or_else(String::new, |trial| format!(", trial {trial}"));
        let name = format!("[{number}/{of}] {}{trial}, seed {}", plan.arm, plan.seed);
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(
                plan.setup.training.run_steps().map(u64::from),
                ProgressDrawTarget::stderr(),
            );
            let style = ProgressStyle::with_template(
                "{prefix} {bar:30} {pos}/{len} steps, {eta} left {msg}",
            );
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(name.clone());
            bar
        });
        Self {
            name,
            bar,
            said: Instant::now(),
            last: String::new(),
        }
    }

    pub(crate) fn heard(&mut self, event: &Event) {
        match event {
            Event::Metric { name, value, .. } => {
                self.last = format!("{name} {}", report::shown(*value));
                if let Some(bar) = &self.bar {
                    bar.set_message(self.last.clone());
                }
            }
            Event::Progress { step, steps } => match &self.bar {
                Some(bar) => {
                    bar.set_length(u64::from(*steps));
                    bar.set_position(u64::from(*step));
                }
                None if self.said.elapsed() >= LINE_EVERY => {
                    self.said = Instant::now();
                    say(&format!(
                        "{}: step {step} of {steps} {}",
                        self.name, self.last
                    ));
                }
                None => {}
            },
            Event::Started
            | Event::Resumed { .. }
            | Event::Unusable { .. }
            | Event::NoCheckpoint { .. }
            | Event::Checkpoint(_)
            | Event::Result(_)
            | Event::Failure(_) => {}
        }
    }

    pub(crate) fn stopped(&self, step: u32) {
        self.clear();
        say(&format!("{}: stopped after step {step}", self.name));
    }

    pub(crate) fn ended(&self, run: &Ended) {
        self.clear();
        match &run.end {
            Ok(result) => {
                let metrics: Vec<String> = result
                    .metrics
                    .iter()
                    .map(|(name, value)| format!("{name} {}", report::shown(*value)))
                    .collect();
                let provenance = &result.provenance;
                say(&format!(
                    "{}: {} in {:.1} s, {:.0} time steps/s",
                    self.name,
                    metrics.join(", "),
                    provenance.wall_seconds,
                    provenance.time_steps_per_second
                ));
                for violation in &result.treatment.violations {
                    say(&format!(
                        "{}: treatment not applied: {violation}",
                        self.name
                    ));
                }
            }
            Err(failure) => say(&format!("{}: {failure}", self.name)),
        }
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn say(line: &str) {
    // Progress that nobody reads is no reason to stop.
    let _ = writeln!(io::stderr().lock(), "{line}");
}
