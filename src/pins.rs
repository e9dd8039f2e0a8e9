//! Numbers of runs that comments pin as evidence: written `[[run 12 test_mse]]`, or `[[run 12 train_loss @ 400]]` for what was
//! measured at a step.
//!
//! The number is looked up when the comment is written, and kept with what it is evidence of. Where a later run of the same
//! plan has another number, the pin says so.

use crate::db::pins as table;
use crate::error::{Error, Result};
use breakmywork_protocol::id::RunId;
use breakmywork_protocol::metric;
use sqlx::PgPool;
use std::collections::BTreeSet;
use std::fmt;

/// Numbers that one comment pins at most.
pub const MOST: usize = 10;
/// Longest name of a metric, in letters.
const METRIC_CHARS: usize = 60;

const OPEN: &str = "[[run ";
const CLOSE: &str = "]]";

/// A number of a run, as a text names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pin {
    /// The run.
    pub run: RunId,
    /// The metric.
    pub metric: String,
    /// The step at which it was measured; none for what the run came to.
    pub step: Option<i32>,
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{OPEN}{} {}", self.run, self.metric)?;
        if let Some(step) = self.step {
            write!(f, " @ {step}")?;
        }
        f.write_str(CLOSE)
    }
}

impl Pin {
    /// The pin with which a text begins, and its length in bytes.
    pub fn read(text: &str) -> Option<(usize, Self)> {
        let inside = text.strip_prefix(OPEN)?;
        let inside = &inside[..inside.find(CLOSE)?];
        let length = OPEN.len() + inside.len() + CLOSE.len();
        let (what, step) = match inside.split_once('@') {
            None => (inside, None),
            Some((what, step)) => (what, Some(number(step.trim())?)),
        };
        let (run, metric) = what.trim().split_once(' ')?;
        let metric = metric.trim();
        let is_name = (1..=METRIC_CHARS).contains(&metric.len())
            && metric
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
        let pin = Self {
            run: RunId(number(run)?),
            metric: metric.to_owned(),
            step,
        };
        is_name.then_some((length, pin))
    }
}

/// Digits without zeros before them.
fn number<T: std::str::FromStr>(digits: &str) -> Option<T> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    is_number.then(|| digits.parse().ok())?
}

/// A number that a comment may pin, as it is now.
#[derive(Debug, Clone, PartialEq)]
pub struct Pinned {
    /// Which one.
    pub pin: Pin,
    /// The number.
    pub value: f64,
    /// SHA-256 of the specification that the run was of.
    pub spec_sha256: String,
    /// The run's seed.
    pub seed: i64,
}

/// Looks up the numbers that a text pins, for everybody to see.
///
/// # Errors
/// A sentence for whoever wrote it: too many, or one that is not there or that not everybody may see. Or a fault of ours.
pub async fn resolve(
    pool: &PgPool,
    pins: &BTreeSet<Pin>,
) -> Result<std::result::Result<Vec<Pinned>, String>> {
    if pins.len() > MOST {
        return Ok(Err(format!(
            "A comment pins at most {MOST} numbers of runs. Post it in parts."
        )));
    }
    let pins: Vec<Pin> = pins.iter().cloned().collect();
    let found = table::resolve(pool, &pins).await?;
    if let Some(missing) = pins
        .iter()
        .find(|pin| !found.iter().any(|found| found.pin == **pin))
    {
        let step = missing
            .step
            .map_or_else(String::new, |step| format!(" at step {step}"));
        return Ok(Err(format!(
            "{missing} pins nothing: run {} has no number called {}{step} that everybody may see. The page of a run has a link for each number that can be quoted.",
            missing.run, missing.metric
        )));
    }
    Ok(Ok(found))
}

