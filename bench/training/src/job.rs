//! One measurement, in a process of its own so that its peak memory is its own.

use crate::clock::{Clock, Timing};
use crate::configuration::{CLIP, Configuration, Contender, Dropout, LEARNING_RATE, Size};
use crate::{Effort, ours, peak, stock};
use anyhow::{Context, Error, Result, bail};
use breakmywork_training::device::DeviceChoice;
use breakmywork_training::memory;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a process is to measure.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) contender: Contender,
    pub(crate) size: Size,
    pub(crate) dropout: Dropout,
    pub(crate) timing: Timing,
    pub(crate) threads: usize,
    /// `cpu` or `cuda:N`.
    pub(crate) device: String,
    /// Precision of a card's products.
    pub(crate) products: String,
    pub(crate) learning_rate: f64,
    pub(crate) clip: f64,
    /// The data set that the worker reads.
    pub(crate) data: String,
    /// Where it lies.
    pub(crate) folder: PathBuf,
}

/// What a process has measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measurement {
    /// Tokens a second; of the peak, floating-point operations a second.
    pub(crate) rate: f64,
    /// Optimizer steps counted.
    pub(crate) steps: u64,
    /// Seconds they took.
    pub(crate) seconds: f64,
    /// Largest resident memory, in bytes.
    pub(crate) peak_memory: u64,
}

impl Job {
    /// The usual job.
    pub(crate) fn new(
        configuration: Configuration,
        contender: Contender,
        dropout: Dropout,
        folder: &Path,
        effort: &Effort,
    ) -> Self {
        Self {
            contender,
            size: configuration.size(),
            dropout,
            timing: Timing::of(effort.seconds),
            threads: effort.threads.into(),
            device: effort.device.to_string(),
            products: effort.products.to_string(),
            learning_rate: LEARNING_RATE,
            clip: CLIP,
            data: configuration.name().to_owned(),
            folder: folder.to_owned(),
        }
    }

    /// Measures in this process.
    pub(crate) fn measure(&self) -> Result<Measurement> {
        let mut clock = Clock::new(self.timing);
        let (rate, steps, seconds) = match self.contender {
            Contender::Peak => {
                let seconds = self.timing.seconds;
                (peak::measure(self.size, self.threads, seconds), 0, seconds)
            }
            Contender::Ours | Contender::CandleNn => {
                match self.contender {
                    Contender::Ours => self.train(&mut clock)?,
                    _ => stock::train(self.size, &mut clock)?,
                }
                let (steps, seconds) = clock.counted().context("it ended while warming up")?;
                let tokens = steps as f64 * self.size.tokens() as f64;
                (tokens / seconds, steps, seconds)
            }
            Contender::TorchLstm | Contender::TorchLoop => bail!("torch measures in Python"),
        };
        Ok(Measurement {
            rate,
            steps,
            seconds,
            peak_memory: memory::peak(),
        })
    }

    /// Trains as the worker does.
    fn train(&self, clock: &mut Clock) -> Result<()> {
        let device: DeviceChoice = self.device.parse().map_err(Error::msg)?;
        let products = self.products.parse().map_err(Error::msg)?;
        device.multiplies(products).map_err(Error::msg)?;
        let plan = ours::plan(&self.data, self.size, self.dropout)?;
        ours::train(&plan, device, &self.folder, clock)
    }

    /// Measures in a process of its own.
    pub(crate) fn spawn(&self, python: &OsStr) -> Result<Measurement> {
        let mut command = if self.contender.is_torch() {
            let mut command = Command::new(python);
            command.args(["-c", include_str!("../contenders.py")]);
            command
        } else {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("measure");
            command
        };
        let threads = self.threads.to_string();
        // What candle and torch read their number of threads from.
        for variable in ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"] {
            command.env(variable, &threads);
        }
        // The worker asks for large pages; its share of the peak is of what products reach with them.
        if matches!(self.contender, Contender::Ours | Contender::Peak) {
            command.envs(memory::large_pages());
        }
        command.arg(serde_json::to_string(self)?);
        let output = command.stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            bail!("{} ended with {}", self.contender.title(), output.status);
        }
        serde_json::from_slice(&output.stdout).context("no measurement came back")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakmywork_training::device::DeviceChoice;
    use breakmywork_training::precision::Products;

    /// Both ways through candle work and count; no speed is promised.
    #[test]
    fn candle_and_the_worker_train() {
        let folder = tempfile::tempdir().expect("a folder");
        crate::text::add(folder.path(), Configuration::H64).expect("adds");
        let effort = Effort {
            threads: 1,
            seconds: 0.0,
            device: DeviceChoice::Cpu,
            products: Products::F32,
        };
        let timing = Timing {
            warm_seconds: 0.0,
            warm_steps: 1,
            seconds: 0.0,
            least_steps: 1,
        };
        for (contender, dropout) in [
            (Contender::Ours, Dropout::GalUntied),
            (Contender::CandleNn, Dropout::None),
        ] {
            let size = Size {
                hidden: 8,
                batch: 4,
                steps: 5,
                ..Configuration::H64.size()
            };
            let job = Job::new(
                Configuration::H64,
                contender,
                dropout,
                folder.path(),
                &effort,
            );
            let measured = Job {
                size,
                timing,
                ..job
            }
            .measure()
            .expect("measures");
            assert!(measured.steps >= 1 && measured.rate > 0.0, "{measured:?}");
        }
    }
}
