//! Checkpoints: everything that an exact continuation needs, in one safetensors file.
//!
//! Tensors are the parameters, the optimizer's moments and the best weights so far, and of networks that are done, the last
//! and the best weights; the metadata's one entry is [`State`] as JSON. Random numbers are functions of the step, so there
//! is no generator to save. A file appears under its name only when it is whole and on disk.

use crate::dropout::Proof;
use crate::events;
use crate::optim::AverageProgress;
use breakmywork_protocol::checkpoint_files;
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Name of the metadata's entry.
const STATE: &str = "state";
/// Ending of a checkpoint's name.
const ENDING: &str = "safetensors";
/// Ending of a file that is not whole yet.
const PARTIAL: &str = "partial";

/// What a checkpoint holds besides tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// SHA-256 of the plan's canonical JSON: a checkpoint of another plan is refused.
    pub plan_sha256: String,
    /// Version of the code that wrote it.
    pub worker_version: String,
    /// Optimizer steps done, over all networks.
    pub step: u32,
    /// Seconds of training so far, over all attempts.
    pub wall_seconds: f64,
    /// Sum of the training losses since the last measurement.
    pub loss_sum: f64,
    /// How many losses that sum has.
    pub losses: u32,
    /// What the masks looked like so far.
    pub proof: Proof,
    /// The measurement with the lowest validation loss so far, of the network that is trained.
    #[serde(default)]
    pub best: Option<Best>,
    /// That of each network that is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<Option<Best>>,
    /// The last measurement in validation, by metric.
    #[serde(default)]
    pub validation: Vec<(String, f64)>,
    /// That of [`Self::best`].
    #[serde(default)]
    pub best_validation: Vec<(String, f64)>,
    /// How far the optimizer's averaging is.
    #[serde(default)]
    pub average: AverageProgress,
    /// Time steps trained so far, over all sequences.
    #[serde(default)]
    pub time_steps: u64,
    /// Whether the measurement that is due after that step is still to be made.
    #[serde(default)]
    pub unmeasured: bool,
}

/// The measurement with the lowest validation loss; its weights lie beside it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Optimizer steps of its network done.
    pub step: u32,
    /// The validation loss.
    pub loss: f64,
}

/// Why a checkpoint could not be written or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk.
    #[error("{path}: {source}", path = path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is of another plan.
    #[error("the checkpoint belongs to another plan ({0}), not to this one")]
    OtherPlan(String),
    /// It is not a whole checkpoint of this network.
    #[error("the checkpoint is damaged: {0}")]
    Damaged(String),
    /// The device.
    #[error(transparent)]
    Device(#[from] candle_core::Error),
}

impl Error {
    /// What is wrong, without the path: for people who do not look after the machine.
    pub fn public(&self) -> String {
        match self {
            Self::Disk { source, .. } => source.to_string(),
            other => other.to_string(),
        }
    }
}

/// Writes `state` and the tensors below `directory` and says what was written.
///
/// # Errors
/// If the disk is full or the folder cannot be made.
pub fn save(
    directory: &Path,
    state: &State,
    tensors: Vec<(String, Tensor)>,
) -> Result<events::Checkpoint, Error> {
    let metadata =
        serde_json::to_string(state).map_err(|error| Error::Damaged(error.to_string()))?;
    let metadata = HashMap::from([(STATE.to_owned(), metadata)]);
    let bytes = safetensors::serialize(tensors, Some(metadata))
        .map_err(|error| Error::Damaged(error.to_string()))?;
    let path = directory.join(checkpoint_files::name(state.step));
    write_whole(&path, &bytes).map_err(|source| Error::Disk {
        path: path.clone(),
        source,
    })?;
    Ok(events::Checkpoint {
        step: state.step,
        path,
        bytes: bytes.len() as u64,
        sha256: hex::encode(Sha256::digest(&bytes)),
    })
}

/// Reads a checkpoint of that plan: its state, and its tensors by name.
///
/// # Errors
/// If it is of another plan or not whole.
pub fn load(
    path: &Path,
    plan_sha256: &str,
    device: &Device,
) -> Result<(State, HashMap<String, Tensor>), Error> {
    let (state, bytes) = read(path, plan_sha256)?;
    let stored = candle_core::safetensors::load_buffer(&bytes, device)?;
    Ok((state, stored))
}

/// The step of a checkpoint, if it is a whole one of that plan.
///
/// # Errors
/// If it is not.
pub fn step(path: &Path, plan_sha256: &str) -> Result<u32, Error> {
    Ok(read(path, plan_sha256)?.0.step)
}

fn read(path: &Path, plan_sha256: &str) -> Result<(State, Vec<u8>), Error> {
    let damaged = |error: &dyn std::fmt::Display| Error::Damaged(error.to_string());
    let bytes = fs::read(path).map_err(|source| Error::Disk {
        path: path.into(),
        source,
    })?;
    // Reads the header and checks it against the file's length.
    safetensors::SafeTensors::deserialize(&bytes).map_err(|error| damaged(&error))?;
    let (_, header) =
        safetensors::SafeTensors::read_metadata(&bytes).map_err(|error| damaged(&error))?;
    let state = header
        .metadata()
        .as_ref()
        .and_then(|metadata| metadata.get(STATE));
    let state = state.ok_or_else(|| damaged(&"it has no state"))?;
    let state: State = serde_json::from_str(state).map_err(|error| damaged(&error))?;
    if state.plan_sha256 != plan_sha256 {
        return Err(Error::OtherPlan(state.plan_sha256));
    }
    Ok((state, bytes))
}

/// Writes to a temporary name, to disk, then renames: the name never stands for half a file, and half a file does not
/// stay where the disk is full.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let temporary = path.with_extension(PARTIAL);
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    if let Err(error) = written {
        // It may not even be there; what is wrong with the disk is told by the first error.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    // The new name is on disk when its folder is.
    File::open(directory)?.sync_all()
}

/// The checkpoints in a folder, the newest first; none if there is no such folder.
pub fn list(directory: &Path) -> Vec<PathBuf> {
    ending(directory, ENDING)
}

fn ending(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut found: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|e| e == ending))
        .collect();
    // Names hold the step with leading zeros.
    found.sort();
    found.reverse();
    found
}

/// Deletes all but the newest two: one to go on from, and one more should the last be damaged. Of what a killed process
/// left half written nothing stays.
///
/// # Errors
/// If a file cannot be deleted.
pub fn prune(directory: &Path) -> io::Result<()> {
    let old = ending(directory, ENDING).into_iter().skip(2);
    old.chain(ending(directory, PARTIAL))
        .try_for_each(fs::remove_file)
}
