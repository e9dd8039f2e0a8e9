//! Random numbers by position: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
//!
//! Every random number of a run is a pure function of (seed, purpose, position, index). Nothing depends on
//! the order in which parts of the program ask, so arms of one seed share initial weights and data, and a
//! resumed run needs no generator state.

use pulp::{Simd, WithSimd};

/// What random numbers are for; each purpose has streams of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Initial weights; the position is the parameter's number.
    Weights,
    /// Training sequences; the position is the sequence's number.
    Training,
    /// Validation sequences; the position is the sequence's number.
    Validation,
    /// Test sequences; the position is the sequence's number.
    Test,
    /// The order of the training data; the position is the epoch.
    Order,
    /// The order of a picture's pixels.
    Permutation,
    /// Which training sequences are learned from, where it is not all of them.
    Fraction,
    /// Seeds of the networks of a run that averages several; the position is the network's number.
    Network,
    /// Dropout masks of training; the position is the optimizer step.
    Mask {
        /// Number of the site.
        site: u8,
        /// Layer, from the bottom.
        layer: u16,
    },
    /// Dropout masks of Monte Carlo evaluation; the position names sample and minibatch.
    MonteCarlo {
        /// Number of the site.
        site: u8,
        /// Layer, from the bottom.
        layer: u16,
    },
}

impl Purpose {
    /// A number of its own for each purpose: kind, site and layer side by side.
    fn code(self) -> u32 {
        let place = |site: u8, layer: u16| u32::from(site) << 16 | u32::from(layer);
        match self {
            Self::Weights => 1 << 24,
            Self::Training => 2 << 24,
            Self::Validation => 3 << 24,
            Self::Test => 4 << 24,
            Self::Mask { site, layer } => 5 << 24 | place(site, layer),
            Self::MonteCarlo { site, layer } => 6 << 24 | place(site, layer),
            Self::Order => 7 << 24,
            Self::Permutation => 8 << 24,
            Self::Fraction => 9 << 24,
            Self::Network => 10 << 24,
        }
    }
}

/// The random numbers at one position, in order.
#[derive(Debug, Clone)]
pub struct Stream {
    key: [u32; 2],
    position: u64,
    block: u64,
    words: [u32; 4],
    used: usize,
}

impl Stream {
    /// The stream of that seed, purpose and position, from its start.
    pub fn new(seed: u32, purpose: Purpose, position: u64) -> Self {
        Self {
            key: [seed, purpose.code()],
            position,
            block: 0,
            words: [0; 4],
            used: 4,
        }
    }

    /// Key and position, for whoever computes [`Self::bits_at`] elsewhere.
    pub(crate) fn counter(&self) -> ([u32; 2], u64) {
        (self.key, self.position)
    }

