//! What knowing nothing but frequencies scores on the data sets of a folder.
//!
//!     cargo run --release -p breakmywork-training --example baselines -- ./var/data
//!
//! Known figures: each key of the JSB chorales by its own frequency, 11.09 nats a frame; the mean rating of the Cornell
//! film reviews, an RMSE near 0.185; add-one unigrams on the Penn Treebank, perplexity 684.7 on validation and 639.8
//! on the test.

use breakmywork_training::data::{Content, Review, Splits, Store, Vocabulary};
use std::error::Error;
use std::path::PathBuf;

/// Words of a segment of a review, as the task has them by default.
const SEGMENT: usize = 200;
/// Words that are known, as the task has them by default.
const VOCABULARY: usize = 10_000;

#[allow(clippy::print_stdout, reason = "it is what it is for")]
fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os()
        .nth(1)
        .ok_or("give the folder of data sets")?;
    let store = Store::new(PathBuf::from(folder));
    for manifest in store.list()? {
        let reference = manifest.reference()?;
        let scores = match store.load(&reference)?.content {
            Content::Frames(pieces) => keys(&pieces),
            Content::Labelled(reviews) => mean(&reviews),
            Content::Text(text) => {
                let words = Vocabulary::words(&text.train, VOCABULARY);
                unigrams(&text.as_ref().map(|text| words.encode(text)), words.len())
            }
            Content::Images(_) => continue,
        };
        for (what, [valid, test]) in scores {
            println!("{reference}: {what}: {valid:.4} on validation, {test:.4} on the test");
        }
    }
    Ok(())
}

type Scores = Vec<(&'static str, [f64; 2])>;

/// Each of 88 keys by the share of training frames in which it sounds; a piece's first frame is not predicted.
fn keys(pieces: &Splits<Vec<Vec<Vec<u8>>>>) -> Scores {
    let frames = |pieces: &[Vec<Vec<u8>>]| -> Vec<Vec<u8>> {
        let predicted = pieces.iter().flat_map(|piece| piece.iter().skip(1));
        predicted.cloned().collect()
    };
    let train = frames(&pieces.train);
    let share = |key: u8| {
        let count = train.iter().filter(|frame| frame.contains(&key)).count();
        // A key that never sounded may yet sound.
        (count as f64 + 0.5) / (train.len() as f64 + 1.0)
    };
    let shares: Vec<(u8, f64)> = (21..=108).map(|key| (key, share(key))).collect();
    let score = |pieces: &[Vec<Vec<u8>>]| {
        let frames = frames(pieces);
        let nll = |frame: &Vec<u8>| -> f64 {
            let key = |(key, p): &(u8, f64)| match frame.contains(key) {
                true => -p.ln(),
                false => -(1.0 - p).ln(),
            };
            shares.iter().map(key).sum()
        };
        frames.iter().map(nll).sum::<f64>() / frames.len() as f64
    };
    vec![(
        "each key by its frequency, nats a frame",
        [score(&pieces.valid), score(&pieces.test)],
    )]
}

/// The mean label of the training segments.
fn mean(reviews: &Splits<Vec<Review>>) -> Scores {
    let labels = |reviews: &[Review]| -> Vec<f64> {
        let segments = |review: &Review| review.text.split_whitespace().count().div_ceil(SEGMENT);
        let each = |review: &Review| std::iter::repeat_n(review.label, segments(review));
        reviews.iter().flat_map(each).collect()
    };
    let train = labels(&reviews.train);
    let mean = train.iter().sum::<f64>() / train.len() as f64;
    let score = |reviews: &[Review]| {
        let labels = labels(reviews);
        let squares = labels.iter().map(|label| (label - mean).powi(2));
        (squares.sum::<f64>() / labels.len() as f64).sqrt()
    };
    let scores = [score(&reviews.valid), score(&reviews.test)];
    vec![("the mean label of segments of 200 words, RMSE", scores)]
}

/// Each word by its frequency and one more.
fn unigrams(text: &Splits<Vec<u32>>, vocabulary: usize) -> Scores {
    let mut counts = vec![1.0; vocabulary];
    for &word in &text.train {
        counts[word as usize] += 1.0;
    }
    let all: f64 = counts.iter().sum();
    let score = |words: &[u32]| {
        let nll = |&word: &u32| -(counts[word as usize] / all).ln();
        (words.iter().map(nll).sum::<f64>() / words.len() as f64).exp()
    };
    let scores = [score(&text.valid), score(&text.test)];
    vec![("add-one unigrams of words, perplexity", scores)]
}
