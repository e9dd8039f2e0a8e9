//! The device that a run trains on.

use crate::precision::Products;
use candle_core::Device;
use std::fs;
use std::str::FromStr;

/// `cpu` or `cuda:N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The processor.
    Cpu,
    /// The CUDA device with that number.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = match text {
            "cpu" => return Ok(Self::Cpu),
            "cuda" => "0",
            other => other.strip_prefix("cuda:").unwrap_or_default(),
        };
        let number = number
            .parse()
            .map_err(|_| format!("{text:?} is no device; write cpu or cuda:0"))?;
        Ok(Self::Cuda(number))
    }
}

impl std::fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

impl DeviceChoice {
    /// Opens the device.
    ///
    /// # Errors
    /// If there is no such device, or this program was built without CUDA.
    pub fn open(self) -> Result<Device, String> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda(number) => Device::new_cuda(number).map_err(|error| {
                format!("{self} cannot be used: {error}. Was this worker built with `--features cuda`, and does nvidia-smi list the device?")
            }),
        }
    }

    /// From here on, products on it are of that precision.
    ///
    /// # Errors
    /// If it has no such products.
    pub fn multiplies(self, products: Products) -> Result<(), String> {
        if self == Self::Cpu && products != Products::F32 {
            return Err(format!(
                "a CPU multiplies in single precision; --products {products} needs --device cuda:N"
            ));
        }
        products.choose();
        Ok(())
    }

    /// The device's own name, for people.
    pub fn name(self) -> String {
        let field = |path: &str, name: &str| {
            let text = fs::read_to_string(path).ok()?;
            let line = text.lines().find(|line| line.starts_with(name))?;
            line.split_once(':')
                .map(|(_, value)| value.trim().to_owned())
        };
        let name = match self {
            Self::Cpu => field("/proc/cpuinfo", "model name"),
            Self::Cuda(number) => {
                let mut cards: Vec<_> = fs::read_dir("/proc/driver/nvidia/gpus")
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(|e| e.path())
                    .collect();
                cards.sort();
                cards
                    .get(number)
                    .and_then(|card| field(&card.join("information").to_string_lossy(), "Model"))
            }
        };
        name.unwrap_or_else(|| "unknown".into())
    }
}

/// Threads that products use: what `RAYON_NUM_THREADS` says, which candle reads too, else one for each core.
pub fn threads() -> u32 {
    let set = std::env::var("RAYON_NUM_THREADS")
        .ok()
        .and_then(|text| text.parse().ok());
    set.filter(|&n| n > 0)
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get() as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read_and_written() {
        assert_eq!("cpu".parse(), Ok(DeviceChoice::Cpu));
        assert_eq!("cuda:3".parse(), Ok(DeviceChoice::Cuda(3)));
        assert_eq!("cuda".parse(), Ok(DeviceChoice::Cuda(0)));
        assert_eq!(DeviceChoice::Cuda(3).to_string(), "cuda:3");
        for wrong in ["", "gpu", "cuda:", "cuda:x", "cpu0"] {
            assert!(wrong.parse::<DeviceChoice>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_cpu_multiplies_in_single_precision_alone() {
        assert_eq!(DeviceChoice::Cpu.multiplies(Products::F32), Ok(()));
        for products in [Products::Tf32, Products::Bf16] {
            let refused = DeviceChoice::Cpu.multiplies(products);
            assert!(refused.is_err_and(|message| message.contains("--device cuda:N")));
        }
    }
}
