//! Hostile specifications: what they are made of, and what must hold of each.

mod objects;
mod texts;

use breakmywork_protocol::spec::{self, Board, Criterion, Format, Spec};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// A text that somebody might send.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The text.
    pub text: String,
    /// As what it is read.
    pub format: Format,
}

/// What became of one.
#[derive(Debug, Clone, Copy)]
pub struct Judged {
    /// Whether it is a specification.
    pub read: bool,
    /// Whether it could be registered, too.
    pub registrable: bool,
    /// How long reading and judging it took.
    pub took: Duration,
}

/// Draws hostile texts from good ones.
#[derive(Debug)]
pub struct Source {
    good: Vec<(String, Value)>,
    rng: SmallRng,
}

impl Source {
    /// From the specifications in a folder; the same seed draws the same.
    ///
    /// # Panics
    /// If there is none, or one of them is not good.
    pub fn new(folder: &Path, seed: u64) -> Self {
        let mut good: Vec<(String, Value)> = std::fs::read_dir(folder)
            .expect("the folder")
            .map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).expect("text"))
            .map(|text| {
                let spec = spec::read(&text, Format::Toml).expect("a good specification");
                (text, spec.to_json())
            })
            .collect();
        // A folder has no order.
        good.sort_by(|one, other| one.0.cmp(&other.0));
        Self {
            good,
            rng: SmallRng::seed_from_u64(seed),
        }
    }

    /// The next one: a good specification, changed a few times at random places.
    pub fn draw(&mut self) -> Sent {
        let (text, value) = self.good.choose(&mut self.rng).expect("some").clone();
        let changes = self.rng.random_range(1..=3);
        if self.rng.random_bool(0.5) {
            let mut value = value;
            for _ in 0..changes {
                objects::change(&mut value, &mut self.rng);
            }
            return Sent {
                text: value.to_string(),
                format: Format::Json,
            };
        }
        let mut text = text;
        for _ in 0..changes {
            texts::change(&mut text, &mut self.rng);
        }
        Sent {
            text,
            format: Format::Toml,
        }
    }
}

/// Reads a text and asks everything of it that is asked between a request and its answer; says how long that took.
///
/// # Panics
/// If what is read does not read the same once more, or something of it is no number: that is what to look for.
pub fn judge(sent: &Sent) -> Judged {
    let began = Instant::now();
    let read = spec::read(&sent.text, sent.format);
    let registrable = read.as_ref().is_ok_and(ask);
    let took = began.elapsed();
    match &read {
        Ok(spec) => hold(spec),
        Err(problems) => {
            assert!(!problems.0.is_empty(), "refused without a reason");
            assert!(problems.0.len() <= 101, "{} reasons", problems.0.len());
            assert!(problems.0.iter().all(|problem| !problem.detail.is_empty()));
        }
    }
    Judged {
        read: read.is_ok(),
        registrable,
        took,
    }
}

/// What a proposal is asked: its costs, what stands against it, what it says.
fn ask(spec: &Spec) -> bool {
    let board = Board::default();
    let seconds = board.worker_seconds(spec);
    assert!(seconds.is_finite() && seconds >= 0.0, "{seconds} s");
    let reading = spec.criterion.as_ref().map(Criterion::reading);
    assert!(reading.is_none_or(|reading| !reading.is_empty()));
    let _ = spec.likeness();
    let _ = spec.sha256();
    spec.registrable_on(&board).is_ok()
}

/// What was read says the same in each of its forms.
fn hold(spec: &Spec) {
    let again = spec::read(&spec.to_toml(), Format::Toml).expect("its own TOML");
    assert_eq!(&again, spec, "as TOML");
    let again = spec::read_value(&spec.to_json()).expect("its own JSON");
    assert_eq!(&again, spec, "as JSON");
}
