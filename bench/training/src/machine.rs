//! The machine: what it is, what it was built with, and who else was busy on it.

use crate::Effort;
use anyhow::Result;
use breakmywork_training::device::DeviceChoice;
use breakmywork_training::train;
use serde::Serialize;
use std::ffi::OsStr;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, thread};

/// Ticks of `/proc/stat` a second, the same on every Linux that this runs on.
const TICKS: f64 = 100.0;
/// Cores that others may use while a measurement counts as undisturbed.
pub(crate) const QUIET: f64 = 0.1;

/// What stands above the table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) threads: u16,
    /// What trains, and the precision of its products, if that is not the processor.
    pub(crate) card: Option<String>,
    pub(crate) candle: String,
    pub(crate) gemm: String,
    pub(crate) torch: String,
    pub(crate) rustc: String,
    pub(crate) commit: String,
}

impl Machine {
    /// This machine.
    pub(crate) fn here(effort: &Effort, torch: &Result<String>) -> Self {
        let (device, products) = (effort.device, effort.products);
        let card = || format!("{} ({device}), products in {products}", device.name());
        Self {
            cpu: DeviceChoice::Cpu.name(),
            cores: cores(),
            threads: effort.threads,
            card: (device != DeviceChoice::Cpu).then(card),
            candle: locked("candle-core"),
            gemm: locked("gemm"),
            torch: match torch {
                Ok(version) => version.clone(),
                Err(_) => "absent".into(),
            },
            rustc: env!("BENCH_RUSTC").into(),
            commit: train::CODE_VERSION.into(),
        }
    }
}

/// The version of torch that this Python has.
///
/// # Errors
/// In words, with what to do.
pub(crate) fn torch(python: &OsStr) -> Result<String> {
    let name = python.display();
    let mut command = Command::new(python);
    command.args(["-c", "import torch; print(torch.__version__)"]);
    let output = command.output().map_err(|error| {
        anyhow::anyhow!(
            "{name} cannot be started ({error}); give a Python with torch: --torch PYTHON"
        )
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().last().unwrap_or("it says nothing").to_owned();
        anyhow::bail!(
            "{name} cannot import torch ({last}); run `{name} -m pip install torch`, or give a Python that has it: --torch PYTHON"
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The version of a crate that this was built with.
fn locked(name: &str) -> String {
    let lock = include_str!("../../../Cargo.lock");
    let entry = format!("name = \"{name}\"\nversion = \"");
    let version = lock
        .split_once(&entry)
        .and_then(|(_, rest)| rest.split('"').next());
    version.unwrap_or("unknown").to_owned()
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Seconds that this process's children have computed, those that have ended.
fn children_seconds() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name before may hold anything but a closing bracket; user and system time stand 14 and 15 fields after it.
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(13).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / TICKS
}

/// Who uses the machine, from now on.
pub(crate) struct Watch {
    busy: f64,
    children: f64,
    began: Instant,
}

impl Watch {
    /// Watches from now on.
    pub(crate) fn begin() -> Self {
        Self {
            busy: busy_seconds(),
            children: children_seconds(),
            began: Instant::now(),
        }
    }

    /// Cores that others than this process's children used on average; the children must have ended.
    pub(crate) fn others(&self) -> f64 {
        let own = children_seconds() - self.children;
        let busy = busy_seconds() - self.busy - own;
        (busy / self.began.elapsed().as_secs_f64()).max(0.0)
    }
}

/// Seconds that all cores have computed or were kept from it, since the machine began.
fn busy_seconds() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = first
        .split_whitespace()
        .skip(1)
        .filter_map(|ticks| ticks.parse().ok())
        .collect();
    // user, nice, system, idle, iowait, irq, softirq, steal.
    let busy = [0, 1, 2, 5, 6, 7].map(|field| ticks.get(field).copied().unwrap_or(0.0));
    busy.iter().sum::<f64>() / TICKS
}

/// Waits until others leave the machine alone, at most that long; says whether they did.
pub(crate) fn wait_until_quiet(patience: Duration) -> bool {
    let began = Instant::now();
    loop {
        let watch = Watch::begin();
        thread::sleep(Duration::from_millis(500));
        if watch.others() < QUIET {
            return true;
        }
        if began.elapsed() >= patience {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        assert!(locked("candle-core").starts_with("0."));
        assert_eq!(locked("no-such-crate"), "unknown");
    }

    #[test]
    fn work_of_children_is_seen() {
        let watch = Watch::begin();
        let mut command = Command::new("sh");
        command.args(["-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"]);
        assert!(command.status().expect("a shell").success());
        assert!(children_seconds() > watch.children);
        assert!(busy_seconds() > watch.busy);
    }
}
