//! The picture that other sites show beside a link to a claim or an experiment: its sentence, how it stands, the figure
//! that matters, and whose it is.

mod canvas;
mod letters;

use crate::{
    db::{claims::Claim, experiments::Experiment},
    error::{Error, Result},
    heavy,
    render::{
        badge::{self, Badge},
        number, verdict_words,
    },
};
use axum::body::Bytes;
use canvas::{Canvas, Colour};
use letters::{Face, Pen, fitted, legible};
use lru::LruCache;
use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

/// Pixels from left to right.
pub const WIDTH: u32 = 1200;
/// Pixels from top to bottom.
pub const HEIGHT: u32 = 630;

/// Pictures that are held at once, of some 40 kB each; those that nobody asked for longest go first.
const HELD: NonZeroUsize = NonZeroUsize::new(64).expect("is not 0");

const BOARD: &str = "Break My Work";

// The colours of the stylesheet on paper.
const PAPER: Colour = Colour::hex("#fbfaf6");
const INK: Colour = Colour::hex("#1c1b18");
const SOFT: Colour = Colour::hex("#5b5952");
const LINE: Colour = Colour::hex("#8d897c");

/// Pixels left free at either side.
const MARGIN: u32 = 72;
/// What lines of text may take.
const MEASURE: f32 = (WIDTH - 2 * MARGIN) as f32;
/// Sizes of the sentence in pixels, and how many lines of each there is room for; the first that holds it is taken.
const SIZES: [(f32, usize); 4] = [(64.0, 3), (56.0, 4), (48.0, 5), (41.0, 6)];
/// Where the sentence begins.
const TOP: f32 = 104.0;
/// Left and right of how it stands.
const PADDING: f32 = 20.0;
/// From one line of the sentence to the next, in sizes of its letters.
const LEADING: f32 = 1.2;

/// What a picture says, and all that it depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Words {
    /// What it is about: "Claim C2 of …".
    about: String,
    /// The sentence.
    sentence: String,
    /// What stands in its place where its letters cannot be drawn.
    name: String,
    /// How it stands.
    standing: String,
    /// In which colour.
    colour: &'static str,
    /// The figure that matters, if there is one.
    figure: Option<String>,
    /// Where the board is.
    host: String,
}

impl Words {
    /// Of a claim, as everybody may see it.
    pub fn of_claim(claim: &Claim, host: String) -> Self {
        let ended = claim.supported + claim.falsified + claim.inconclusive + claim.stopped;
        Self::new(
            format!("Claim {} of {}", claim.label, claim.work_title),
            claim.sentence.clone(),
            format!("Claim {}", claim.label),
            badge::claim(claim),
            (ended > 0).then(|| claim.tally()),
            host,
        )
    }

    /// Of an experiment, as everybody may see it.
    pub fn of_experiment(experiment: &Experiment, host: String) -> Self {
        let outcome = experiment.outcome.as_deref();
        Self::new(
            format!(
                "Experiment {} on claim {}",
                experiment.id, experiment.claim_label
            ),
            experiment.title.clone(),
            format!("Experiment {}", experiment.id),
            badge::experiment(&experiment.state, outcome),
            figure(experiment),
            host,
        )
    }

    fn new(
        about: String,
        sentence: String,
        name: String,
        badge: Badge,
        figure: Option<String>,
        host: String,
    ) -> Self {
        Self {
            about,
            sentence,
            name,
            standing: badge.word,
            colour: badge::on_paper(badge.class),
            figure,
            host,
        }
    }

    /// The same as text, for who cannot see it.
    pub fn alt(&self) -> String {
        let figure = self.figure.iter().map(|figure| format!(" {figure}."));
        let figure: String = figure.collect();
        format!(
            "{}: “{}” {}.{figure}",
            self.about, self.sentence, self.standing
        )
    }

    /// Draws it, in some milliseconds.
    fn draw(&self) -> Result<Vec<u8>, png::EncodingError> {
        let mut canvas = Canvas::new(WIDTH, HEIGHT, PAPER);
        let colour = Colour::hex(self.colour);
        canvas.fill(0, 0, 20, HEIGHT, colour);
        let left = MARGIN as f32;
        let about = legible(&self.about).unwrap_or_else(|| self.name.clone());
        sans(30.0, SOFT).write(&mut canvas, (left, 84.0), MEASURE, &about);

        let sentence = legible(&self.sentence).unwrap_or_else(|| self.name.clone());
        let (size, lines) = fitted(&sentence, Face::Serif, MEASURE, &SIZES);
        for (index, text) in lines.iter().enumerate() {
            let base = TOP + size * LEADING * (index + 1) as f32;
            serif(size).write(&mut canvas, (left, base), MEASURE, text);
        }

        let inside = MEASURE - 2.0 * PADDING;
        let standing = sans(30.0, PAPER);
        let wide = letters::width(Face::Sans, standing.size, &self.standing).min(inside);
        let wide = (wide + 2.0 * PADDING).ceil() as u32;
        canvas.fill(MARGIN, 424, wide, 56, colour);
        standing.write(&mut canvas, (left + PADDING, 462.0), inside, &self.standing);
        if let Some(figure) = self.figure.as_deref().and_then(legible) {
            sans(28.0, INK).write(&mut canvas, (left, 521.0), MEASURE, &figure);
        }

        // The double line of every page.
        for y in [544, 548] {
            canvas.fill(MARGIN, y, WIDTH - 2 * MARGIN, 2, LINE);
        }
        serif(32.0).write(&mut canvas, (left, 591.0), MEASURE, BOARD);
        let host = sans(24.0, SOFT);
        let wide = letters::width(Face::Sans, host.size, &self.host).min(MEASURE / 2.0);
        let start = (WIDTH - MARGIN) as f32 - wide;
        host.write(&mut canvas, (start, 589.0), wide, &self.host);
        canvas.png()
    }
}

fn serif(size: f32) -> Pen {
    Pen {
        face: Face::Serif,
        size,
        colour: INK,
    }
}

fn sans(size: f32, colour: Colour) -> Pen {
    Pen {
        face: Face::Sans,
        size,
        colour,
    }
}

/// What was found, in a sentence where there is one.
fn figure(experiment: &Experiment) -> Option<String> {
    let verdict = experiment.verdict()?;
    let spec = experiment.parsed().ok();
    let criterion = spec.as_ref().and_then(|spec| spec.criterion.as_ref());
    verdict_words::finding(verdict, criterion)
        .or_else(|| Some(format!("Effect {}", number::signed(verdict.effect?))))
}

/// Pictures that were drawn, by what they say; cheap to clone.
#[derive(Debug, Clone)]
pub struct LinkPictures(Arc<Mutex<LruCache<Words, Bytes>>>);

impl Default for LinkPictures {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(HELD))))
    }
}

impl LinkPictures {
    /// The picture with these words as PNG, drawn off the threads that answer.
    ///
    /// # Errors
    /// If it cannot be drawn.
    pub async fn png(&self, words: Words) -> Result<Bytes> {
        if let Some(drawn) = self.lock().get(&words) {
            return Ok(drawn.clone());
        }
        let said = words.clone();
        let drawn = heavy::run(move || said.draw()).await?;
        let drawn = Bytes::from(drawn.map_err(Error::internal)?);
        self.lock().put(words, drawn.clone());
        Ok(drawn)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<Words, Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