    /// 32 random bits.
    pub fn bits(&mut self) -> u32 {
        if self.used == 4 {
            let halves = |v: u64| [v as u32, (v >> 32) as u32];
            let ([b0, b1], [p0, p1]) = (halves(self.block), halves(self.position));
            self.words = philox4x32(self.key, [[b0], [b1], [p0], [p1]]).map(|[word]| word);
            self.block += 1;
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// The 32 random bits with that number, from 0, wherever the stream is.
    pub fn bits_at(&self, index: u64) -> u32 {
        let halves = |v: u64| [v as u32, (v >> 32) as u32];
        let ([b0, b1], [p0, p1]) = (halves(index / 4), halves(self.position));
        philox4x32(self.key, [[b0], [b1], [p0], [p1]])[(index % 4) as usize][0]
    }

    /// Uniform in [0, 1), with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        let high = u64::from(self.bits()) << 32;
        let word = high | u64::from(self.bits());
        (word >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in 0..n without bias (Lemire 2019).
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn below(&mut self, n: u32) -> u32 {
        assert!(n > 0, "nothing is below 0");
        let reject = n.wrapping_neg() % n;
        loop {
            let product = u64::from(self.bits()) * u64::from(n);
            if product as u32 >= reject {
                return (product >> 32) as u32;
            }
        }
    }

    /// True with that probability, to within 2⁻³².
    pub fn bernoulli(&mut self, probability: f64) -> bool {
        happens(self.bits(), probability)
    }

    /// True with that probability, by the bits with that number, from 0.
    pub fn bernoulli_at(&self, index: u64, probability: f64) -> bool {
        happens(self.bits_at(index), probability)
    }

    /// For each entry whether it happens, from the start of a block on: `value` if so, else 0. The same as one
    /// [`Self::bernoulli`] for each, many blocks side by side.
    ///
    /// # Panics
    /// If the stream is within a block.
    pub fn fill_bernoulli(&mut self, entries: &mut [f32], probability: f64, value: f32) {
        assert_eq!(self.used, 4, "entries begin with a block");
        pulp::Arch::new().dispatch(Fill {
            stream: self,
            entries,
            limit: limit(probability),
            value,
        });
    }

    /// Puts the items in a random order (Fisher & Yates 1938).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u32 + 1) as usize);
        }
    }

    /// Standard normal (Box & Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

fn happens(bits: u32, probability: f64) -> bool {
    u64::from(bits) < limit(probability)
}

/// Bits below this happen with that probability: bits are whole numbers, so rounding up changes no comparison.
pub(crate) fn limit(probability: f64) -> u64 {
    (probability * (1u64 << 32) as f64).ceil() as u64
}

/// Blocks that are drawn side by side: their 64-bit products fill vectors.
const SIDE_BY_SIDE: usize = 16;

/// Entries of one pass.
struct Fill<'a> {
    stream: &'a mut Stream,
    entries: &'a mut [f32],
    /// An entry happens if its bits are below this.
    limit: u64,
    value: f32,
}

impl WithSimd for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Stream { key, position, .. } = *self.stream;
        let halves = |v: u64| [v as u32, (v >> 32) as u32];
        let [p0, p1] = halves(position);
        for entries in self.entries.chunks_mut(4 * SIDE_BY_SIDE) {
            let blocks: [[u32; 2]; SIDE_BY_SIDE] =
                std::array::from_fn(|i| halves(self.stream.block + i as u64));
            let counters = [
                blocks.map(|[low, _]| low),
                blocks.map(|[_, high]| high),
                [p0; SIDE_BY_SIDE],
                [p1; SIDE_BY_SIDE],
            ];
            let words = philox4x32(key, counters);
            for (i, entries) in entries.chunks_mut(4).enumerate() {
                for (entry, words) in entries.iter_mut().zip(&words) {
                    let happens = u64::from(words[i]) < self.limit;
                    *entry = if happens { self.value } else { 0.0 };
                }
            }
            self.stream.block += entries.len().div_ceil(4) as u64;
        }
    }
}

