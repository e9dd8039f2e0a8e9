//! What the data sets are whose names have a fixed meaning; how each is got stands in the protocol, for the board too.

use super::{Content, Error, Kind, Reference, Splits};
use breakmywork_protocol::data_set;

/// A data set that many know, and how to get it.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// What it is made of.
    pub kind: Kind,
    /// What it is.
    pub about: &'static str,
    /// Where it can be fetched; none if no address was verified or its rights are unclear.
    pub download: Option<Download>,
    /// What its files must be when they are imported one a split.
    pub texts: Option<Texts>,
}

/// A file with a fixed address and content.
#[derive(Debug, Clone, Copy)]
pub struct Download {
    /// Where it is.
    pub url: &'static str,
    /// SHA-256 of the file, from wherever it comes.
    pub sha256: &'static str,
    /// Its length.
    pub bytes: u64,
    /// What is in it.
    pub packing: Packing,
}

/// What is in a download.
#[derive(Debug, Clone, Copy)]
pub enum Packing {
    /// One file that is split on import.
    Plain,
    /// A ZIP archive with these files.
    Zip(Splits<&'static str>),
}

/// What three text files must be.
#[derive(Debug, Clone, Copy)]
pub struct Texts {
    /// SHA-256 of the training split's words, joined by single spaces: its copies differ in white space. The
    /// published hash does not say whether each line's end counts as the word `<eos>`; either identifies the text.
    pub train_words: &'static str,
    /// Lines of the training split, which words alone do not tell.
    pub train_lines: usize,
    /// SHA-256 of the validation file.
    pub valid: &'static str,
    /// SHA-256 of the test file.
    pub test: &'static str,
}

/// The known data sets.
pub const ALL: [Known; 6] = [
    Known {
        name: "tiny_shakespeare",
        kind: Kind::Text,
        about: "40,000 lines of Shakespeare's plays, for models of characters; in the public domain",
        download: Some(Download {
            url: "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
            sha256: "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            bytes: 1_115_394,
            packing: Packing::Plain,
        }),
        texts: None,
    },
    Known {
        name: "wikitext_2",
        kind: Kind::Text,
        about: "2 million words of Wikipedia, for models of words; CC BY-SA 3.0",
        download: Some(Download {
            url: "https://s3.amazonaws.com/research.metamind.io/wikitext/wikitext-2-v1.zip",
            sha256: "92675f1d63015c1c8b51f1656a52d5bdbc33aafa60cc47a218a66e7ee817488c",
            bytes: 4_475_746,
            packing: Packing::Zip(Splits {
                train: "wikitext-2/wiki.train.tokens",
                valid: "wikitext-2/wiki.valid.tokens",
                test: "wikitext-2/wiki.test.tokens",
            }),
        }),
        texts: None,
    },
    Known {
        name: "penn_treebank",
        kind: Kind::Text,
        about: "0.9 million words of newspaper text, preprocessed by Mikolov; its rights are unclear, so bring your own copy",
        download: None,
        texts: Some(Texts {
            train_words: "1312f07b5540034ea2f2f76d9261fd3d659b2cc644fb1fb4a2445d52c0c42eec",
            train_lines: 42_068,
            valid: "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
            test: "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
        }),
    },
    Known {
        name: "jsb_chorales",
        kind: Kind::Frames,
        about: "Bach's chorales as piano keys; one JSON object with the lists train, valid and test of sequences, each a list of frames, each a list of keys from 21 to 108",
        download: None,
        texts: None,
    },
    Known {
        name: "cornell_scale",
        kind: Kind::Labelled,
        about: "5,006 film reviews with ratings (Pang and Lee, scale data v1.0)",
        download: None,
        texts: None,
    },
    Known {
        name: "mnist",
        kind: Kind::Images,
        about: "70,000 handwritten digits, as the four idx files, compressed or not",
        download: None,
        texts: None,
    },
];

/// The known data set of that name.
pub fn find(name: &str) -> Option<&'static Known> {
    ALL.iter().find(|known| known.name == name)
}

impl Known {
    /// Its name and version, if its name may be one.
    pub fn reference(&self) -> Result<Reference, Error> {
        Reference::new(self.name, 1).map_err(Error::Reference)
    }
}

/// Refuses content that is not as much as that name stands for.
///
/// # Errors
/// The first split that has more or less.
pub(super) fn check_sizes(name: &str, content: &Content) -> Result<(), Error> {
    let Some(known) = data_set::KNOWN.iter().find(|known| known.name == name) else {
        return Ok(());
    };
    let (pieces, steps) = match content.kind() {
        Kind::Text => (None, Some("words and line ends")),
        Kind::Labelled => (Some("reviews"), Some("words")),
        Kind::Frames => (Some("sequences"), Some("frames")),
        Kind::Images => (Some("images"), None),
    };
    let sizes = content.sizes();
    for (index, (split, counts)) in sizes.each().into_iter().enumerate() {
        let count = |unit: &str| match unit {
            "words and line ends" => counts["words"] + counts["lines"],
            unit => counts[unit],
        };
        for (unit, expected) in [(pieces, known.sequences), (steps, known.steps)] {
            let Some(unit) = unit.filter(|unit| count(unit) != expected[index]) else {
                continue;
            };
            return Err(Error::OtherSize {
                name: name.to_owned(),
                split,
                unit,
                got: count(unit),
                expected: expected[index],
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_each_is_what_can_be_done() {
        assert!(data_set::known().eq(ALL.iter().map(|known| known.name)));
        for known in ALL {
            let command = known.reference().expect("a name").command();
            let fetched = command.starts_with("breakmywork-worker data fetch ");
            assert_eq!(fetched, known.download.is_some(), "{command}");
        }
    }
}
