//! How precisely a device multiplies.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, Ordering};

/// Precision of the factors in a card's products; sums, weights and states are of single precision always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Products {
    /// Single precision, as on a CPU.
    #[default]
    F32,
    /// The ten bits of TensorFloat-32.
    Tf32,
    /// The seven bits of bfloat16.
    Bf16,
}

/// What this process uses: a trainer has one device, and candle keeps its own choice in the same way.
static CHOSEN: AtomicU8 = AtomicU8::new(0);

impl Products {
    const ALL: [Self; 3] = [Self::F32, Self::Tf32, Self::Bf16];

    /// From here on, products of this process are of this precision, the graph's too as far as candle has it.
    pub fn choose(self) {
        CHOSEN.store(self as u8, Ordering::Relaxed);
        candle_core::cuda::set_gemm_reduced_precision_f32(self != Self::F32);
    }

    /// What was chosen.
    pub fn chosen() -> Self {
        Self::ALL[usize::from(CHOSEN.load(Ordering::Relaxed))]
    }

    fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        }
    }
}

impl FromStr for Products {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL
            .into_iter()
            .find(|products| products.name() == text);
        named.ok_or_else(|| format!("{text:?} is no precision; write f32, tf32 or bf16"))
    }
}

impl fmt::Display for Products {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precisions_are_read_and_written() {
        for products in Products::ALL {
            assert_eq!(products.to_string().parse(), Ok(products));
        }
        assert!("f16".parse::<Products>().is_err());
    }
}
