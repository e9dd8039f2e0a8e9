//! What a trainer says: one JSON object a line on stdout, nothing else.

use breakmywork_protocol::result::RunResult;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::Write;
use std::path::PathBuf;

/// One line of a trainer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The trainer runs and has read its plan: what goes wrong before this is its machine's fault.
    Started,
    /// Training goes on from a checkpoint.
    Resumed {
        /// Optimizer steps done.
        step: u32,
    },
    /// Nobody can go on from this checkpoint; an older one is used, or training begins anew.
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A checkpoint could not be written; training goes on without it.
    NoCheckpoint {
        /// Optimizer steps done.
        step: u32,
        /// What the system says.
        reason: String,
    },
    /// A point of a learning curve.
    Metric {
        /// Optimizer steps done.
        step: u32,
        /// Metric, as in the table of metrics.
        name: String,
        /// Its value.
        value: f64,
    },
    /// Still training, or measuring.
    Progress {
        /// Optimizer steps done.
        step: u32,
        /// Optimizer steps in all.
        steps: u32,
    },
    /// A checkpoint lies on disk.
    Checkpoint(Checkpoint),
    /// The run is complete.
    Result(Box<RunResult>),
    /// The run failed.
    Failure(Failure),
}

/// A checkpoint that lies on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Optimizer steps done.
    pub step: u32,
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// Optimizer steps done before.
    pub step: u32,
    /// The reason, for people; never empty.
    pub message: String,
}

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Loss, gradient or a metric left the finite numbers. A result: the worst of its arm.
    Diverged,
    /// This plan cannot be run here.
    Specification,
    /// The device is too small, or the plan needs more than any run may.
    OutOfMemory,
    /// This machine has too little memory for the plan, and another may have enough.
    Unfit,
    /// This machine is at fault: its device, its data, its memory at the moment.
    Machine,
    /// The checkpoint to go on from cannot be used.
    Checkpoint,
    /// Anything else.
    Error,
}

/// What devices say in words when they are gone, or cannot be had.
const GONE: [&str; 8] = [
    "no_device",
    "invalid_device",
    "device_unavailable",
    "devices_unavailable",
    "system_not_ready",
    "uncorrectable",
    "cuda_error_contained",
    "cuda_error_unknown",
];

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// A failure after that many optimizer steps.
    pub fn new(kind: FailureKind, step: u32, message: impl Into<String>) -> Self {
        Self {
            kind,
            step,
            message: message.into(),
        }
    }

    /// What went wrong in the arithmetic; devices say in words that they ran out of memory, or that they are gone.
    pub fn of_candle(error: &candle_core::Error, step: u32) -> Self {
        // Where in the code it happened is for developers, not for the person whose run it is.
        let mut error = error;
        while let candle_core::Error::WithBacktrace { inner, .. } = error {
            error = inner;
        }
        let message = error.to_string();
        let lower = message.to_lowercase();
        let exhausted = lower.contains("out of memory") || lower.contains("out_of_memory");
        let kind = if exhausted {
            FailureKind::OutOfMemory
        } else if GONE.iter().any(|word| lower.contains(word)) {
            FailureKind::Machine
        } else {
            FailureKind::Error
        };
        Self::new(kind, step, message)
    }
}

/// Writes the event as one line.
///
/// # Errors
/// If the reader is gone.
pub fn write(to: impl Write, event: &Event) -> std::io::Result<()> {
    write_json_line(to, event)
}

/// Writes one JSON object as one line and flushes it: whoever reads may act on it at once.
///
/// # Errors
/// If the reader is gone.
pub fn write_json_line(mut to: impl Write, object: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(object)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_documented_form() {
        let lines = |event: &Event| {
            let mut line = Vec::new();
            write(&mut line, event).expect("writes");
            String::from_utf8(line).expect("UTF-8")
        };
        assert_eq!(
            lines(&Event::Metric {
                step: 20,
                name: "valid_mse".into(),
                value: 0.125
            }),
            "{\"event\":\"metric\",\"step\":20,\"name\":\"valid_mse\",\"value\":0.125}\n"
        );
        let checkpoint = Checkpoint {
            step: 5,
            path: "a/5.safetensors".into(),
            bytes: 9,
            sha256: "ff".into(),
        };
        assert_eq!(
            lines(&Event::Checkpoint(checkpoint)),
            "{\"event\":\"checkpoint\",\"step\":5,\"path\":\"a/5.safetensors\",\"bytes\":9,\"sha256\":\"ff\"}\n"
        );
        assert_eq!(
            lines(&Event::Failure(Failure::new(
                FailureKind::OutOfMemory,
                3,
                "too big"
            ))),
            "{\"event\":\"failure\",\"kind\":\"out_of_memory\",\"step\":3,\"message\":\"too big\"}\n"
        );
    }

    #[test]
    fn a_device_that_is_gone_is_the_machines_fault_and_one_that_is_full_is_not() {
        let kind = |words: &str| {
            let error = candle_core::Error::Msg(format!("DriverError({words})"));
            Failure::of_candle(&error, 3).kind
        };
        assert_eq!(kind("CUDA_ERROR_OUT_OF_MEMORY"), FailureKind::OutOfMemory);
        for gone in ["CUDA_ERROR_NO_DEVICE", "CUDA_ERROR_ECC_UNCORRECTABLE"] {
            assert_eq!(kind(gone), FailureKind::Machine);
        }
        assert_eq!(kind("CUDA_ERROR_INVALID_VALUE"), FailureKind::Error);
    }

    #[test]
    fn numbers_survive_the_way_through_text_to_the_last_bit() {
        for value in [0.1 + 0.2, 1.0 / 3.0, f64::MIN_POSITIVE, 1e300, -0.0] {
            let event = Event::Metric {
                step: 1,
                name: "train_loss".into(),
                value,
            };
            let mut line = Vec::new();
            write(&mut line, &event).expect("writes");
            let back: Event = serde_json::from_slice(&line).expect("reads");
            let Event::Metric { value: back, .. } = back else {
                panic!("another event")
            };
            assert_eq!(back.to_bits(), value.to_bits());
        }
    }
}