/// Ten rounds of Philox on 128-bit counters: word by word, side by side.
#[inline(always)]
fn philox4x32<const N: usize>(mut key: [u32; 2], mut counters: [[u32; N]; 4]) -> [[u32; N]; 4] {
    for round in 0..10 {
        if round > 0 {
            key = [
                key[0].wrapping_add(0x9E37_79B9),
                key[1].wrapping_add(0xBB67_AE85),
            ];
        }
        let [first, second, third, fourth] = &mut counters;
        let each = first.iter_mut().zip(second).zip(third).zip(fourth);
        for (((first, second), third), fourth) in each {
            let a = u64::from(*first) * 0xD251_1F53;
            let b = u64::from(*third) * 0xCD9E_8D57;
            *first = (b >> 32) as u32 ^ *second ^ key[0];
            *second = b as u32;
            *third = (a >> 32) as u32 ^ *fourth ^ key[1];
            *fourth = a as u32;
        }
    }
    counters
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of Random123's `kat_vectors` for philox4x32 with 10 rounds.
    #[test]
    fn philox_gives_the_published_answers() {
        let philox = |key, counter: [u32; 4]| philox4x32(key, counter.map(|word| [word; 3]));
        assert_eq!(
            philox([0; 2], [0; 4]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8].map(|word| [word; 3])
        );
        assert_eq!(
            philox([u32::MAX; 2], [u32::MAX; 4]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd].map(|word| [word; 3])
        );
        assert_eq!(
            philox(
                [0xa409_3822, 0x299f_31d0],
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1].map(|word| [word; 3])
        );
    }

    /// Also across the border of blocks that are drawn side by side, and on from where a part ended.
    #[test]
    fn entries_of_many_blocks_are_those_of_one_after_the_other() {
        for (count, probability) in [(1, 0.5), (7, 0.0), (64, 0.3), (65, 0.7), (1000, 1.0)] {
            let purpose = Purpose::Mask { site: 1, layer: 0 };
            let mut stream = Stream::new(3, purpose, 1 << 33);
            let mut entries = vec![9.0; count];
            stream.fill_bernoulli(&mut entries, probability, 2.0);
            let mut one = Stream::new(3, purpose, 1 << 33);
            let next = |happens| if happens { 2.0 } else { 0.0 };
            for entry in entries {
                assert_eq!(entry, next(one.bernoulli(probability)));
            }
        }
    }

    #[test]
    fn streams_repeat_themselves_and_differ_from_each_other() {
        let first = |seed, purpose, position| {
            let mut stream = Stream::new(seed, purpose, position);
            (0..9).map(|_| stream.bits()).collect::<Vec<_>>()
        };
        let base = first(1, Purpose::Training, 0);
        assert_eq!(base, first(1, Purpose::Training, 0));
        let others = [
            first(2, Purpose::Training, 0),
            first(1, Purpose::Training, 1),
            first(1, Purpose::Training, 1 << 40),
            first(1, Purpose::Validation, 0),
            first(1, Purpose::Network, 0),
            first(1, Purpose::Mask { site: 1, layer: 0 }, 0),
            first(1, Purpose::Mask { site: 0, layer: 1 }, 0),
            first(1, Purpose::MonteCarlo { site: 0, layer: 1 }, 0),
        ];
        for (i, other) in others.iter().enumerate() {
            assert_ne!(&base, other);
            assert!(others[..i].iter().all(|earlier| earlier != other));
        }
    }

    /// Means and variances within five standard errors; the numbers are fixed by the seed.
    #[test]
    fn moments_are_those_of_the_distributions() {
        let n = 100_000;
        let mut stream = Stream::new(7, Purpose::Test, 3);
        let moments = |draw: &mut dyn FnMut() -> f64| {
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..n {
                let x = draw();
                sum += x;
                squares += x * x;
            }
            let mean = sum / n as f64;
            (mean, squares / n as f64 - mean * mean)
        };
        let (mean, variance) = moments(&mut || stream.uniform());
        assert!((mean - 0.5).abs() < 5.0 * 0.2887 / 316.0 && (variance - 1.0 / 12.0).abs() < 0.002);
        let (mean, variance) = moments(&mut || stream.normal());
        assert!(mean.abs() < 5.0 / 316.0 && (variance - 1.0).abs() < 0.03);
        let (mean, _) = moments(&mut || f64::from(u8::from(stream.bernoulli(0.75))));
        assert!((mean - 0.75).abs() < 5.0 * 0.433 / 316.0);
        let (mean, _) = moments(&mut || f64::from(stream.below(6)));
        assert!((mean - 2.5).abs() < 5.0 * 1.708 / 316.0);
    }

    #[test]
    fn certain_events_are_certain() {
        let mut stream = Stream::new(0, Purpose::Test, 0);
        assert!(
            (0..1000)
                .all(|_| stream.bernoulli(1.0) && !stream.bernoulli(0.0) && stream.below(1) == 0)
        );
    }
}
