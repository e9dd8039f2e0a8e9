//! Numbers as they are printed: enough digits, a real minus sign, no noise.

/// A whole number of any width, by value or reference, as templates hand them over.
pub trait Whole {
    /// Its value.
    fn whole(&self) -> i64;
}

macro_rules! whole {
    ($($kind:ty),*) => {$(
        impl Whole for $kind {
            fn whole(&self) -> i64 {
                *self as i64
            }
        }
    )*};
}
whole!(i64, i32, i16, u64, u32, usize);

impl<T: Whole> Whole for &T {
    fn whole(&self) -> i64 {
        (**self).whole()
    }
}

/// A real number, by value or reference.
pub trait Real {
    /// Its value.
    fn real(&self) -> f64;
}

impl Real for f64 {
    fn real(&self) -> f64 {
        *self
    }
}

impl<T: Real> Real for &T {
    fn real(&self) -> f64 {
        (**self).real()
    }
}

/// Three significant digits, as programs read them.
pub fn digits(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e6).contains(&size) {
        return format!("{number:.2e}");
    }
    let digits = (2 - size.log10().floor() as i32).clamp(0, 6);
    format!("{number:.*}", digits as usize)
}

pub use breakmywork_protocol::text::{measured as value, signed};

/// A setting, as a person would type it.
pub fn plain(number: impl Real) -> String {
    let number = number.real();
    let size = number.abs();
    let text = if size != 0.0 && !(1e-4..1e7).contains(&size) {
        format!("{number:e}")
    } else {
        format!("{number}")
    };
    text.replace('-', "−")
}

/// A share, in whole percent.
pub fn percent(share: impl Real) -> String {
    format!("{:.0} %", share.real() * 100.0)
}

/// A p-value.
pub fn p_value(p: impl Real) -> String {
    breakmywork_protocol::text::p_value(p.real())
}

/// A whole number with thin spaces between thousands.
pub fn count(number: impl Whole) -> String {
    let number = number.whole();
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    if number < 0 {
        text.push('−');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) && digits.len() > 4 {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// How large an effect is in words: the ratio behind a logarithm, the points behind a share; none of other units.
pub fn effect(size: f64, unit: &str) -> Option<String> {
    match unit {
        "share of seeds" => Some(format!("{} points of solved seeds", value(100.0 * size))),
        "share correct" => Some(format!("{} points", value(100.0 * size))),
        _ if unit.starts_with("log ratio") => Some(format!("a factor of {}", value(size.exp()))),
        _ => None,
    }
}

/// A number of floating-point operations.
pub fn flops(number: impl Real) -> String {
    let number = number.real();
    let (size, prefix) = match number {
        ..1e9 => (1e6, "M"),
        ..1e12 => (1e9, "G"),
        ..1e15 => (1e12, "T"),
        ..1e18 => (1e15, "P"),
        _ => (1e18, "E"),
    };
    format!("{} {prefix}FLOP", value(number / size))
}

/// A number of bytes.
pub fn bytes(number: impl Whole) -> String {
    let number = number.whole() as f64;
    match number {
        ..1e3 => format!("{number} B"),
        1e3..1e6 => format!("{:.1} kB", number / 1e3),
        1e6..1e9 => format!("{:.1} MB", number / 1e6),
        _ => format!("{:.1} GB", number / 1e9),
    }
}

/// "1 run", "2 runs".
pub fn plural(number: impl Whole, one: &str, many: &str) -> String {
    let number = number.whole();
    let word = if number == 1 { one } else { many };
    format!("{} {word}", count(number))
}

/// The same of what is counted up to a number only: beyond it "1 000+ runs".
pub fn counted(number: impl Whole, most: i64, one: &str, many: &str) -> String {
    let number = number.whole();
    if number > most {
        return format!("{}+ {many}", count(most));
    }
    plural(number, one, many)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_counted_to_its_end_says_so() {
        let of = |number| counted(number, 1_000, "run", "runs");
        assert_eq!(of(1), "1 run");
        assert_eq!(of(1_000), plural(1_000, "run", "runs"));
        assert_eq!(of(1_001), format!("{}+ runs", count(1_000)));
    }

    #[test]
    fn values_keep_three_digits() {
        for (number, text) in [
            (0.0, "0"),
            (0.16667, "0.167"),
            (-0.02, "−0.0200"),
            (1234.5, "1234"),
            (0.00005, "5.00 × 10⁻⁵"),
            (1.5e9, "1.50 × 10⁹"),
            (f64::NAN, "not a number"),
        ] {
            assert_eq!(value(number), text);
        }
        assert_eq!(signed(0.5), "+0.500");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(plural(1, "run", "runs"), "1 run");
    }
}
