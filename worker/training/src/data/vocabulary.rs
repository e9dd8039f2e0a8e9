//! From text to numbers: characters or words.

use super::Splits;
use std::collections::{BTreeSet, HashMap};

/// Stands for what is not in the vocabulary.
const UNKNOWN: &str = "<unk>";
/// Stands for the end of a line.
const END: &str = "<eos>";

/// What one token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Character,
    Word,
}

/// The tokens that a model knows, each with a number from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    unit: Unit,
    tokens: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Vocabulary {
    /// The training split's characters in the order of their code points.
    ///
    /// Only if another split holds a character that this one does not, `<unk>` comes first, with number 0.
    pub fn characters(text: &Splits<String>) -> Self {
        let known: BTreeSet<char> = text.train.chars().collect();
        let mut others = text.valid.chars().chain(text.test.chars());
        let unknown = others.any(|c| !known.contains(&c));
        let unknown = unknown.then(|| UNKNOWN.to_owned());
        let tokens = unknown.into_iter().chain(known.iter().map(char::to_string));
        Self::new(Unit::Character, tokens.collect())
    }

    /// The `largest` most frequent words of the training split, `<eos>` and `<unk>` among them.
    ///
    /// Words are what white space separates; every line ends with `<eos>`, a blank one too. The most frequent has number 0; of equally frequent ones the first to occur comes first. A text
    /// that already has `<unk>` gets no second one; else `<unk>` comes last. Both stay even if `largest` is
    /// less than two.
    pub fn words(train: &str, largest: usize) -> Self {
        let mut counts: HashMap<&str, (usize, usize)> = HashMap::new();
        for (position, word) in words_of(train).enumerate() {
            counts.entry(word).or_insert((0, position)).0 += 1;
        }
        for special in [END, UNKNOWN] {
            counts.entry(special).or_insert((0, usize::MAX));
        }
        let mut ranked: Vec<(&str, (usize, usize))> = counts.into_iter().collect();
        ranked.sort_by_key(|&(word, (count, first))| (std::cmp::Reverse(count), first, word));
        let mut room = largest.saturating_sub(2);
        let tokens = ranked.into_iter().filter(|&(word, _)| {
            if word == END || word == UNKNOWN {
                return true;
            }
            let fits = room > 0;
            room = room.saturating_sub(1);
            fits
        });
        Self::new(
            Unit::Word,
            tokens.map(|(word, _)| word.to_owned()).collect(),
        )
    }

    fn new(unit: Unit, tokens: Vec<String>) -> Self {
        let numbered = tokens.iter().cloned().zip(0..);
        Self {
            unit,
            numbers: numbered.collect(),
            tokens,
        }
    }

    /// The text as numbers; what is not in the vocabulary becomes `<unk>`, or nothing if there is no `<unk>`.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let unknown = self.numbers.get(UNKNOWN).copied();
        let number = |token: &str| self.numbers.get(token).copied().or(unknown);
        match self.unit {
            Unit::Character => {
                let mut buffer = [0; 4];
                text.chars()
                    .filter_map(|c| number(c.encode_utf8(&mut buffer)))
                    .collect()
            }
            Unit::Word => words_of(text).filter_map(number).collect(),
        }
    }

    /// The words of a text as numbers, without ends of lines.
    pub fn encode_words(&self, text: &str) -> Vec<u32> {
        let unknown = self.numbers.get(UNKNOWN).copied();
        let number = |word: &str| self.numbers.get(word).copied().or(unknown);
        text.split_whitespace().filter_map(number).collect()
    }

    /// The number of `<eos>`; 0 in a vocabulary of characters, which has none.
    pub fn end(&self) -> u32 {
        self.numbers.get(END).copied().unwrap_or(0)
    }

    /// The tokens, each at its number.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }
}

/// The words of a text, with `<eos>` at the end of every line, as published counts of tokens have it.
fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .flat_map(|line| line.split_whitespace().chain([END]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splits(train: &str, valid: &str, test: &str) -> Splits<String> {
        Splits { train, valid, test }.map(str::to_owned)
    }

    #[test]
    fn characters_are_in_code_point_order_and_unknown_only_where_needed() {
        let closed = Vocabulary::characters(&splits("ba\né", "ab", "é"));
        assert_eq!(closed.tokens(), ["\n", "a", "b", "é"]);
        assert_eq!(closed.encode("éa\n"), [3, 1, 0]);
        let open = Vocabulary::characters(&splits("ba", "ab", "ç"));
        assert_eq!(open.tokens(), ["<unk>", "a", "b"]);
        assert_eq!(open.encode("aç"), [1, 0]);
        // No split holds it, and there is no number that would be right.
        assert!(closed.encode("z").is_empty());
    }

    #[test]
    fn words_are_ranked_by_frequency_then_first_occurrence() {
        let train = "b a a\n  \nc b a\n";
        let all = Vocabulary::words(train, 100);
        assert_eq!(all.tokens(), ["a", "<eos>", "b", "c", "<unk>"]);
        assert_eq!(all.encode("a z\n\nc"), [0, 4, 1, 1, 3, 1]);
        let few = Vocabulary::words(train, 3);
        assert_eq!(few.tokens(), ["a", "<eos>", "<unk>"]);
        assert_eq!(few.encode("b a"), [2, 0, 1]);
        assert_eq!(Vocabulary::words(train, 0).tokens(), ["<eos>", "<unk>"]);
    }

    /// The Penn Treebank's form: a sentence a line between spaces, `<unk>` and `N` already in it, no `<eos>`.
    #[test]
    fn a_corpus_with_unknown_words_keeps_its_own() {
        let sentence = " the <unk> of N <unk> rose\n";
        let text = sentence.repeat(42);
        let vocabulary = Vocabulary::words(&text, 10_000);
        assert_eq!(vocabulary.len(), 6);
        assert_eq!(vocabulary.tokens()[0], "<unk>");
        let encoded = vocabulary.encode(&text);
        assert_eq!(encoded.len(), 42 * (6 + 1));
        assert_eq!(vocabulary.encode("neverseen"), vocabulary.encode("<unk>"));
    }
}
