//! Names of data sets, and how those whose names have a fixed meaning are got.

use std::fmt;
use std::str::FromStr;

/// Characters of the longest name.
const LONGEST: usize = 60;

/// What a data set is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Texts, for models of characters and words.
    Text,
    /// Pieces of text with labels.
    Reviews,
    /// Pieces of music.
    Pieces,
    /// Pictures of digits.
    Pictures,
}

impl Holds {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Reviews => "labelled reviews",
            Self::Pieces => "pieces of music",
            Self::Pictures => "pictures",
        }
    }
}

/// How much the training, validation and test splits hold.
pub type Sizes = [u64; 3];

/// A data set whose name has a fixed meaning.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// The options of `data import` that bring it in; none if `data fetch` downloads it.
    pub import: Option<&'static str>,
    /// What it is made of.
    pub holds: Holds,
    /// Texts, reviews, pieces or pictures of each split.
    pub sequences: Sizes,
    /// Words of each split, a text's ends of lines among them; frames of pieces; 0 of pictures.
    pub steps: Sizes,
    /// Characters of each split of a text (`wikitext_2`, `penn_treebank`: bytes), else 0.
    pub characters: Sizes,
}

/// Data sets whose names have a fixed meaning.
pub const KNOWN: [Known; 6] = [
    Known {
        name: "tiny_shakespeare",
        import: None,
        holds: Holds::Text,
        sequences: [1, 1, 1],
        steps: [218_025, 12_322, 12_304],
        characters: [1_003_856, 55_780, 55_758],
    },
    Known {
        name: "wikitext_2",
        import: None,
        holds: Holds::Text,
        sequences: [1, 1, 1],
        // Merity et al. 2016, table 1.
        steps: [2_088_628, 217_646, 245_569],
        characters: [10_797_148, 1_121_681, 1_256_449],
    },
    Known {
        name: "penn_treebank",
        import: Some("--train FILE --valid FILE --test FILE"),
        holds: Holds::Text,
        sequences: [1, 1, 1],
        steps: [929_589, 73_760, 82_430],
        characters: [5_101_618, 399_782, 449_945],
    },
    Known {
        name: "jsb_chorales",
        import: Some("FILE.json"),
        holds: Holds::Pieces,
        sequences: [229, 76, 77],
        steps: [13_807, 4_602, 4_725],
        characters: [0; 3],
    },
    Known {
        name: "cornell_scale",
        import: Some("--cornell DIR"),
        holds: Holds::Reviews,
        sequences: [4_004, 501, 501],
        steps: [1_720_698, 215_231, 212_235],
        characters: [0; 3],
    },
    Known {
        name: "mnist",
        import: Some("--mnist DIR"),
        holds: Holds::Pictures,
        sequences: [55_000, 5_000, 10_000],
        steps: [0; 3],
        characters: [0; 3],
    },
];

/// Names that have a fixed meaning.
pub fn known() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|known| known.name)
}

/// Text that names no data set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} does not name a data set: write NAME or NAME@VERSION, a name of up to 60 characters of a-z, 0-9, `_`, `.` \
     and `-` that begins with a letter or digit, and a version that is a whole number from 1"
)]
pub struct NotAName(String);

/// The name and version of a data set, written `name` (version 1) or `name@2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    name: String,
    version: u32,
}

impl Reference {
    /// A data set with that name and version.
    ///
    /// # Errors
    /// If the name has a character that names may not have, or the version is 0.
    pub fn new(name: &str, version: u32) -> Result<Self, NotAName> {
        if !is_name(name) || version == 0 {
            return Err(NotAName(format!("{name}@{version}")));
        }
        Ok(Self {
            name: name.to_owned(),
            version,
        })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version, from 1.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What it is known to be; other versions of a known name are somebody's own.
    pub fn known(&self) -> Option<&'static Known> {
        let known = KNOWN.iter().find(|known| known.name == self.name);
        known.filter(|_| self.version == 1)
    }

    /// The command that brings it to a worker.
    pub fn command(&self) -> String {
        match self.known().map(|known| (known.name, known.import)) {
            Some((name, None)) => format!("breakmywork-worker data fetch {name}"),
            Some((name, Some(options))) => {
                format!("breakmywork-worker data import {name} {options}")
            }
            None if self.version == 1 => {
                format!("breakmywork-worker data import {} FILE", self.name)
            }
            None => format!("breakmywork-worker data import {self} FILE"),
        }
    }

    /// The same name with another version; 0 becomes 1.
    pub fn with_version(&self, version: u32) -> Self {
        Self {
            name: self.name.clone(),
            version: version.max(1),
        }
    }
}

/// Whether a data set may have that name; it is then also safe as the name of a folder.
pub fn is_name(text: &str) -> bool {
    let plain = |c: &u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.len() <= LONGEST
        && bytes.first().is_some_and(plain)
        && bytes.iter().all(|c| plain(c) || b"_.-".contains(c))
}

/// A version as it is written: no sign, no leading zero.
pub fn version(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|c| c.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| digits)
}

impl FromStr for Reference {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let wrong = || NotAName(text.to_owned());
        let (name, number) = match text.split_once('@') {
            Some((name, number)) => (name, version(number).ok_or_else(wrong)?),
            None => (text, 1),
        };
        Self::new(name, number).map_err(|_| wrong())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for (text, written) in [
            ("a", "a@1"),
            ("penn_treebank", "penn_treebank@1"),
            ("text8.v-2@12", "text8.v-2@12"),
        ] {
            let reference: Reference = text.parse().expect("a name");
            assert_eq!(reference.to_string(), written);
        }
    }

    #[test]
    fn each_is_got_in_its_own_way() {
        for (text, command) in [
            ("tiny_shakespeare", "fetch tiny_shakespeare"),
            ("jsb_chorales", "import jsb_chorales FILE.json"),
            ("mnist@1", "import mnist --mnist DIR"),
            ("mine", "import mine FILE"),
            // Another content than the known one.
            ("wikitext_2@2", "import wikitext_2@2 FILE"),
        ] {
            let reference: Reference = text.parse().expect("a name");
            let whole = format!("breakmywork-worker data {command}");
            assert_eq!(reference.command(), whole);
        }
    }

    #[test]
    fn other_names_are_refused_in_full() {
        let long = "a".repeat(LONGEST + 1);
        for text in [
            "",
            "@1",
            "A",
            "_a",
            ".a",
            "../a",
            "a/b",
            "a b",
            "a@",
            "a@0",
            "a@01",
            "a@+1",
            "a@1@2",
            "a@4294967296",
            "é",
            &long,
        ] {
            let error = text.parse::<Reference>().expect_err(text).to_string();
            assert!(
                error.starts_with(&format!("{text:?} does not name a data set")),
                "{error}"
            );
        }
    }
}
