//! A text of random tokens, as a data set that the worker reads like any other.

use crate::configuration::Configuration;
use anyhow::{Context, Result};
use breakmywork_training::data::{Content, Reference, Splits, Store};
use breakmywork_training::rng::{Purpose, Stream};
use std::path::Path;

/// Words of a line.
const LINE: usize = 20;

/// Adds the configuration's text to the data folder, under the configuration's name.
pub(crate) fn add(folder: &Path, configuration: Configuration) -> Result<()> {
    let size = configuration.size();
    let read = (size.tokens() * 20).max(size.vocabulary * 20);
    let text = |tokens, number| match configuration {
        Configuration::Char => characters(tokens, number),
        _ => words(size.vocabulary, tokens, number),
    };
    let content = Content::Text(Splits {
        train: text(read, 0),
        valid: text(100, 1),
        test: text(100, 2),
    });
    let reference: Reference = configuration.name().parse()?;
    Store::new(folder.to_owned())
        .add(&reference, &content, Vec::new(), Vec::new())
        .context("the data set cannot be written")?;
    Ok(())
}

/// Every one of 64 characters, then others at random.
fn characters(tokens: usize, number: u64) -> String {
    let letters = ('a'..='z').chain('A'..='Z').chain('0'..='9');
    let alphabet: Vec<char> = letters.chain([' ', '\n']).collect();
    let mut stream = Stream::new(1, Purpose::Training, number);
    let mut random = || alphabet[stream.below(alphabet.len() as u32) as usize];
    let rest: Vec<char> = (0..tokens).map(|_| random()).collect();
    alphabet.iter().chain(&rest).collect()
}

/// Every word of the vocabulary, of which the end of a line and the unknown word are two, then others at random.
fn words(vocabulary: usize, tokens: usize, number: u64) -> String {
    let word = |index| match index {
        0 => "<unk>".to_owned(),
        index => format!("w{index}"),
    };
    let all = vocabulary - 1;
    let mut stream = Stream::new(1, Purpose::Training, number);
    let rest = (0..tokens).map(|_| stream.below(all as u32) as usize);
    let mut text = String::new();
    for (position, index) in (0..all).chain(rest).enumerate() {
        text.push_str(&word(index));
        text.push(if position % LINE == LINE - 1 {
            '\n'
        } else {
            ' '
        });
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ours;
    use breakmywork_training::tasks::{Head, Task};
    use clap::ValueEnum;

    #[test]
    fn vocabularies_are_as_large_as_they_should_be() {
        for &configuration in Configuration::value_variants() {
            let folder = tempfile::tempdir().expect("a folder");
            add(folder.path(), configuration).expect("adds");
            let name = configuration.name();
            let plan = ours::plan(
                name,
                configuration.size(),
                crate::configuration::Dropout::None,
            );
            let task = plan.expect("a plan").setup.task;
            let task = Task::open(&task, folder.path()).expect("opens");
            let vocabulary = configuration.size().vocabulary;
            assert_eq!(task.shape().head, Head::Classes(vocabulary), "{name}");
        }
    }
}
