//! What data sets hold.

use super::Manifest;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What a data set is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Running text.
    Text,
    /// Texts, each with a number from 0 to 1.
    Labelled,
    /// Sequences of frames, each the piano keys that sound.
    Frames,
    /// Grey pictures of 28 × 28 pixels, each a digit.
    Images,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Text => "text",
            Self::Labelled => "labelled",
            Self::Frames => "frames",
            Self::Images => "images",
        })
    }
}

/// One thing for each split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splits<T> {
    /// To train on.
    pub train: T,
    /// To choose by.
    pub valid: T,
    /// To report on.
    pub test: T,
}

impl<T> Splits<T> {
    /// The splits by name.
    pub fn each(&self) -> [(&'static str, &T); 3] {
        [
            ("train", &self.train),
            ("valid", &self.valid),
            ("test", &self.test),
        ]
    }

    /// The same splits, borrowed.
    pub fn as_ref(&self) -> Splits<&T> {
        Splits {
            train: &self.train,
            valid: &self.valid,
            test: &self.test,
        }
    }

    /// Makes something else of each split.
    pub fn map<U>(self, mut make: impl FnMut(T) -> U) -> Splits<U> {
        Splits {
            train: make(self.train),
            valid: make(self.valid),
            test: make(self.test),
        }
    }

    /// Makes something else of each split, or stops at the first that does not work.
    ///
    /// # Errors
    /// What `make` says.
    pub fn try_map<U, E>(self, mut make: impl FnMut(T) -> Result<U, E>) -> Result<Splits<U>, E> {
        Ok(Splits {
            train: make(self.train)?,
            valid: make(self.valid)?,
            test: make(self.test)?,
        })
    }
}

/// A text and its label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "an object with a text and a label")]
pub struct Review {
    /// The text, not empty.
    pub text: String,
    /// A number from 0 to 1.
    #[serde(deserialize_with = "label")]
    pub label: f64,
}

/// A label, or what it should have been in words for people.
fn label<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    struct Reader;
    impl Visitor<'_> for Reader {
        type Value = f64;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str(
                "a label that is a number from 0 to 1, such as 1 for praise and 0 for blame",
            )
        }

        fn visit_i64<E>(self, label: i64) -> Result<f64, E> {
            Ok(label as f64)
        }

        fn visit_u64<E>(self, label: u64) -> Result<f64, E> {
            Ok(label as f64)
        }

        fn visit_f64<E>(self, label: f64) -> Result<f64, E> {
            Ok(label)
        }
    }
    deserializer.deserialize_any(Reader)
}

/// A picture and its class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// 28 rows of 28 pixels, 0 to 255.
    pub pixels: Vec<u8>,
    /// The digit, 0 to 9.
    pub label: u8,
}

/// What a data set holds, ready to use; no split is empty.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Running text.
    Text(Splits<String>),
    /// Labelled texts.
    Labelled(Splits<Vec<Review>>),
    /// Sequences of frames of piano keys, 21 to 108, ascending.
    Frames(Splits<Vec<Vec<Vec<u8>>>>),
    /// Labelled pictures.
    Images(Splits<Vec<Image>>),
}

impl Content {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Labelled(_) => Kind::Labelled,
            Self::Frames(_) => Kind::Frames,
            Self::Images(_) => Kind::Images,
        }
    }

    /// How much each split holds, in the units of its kind.
    pub fn sizes(&self) -> Splits<BTreeMap<String, u64>> {
        match self {
            Self::Text(splits) => splits.as_ref().map(|text| {
                named([
                    ("characters", text.chars().count()),
                    ("lines", text.lines().count()),
                    ("words", text.split_whitespace().count()),
                ])
            }),
            Self::Labelled(splits) => splits.as_ref().map(|reviews| {
                let words = reviews.iter().map(|r| r.text.split_whitespace().count());
                named([("reviews", reviews.len()), ("words", words.sum())])
            }),
            Self::Frames(splits) => splits.as_ref().map(|sequences| {
                let frames = sequences.iter().map(Vec::len).sum();
                named([("frames", frames), ("sequences", sequences.len())])
            }),
            Self::Images(splits) => splits
                .as_ref()
                .map(|images| named([("images", images.len())])),
        }
    }
}

fn named<const N: usize>(counts: [(&str, usize); N]) -> BTreeMap<String, u64> {
    let counts = counts.into_iter();
    counts
        .map(|(unit, count)| (unit.to_owned(), count as u64))
        .collect()
}

/// A data set, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSet {
    /// What it is and where it came from.
    pub manifest: Manifest,
    /// What it holds.
    pub content: Content,
}
