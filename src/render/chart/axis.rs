//! Scales and ticks.

/// Maps values to a stretch of pixels.
#[derive(Debug, Clone, Copy)]
pub struct Axis {
    low: f64,
    high: f64,
    log: bool,
    from: f64,
    to: f64,
}

/// From this ratio of largest to smallest on, a logarithmic axis shows more.
const LOG_FROM: f64 = 30.0;

impl Axis {
    /// A linear axis that covers the values, with a little air.
    pub fn linear(values: impl IntoIterator<Item = f64>, from: f64, to: f64) -> Option<Self> {
        let (low, high) = extent(values)?;
        let air = if high > low {
            (high - low) * 0.04
        } else {
            high.abs().max(1.0) * 0.1
        };
        Some(Self {
            low: low - air,
            high: high + air,
            log: false,
            from,
            to,
        })
    }

    /// A linear axis from exactly here to there.
    pub fn exact(low: f64, high: f64, from: f64, to: f64) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self {
            low,
            high,
            log: false,
            from,
            to,
        }
    }

    /// A logarithmic axis where the values are positive and far apart, else a linear one.
    pub fn fitting(
        values: impl IntoIterator<Item = f64> + Clone,
        from: f64,
        to: f64,
    ) -> Option<Self> {
        let (low, high) = extent(values.clone())?;
        if low > 0.0 && high / low > LOG_FROM {
            return Some(Self {
                low: low.log10() - 0.05,
                high: high.log10() + 0.05,
                log: true,
                from,
                to,
            });
        }
        Self::linear(values, from, to)
    }

    /// A logarithmic axis that covers the values, all of them positive, with a little air.
    pub fn logarithmic(values: impl IntoIterator<Item = f64>, from: f64, to: f64) -> Option<Self> {
        let (low, high) = extent(values.into_iter().map(f64::log10))?;
        Some(Self {
            low: low - 0.1,
            high: high + 0.1,
            log: true,
            from,
            to,
        })
    }

    /// Whether it is logarithmic.
    pub fn is_log(&self) -> bool {
        self.log
    }

    /// Where a value lies.
    pub fn at(&self, value: f64) -> f64 {
        let value = if self.log {
            value.max(f64::MIN_POSITIVE).log10()
        } else {
            value
        };
        let share = (value - self.low) / (self.high - self.low);
        round(self.from + share * (self.to - self.from))
    }

    /// Round values to label, about that many.
    pub fn ticks(&self, about: usize) -> Vec<f64> {
        if self.log {
            return log_ticks(self.low, self.high, about);
        }
        let step = nice((self.high - self.low) / about.max(1) as f64);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last)
            .map(|place| place as f64 * step)
            // Adds up without the dust of binary fractions.
            .map(|tick| (tick / step).round() * step)
            .collect()
    }
}

fn log_ticks(low: f64, high: f64, about: usize) -> Vec<f64> {
    let decades = (low.ceil() as i32)..=(high.floor() as i32);
    let every = ((high - low) / about.max(1) as f64).ceil().max(1.0) as i32;
    let mut ticks: Vec<f64> = decades
        .clone()
        .filter(|power| power % every == 0)
        .map(|power| 10_f64.powi(power))
        .collect();
    if ticks.len() < 3 {
        ticks = ((low.floor() as i32)..=(high.ceil() as i32))
            .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)))
            .filter(|tick| (low..=high).contains(&tick.log10()))
            .collect();
    }
    ticks
}

/// The nearest of 1, 2, 5 times a power of ten.
fn nice(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let digit = rough / power;
    let nice = match digit {
        ..1.5 => 1.0,
        1.5..3.5 => 2.0,
        3.5..7.5 => 5.0,
        _ => 10.0,
    };
    nice * power
}

fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .into_iter()
        .filter(|value| value.is_finite())
        .fold(None, |extent, value| match extent {
            None => Some((value, value)),
            Some((low, high)) => Some((value.min(low), value.max(high))),
        })
}

/// Tenths of a pixel are enough, and keep the page small.
pub fn round(pixels: f64) -> f64 {
    (pixels * 10.0).round() / 10.0
}

/// Ticks with their labels: as many digits as it takes to say each of them exactly.
pub fn labelled(ticks: Vec<f64>) -> Vec<(f64, String)> {
    let gap = ticks
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).abs())
        .fold(f64::INFINITY, f64::min);
    let say = |tick: f64| {
        let size = tick.abs();
        if size == 0.0 {
            return "0".to_owned();
        }
        let plain = (1e-3..1e7).contains(&size);
        let written = |digits: usize| match plain {
            true => format!("{tick:.digits$}"),
            false => format!("{tick:.digits$e}"),
        };
        // A thousandth of the gap is less than a pixel.
        let close = |text: &str| {
            let said: f64 = text.parse().unwrap_or(f64::NAN);
            (said - tick).abs() <= gap.min(size) * 1e-3
        };
        let exact = (0..12).map(written).find(|text| close(text));
        if plain && size >= 1e4 && tick.fract() == 0.0 {
            return super::super::number::count(tick as i64);
        }
        exact.unwrap_or_else(|| written(12)).replace('-', "−")
    };
    ticks.into_iter().map(|tick| (tick, say(tick))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let axis = Axis::exact(0.0, 2000.0, 0.0, 100.0);
        assert_eq!(axis.ticks(4), [0.0, 500.0, 1000.0, 1500.0, 2000.0]);
        assert_eq!(axis.at(1000.0), 50.0);
        let log = Axis::fitting([1e-5, 0.2], 0.0, 100.0).expect("values");
        assert!(log.is_log());
        assert!(log.ticks(5).contains(&1e-3));
    }

    #[test]
    fn labels_say_their_ticks_exactly() {
        let labels = |ticks: &[f64]| -> Vec<String> {
            labelled(ticks.to_vec())
                .into_iter()
                .map(|(_, text)| text)
                .collect()
        };
        assert_eq!(
            labels(&[1e-4, 1.5e-4, 2e-4, 2.5e-4]),
            ["1e−4", "1.5e−4", "2e−4", "2.5e−4"]
        );
        assert_eq!(labels(&[2e28, 2.5e28, 3e28]), ["2e28", "2.5e28", "3e28"]);
        assert_eq!(labels(&[-0.5, 0.0, 0.25]), ["−0.5", "0", "0.25"]);
        assert_eq!(labels(&[1.00001, 1.00002]), ["1.00001", "1.00002"]);
        assert_eq!(labels(&[0.0, 20_000.0]), ["0", "20\u{202f}000"]);
        assert_eq!(labels(&[1e-5, 1e-3, 0.1]), ["1e−5", "0.001", "0.1"]);
    }

    #[test]
    fn odd_values_make_an_axis_or_none() {
        assert!(Axis::linear([f64::NAN], 0.0, 1.0).is_none());
        let flat = Axis::linear([3.0, 3.0], 0.0, 1.0).expect("values");
        assert_eq!(flat.at(3.0), 0.5);
        assert!(!flat.ticks(4).is_empty());
    }
}
