//! A mask as it was used, read back from the device: which entries of which row of which gate.

use crate::dropout::{Applied, Place};
use breakmywork_protocol::spec::{Noise, Site};
use candle_core::Result;

/// A mask by gate, row and entry.
#[derive(Debug, PartialEq)]
pub(super) struct Pattern {
    /// Whether an entry was kept (0 or 1), or the bits of its noise.
    gates: Vec<Vec<Vec<u32>>>,
    by_gate: bool,
    noise: Noise,
    /// Whether an entry is none that the scaling allows, or not finite.
    odd: bool,
}

impl Pattern {
    pub(super) fn read(applied: &Applied, site: &Site) -> Result<Self> {
        let (name, size) = (applied.site, applied.size());
        let entries = applied.entries()?;
        let keep = 1.0 - site.rate;
        let full = match name.is_zoneout() || site.published() {
            true => 1.0,
            false => 1.0 / keep,
        };
        let allowed = |value: f32| match site.noise {
            Noise::Moments => value.is_finite(),
            Noise::Mask => value == 0.0 || (f64::from(value) / full - 1.0).abs() < 1e-6,
        };
        let odd = !entries.iter().all(|&entry| allowed(entry));
        let code = |value: f32| match site.noise {
            Noise::Moments => value.to_bits(),
            // A zoneout mask is 1 where the previous value is kept, and the new one dropped.
            Noise::Mask => u32::from((value != 0.0) != name.is_zoneout()),
        };
        let row = |row: &[f32]| row.iter().map(|&entry| code(entry)).collect();
        let gate = |rows: &[f32]| rows.chunks_exact(size.width).map(row).collect();
        let gates = entries.chunks_exact(size.rows * size.width);
        Ok(Self {
            gates: gates.map(gate).collect(),
            by_gate: size.by_gate,
            noise: site.noise,
            odd,
        })
    }

    /// What is wrong with it by itself.
    pub(super) fn faults(&self, place: &Place, site: &Site) -> Vec<String> {
        let mut faults = Vec::new();
        if self.odd {
            faults.push(
                match site.noise {
                    Noise::Moments => "the noise has entries that are not finite",
                    Noise::Mask => "a mask has entries that its rate and scaling do not allow",
                }
                .to_owned(),
            );
        }
        if self.by_gate != place.by_gate || self.gates.len() != place.gates {
            faults.push(format!(
                "a mask is for {} gates instead of {}",
                self.gates.len(),
                place.gates
            ));
        }
        let rows = |gate: &Vec<Vec<u32>>| {
            gate.len() == place.rows && gate.iter().all(|row| row.len() == place.width)
        };
        if !self.gates.iter().all(rows) {
            faults.push(format!(
                "a mask does not have {} rows of {} entries",
                place.rows, place.width
            ));
        }
        faults
    }

    pub(super) fn gates(&self) -> &[Vec<Vec<u32>>] {
        &self.gates
    }

    fn all(&self) -> impl Iterator<Item = u32> {
        self.gates.iter().flatten().flatten().copied()
    }

    pub(super) fn entries(&self) -> u64 {
        self.all().count() as u64
    }

    /// Entries kept; noise keeps all.
    pub(super) fn kept(&self) -> u64 {
        match self.noise {
            Noise::Mask => self.all().map(u64::from).sum(),
            Noise::Moments => self.entries(),
        }
    }

    /// Sum of the noise and of its squares; of a mask nothing.
    pub(super) fn sums(&self) -> [f64; 2] {
        if self.noise == Noise::Mask {
            return [0.0; 2];
        }
        let noise = || self.all().map(|bits| f64::from(f32::from_bits(bits)));
        [noise().sum(), noise().map(|value| value * value).sum()]
    }

    /// All entries, for a digest: a byte for each of a mask, four for each of noise.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self.noise {
            Noise::Mask => self.all().map(|kept| kept as u8).collect(),
            Noise::Moments => self.all().flat_map(u32::to_le_bytes).collect(),
        }
    }
}