/// What a pinned number is, in words: "test error of run 12, a, seed 7, step 400".
pub fn told(pin: &table::CommentPin) -> String {
    let step = pin
        .step
        .map_or_else(String::new, |step| format!(", step {step}"));
    format!(
        "{} of run {}, {}, seed {}{step}",
        metric::words(&pin.metric),
        pin.run,
        pin.arm,
        pin.seed
    )
}

/// The start of a comment that quotes numbers: `run`, or several `runs`, a `metric`, and maybe a `step`, as links and forms
/// name them. Empty if nothing is named.
///
/// # Errors
/// If one of them is no name of a number.
pub fn quoting(fields: &[(String, String)]) -> Result<String> {
    let of = |name: &str| fields.iter().find(|(field, _)| field == name);
    let metric = of("metric").map_or("", |(_, metric)| metric.as_str());
    let step = match of("step") {
        Some((_, step)) if !step.is_empty() => format!(" @ {step}"),
        _ => String::new(),
    };
    let runs = fields
        .iter()
        .filter(|(field, _)| field == "run" || field == "runs");
    let pins: Vec<String> = runs
        .map(|(_, run)| format!("{OPEN}{run} {metric}{step}{CLOSE}"))
        .collect();
    let is_pin = |typed: &String| Pin::read(typed).is_some_and(|(length, _)| length == typed.len());
    if !pins.iter().all(is_pin) {
        return Err(Error::BadRequest(
            "Name a number as the page of its run does: `run`, `metric`, and `step` for one of a curve.".into(),
        ));
    }
    Ok(match &pins[..] {
        [] => String::new(),
        [pin] => format!("{pin} "),
        pins => format!("- {}\n\n", pins.join("\n- ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_as_they_are_written() {
        for (text, run, metric, step) in [
            ("[[run 12 test_mse]]", 12, "test_mse", None),
            ("[[run 12 train_loss @ 400]]", 12, "train_loss", Some(400)),
            ("[[run 7 test_nll@0]]", 7, "test_nll", Some(0)),
            ("[[run  7  test_nll  @  20 ]]", 7, "test_nll", Some(20)),
        ] {
            let read = Pin::read(text);
            let (length, pin) = read.expect(text);
            assert_eq!(length, text.len());
            assert_eq!(
                (pin.run.0, pin.metric.as_str(), pin.step),
                (run, metric, step)
            );
            assert_eq!(
                Pin::read(&pin.to_string()).map(|(_, again)| again),
                Some(pin)
            );
        }
        for text in [
            "[[run]]",
            "[[run 12]]",
            "[[run x test_mse]]",
            "[[run 012 test_mse]]",
            "[[run 12 test mse]]",
            "[[run 12 test_mse @]]",
            "[[run 12 test_mse @ -1]]",
            "[[run 12 test_mse @ 99999999999]]",
            "[[run 12 test_mse",
            "[[run 12 <b>]]",
            "[[run 99999999999999999999 test_mse]]",
            "[run 12 test_mse]",
        ] {
            assert_eq!(Pin::read(text), None, "{text}");
        }
    }

    #[test]
    fn links_and_forms_name_numbers() {
        let quoted = |fields: &[(&str, &str)]| {
            let fields: Vec<(String, String)> = fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            quoting(&fields).ok()
        };
        let of = |text: &str| Some(text.to_owned());
        assert_eq!(quoted(&[]), of(""));
        assert_eq!(
            quoted(&[("run", "3"), ("metric", "test_mse"), ("step", "")]),
            of("[[run 3 test_mse]] ")
        );
        assert_eq!(
            quoted(&[("runs", "3"), ("runs", "4"), ("metric", "m"), ("step", "7")]),
            of("- [[run 3 m @ 7]]\n- [[run 4 m @ 7]]\n\n")
        );
        for strange in [
            [("run", "3"), ("metric", "")],
            [("run", "x"), ("metric", "m")],
            [("run", "3"), ("metric", "a]] **b** [[run 4 m")],
        ] {
            assert_eq!(quoted(&strange), None, "{strange:?}");
        }
    }
}
