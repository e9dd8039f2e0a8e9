//! What a text names on this board: `#12` an experiment, `C3` a claim of the work under discussion, `@ada` a person,
//! `[[run 12 test_mse]]` a number of a run.
//! Only what exists becomes a link; whether it does, the database says.

use crate::pins::{self, Pin};
use breakmywork_protocol::metric;
use comrak::{
    Arena,
    nodes::{Node, NodeLink, NodeValue},
};
use std::collections::{BTreeMap, BTreeSet};

/// Names of one kind that a text may have looked up; further ones stay text.
const MOST: usize = 30;

/// What a text names, whether it exists or not. At most 30 of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    /// Numbers of experiments.
    pub experiments: BTreeSet<i64>,
    /// Labels of claims.
    pub claims: BTreeSet<String>,
    /// Names of people.
    pub people: BTreeSet<String>,
    /// Numbers of runs: one more than a comment may pin, at most.
    pub numbers: BTreeSet<Pin>,
}

impl Named {
    /// Whether no experiment, claim or person is to be looked up.
    pub fn is_empty(&self) -> bool {
        self.experiments.is_empty() && self.claims.is_empty() && self.people.is_empty()
    }

    pub(super) fn add(&mut self, name: Name<'_>) {
        match name {
            Name::Experiment(id) if self.experiments.len() < MOST => {
                self.experiments.insert(id);
            }
            Name::Claim(label) if self.claims.len() < MOST => {
                self.claims.insert(label.to_owned());
            }
            Name::Person(name) if self.people.len() < MOST => {
                self.people.insert(name.to_owned());
            }
            Name::Number(pin) if self.numbers.len() <= pins::MOST => {
                self.numbers.insert(pin);
            }
            _ => {}
        }
    }
}

/// What of it exists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Experiments, by number.
    pub experiments: BTreeSet<i64>,
    /// Claims of the work under discussion, by label, with their numbers.
    pub claims: BTreeMap<String, i64>,
    /// Accounts, by name.
    pub people: BTreeSet<String>,
    /// Numbers of runs as they are written.
    pub numbers: BTreeMap<Pin, String>,
}

impl Known {
    /// Where a name leads, what is said of it, and its words, which are as `typed` but of a number.
    fn link(&self, name: Name<'_>, typed: &str) -> Option<Link> {
        let (url, title, words) = match name {
            Name::Experiment(id) => self.experiments.contains(&id).then(|| {
                (
                    format!("/experiments/{id}"),
                    String::new(),
                    typed.to_owned(),
                )
            }),
            Name::Claim(label) => (self.claims.get(label))
                .map(|id| (format!("/claims/{id}"), String::new(), typed.to_owned())),
            Name::Person(name) => (self.people.contains(name))
                .then(|| (format!("/people/{name}"), String::new(), typed.to_owned())),
            Name::Number(pin) => self.numbers.get(&pin).map(|words| {
                let step = (pin.step).map_or_else(String::new, |step| format!(", step {step}"));
                let title = format!("{} of run {}{step}", metric::words(&pin.metric), pin.run);
                (format!("/runs/{}", pin.run), title, words.clone())
            }),
        }?;
        Some(Link { url, title, words })
    }
}

/// What becomes of a name.
struct Link {
    url: String,
    title: String,
    words: String,
}

/// A name in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name<'a> {
    Experiment(i64),
    Claim(&'a str),
    Person(&'a str),
    Number(Pin),
}

/// The texts in which names are looked for: what is neither code nor formula, nor in a link.
pub(super) fn texts<'a>(nodes: &[Node<'a>]) -> Vec<Node<'a>> {
    let is_plain = |node: &Node<'a>| {
        matches!(node.data().value, NodeValue::Text(_))
            && !node
                .ancestors()
                .any(|outer| matches!(outer.data().value, NodeValue::Link(_)))
    };
    nodes.iter().copied().filter(is_plain).collect()
}

/// Every name in a text with where it stands, in order.
pub(super) fn names(text: &str) -> Vec<(usize, usize, Name<'_>)> {
    let mut found = Vec::new();
    let mut before = None;
    let mut next = 0;
    for (at, char) in text.char_indices() {
        let starts = at >= next && !before.is_some_and(joins);
        if starts && let Some((length, name)) = name_at(&text[at..], char) {
            found.push((at, at + length, name));
            next = at + length;
        }
        before = Some(char);
    }
    found
}

/// Whether a name cannot begin right after this.
fn joins(char: char) -> bool {
    char.is_alphanumeric() || "_#@/&=-.\\".contains(char)
}

fn name_at(text: &str, first: char) -> Option<(usize, Name<'_>)> {
    let (length, name) = match first {
        '#' => {
            let digits = leading(&text[1..], |byte| byte.is_ascii_digit(), 9);
            let id = digits.parse().ok().filter(|_| !digits.starts_with('0'))?;
            (1 + digits.len(), Name::Experiment(id))
        }
        '@' => {
            let inner = |byte: u8| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte)
            };
            let name = leading(&text[1..], inner, 33).trim_end_matches(['-', '_']);
            crate::auth::account::check_name(name).ok()?;
            (1 + name.len(), Name::Person(name))
        }
        'A'..='Z' => {
            let digits = leading(&text[1..], |byte| byte.is_ascii_digit(), 4);
            let rest = &text[1 + digits.len()..];
            let letter = leading(rest, |byte| byte.is_ascii_lowercase(), 1);
            let label = &text[..1 + digits.len() + letter.len()];
            (
                label.len(),
                (!digits.is_empty()).then_some(Name::Claim(label))?,
            )
        }
        '[' => {
            let (length, pin) = Pin::read(text)?;
            (length, Name::Number(pin))
        }
        _ => return None,
    };
    ends(&text[length..]).then_some((length, name))
}

fn leading(text: &str, is_part: impl Fn(u8) -> bool, most: usize) -> &str {
    let length = text.bytes().take(most).take_while(|&byte| is_part(byte));
    &text[..length.count()]
}

/// Whether a name is over where this follows.
fn ends(rest: &str) -> bool {
    let mut after = rest.chars();
    match after.next() {
        None => true,
        Some('.' | ',') => !after.next().is_some_and(|char| char.is_ascii_digit()),
        Some(char) => !char.is_alphanumeric() && char != '_' && char != '@',
    }
}

/// Makes links of the names that are known.
pub(super) fn link<'a>(arena: &'a Arena<'a>, node: Node<'a>, known: &Known) {
    let NodeValue::Text(text) = node.data().value.clone() else {
        return;
    };
    let found: Vec<_> = names(&text)
        .into_iter()
        .filter_map(|(from, to, name)| Some((from, to, known.link(name, &text[from..to])?)))
        .collect();
    let plain = |text: &str| arena.alloc(NodeValue::Text(text.to_owned().into()).into());
    let mut done = 0;
    for (from, to, Link { url, title, words }) in found {
        if done < from {
            node.insert_before(plain(&text[done..from]));
        }
        let link = NodeLink { url, title };
        let link = arena.alloc(NodeValue::Link(Box::new(link)).into());
        link.append(plain(&words));
        node.insert_before(link);
        done = to;
    }
    if done > 0 {
        node.data_mut().value = NodeValue::Text(text[done..].to_owned().into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<&str> {
        let names = names(text);
        names
            .iter()
            .map(|(from, to, _)| &text[*from..*to])
            .collect()
    }

    #[test]
    fn names_stand_for_themselves() {
        assert_eq!(
            told("See #12, (#7) and C3, C12a; thanks @ada-l and @bo_b."),
            ["#12", "#7", "C3", "C12a", "@ada-l", "@bo_b"]
        );
        assert_eq!(told("C3."), ["C3"]);
        assert_eq!(
            told("It is [[run 12 test_mse]], not [[run 13 train_loss @ 400]]."),
            ["[[run 12 test_mse]]", "[[run 13 train_loss @ 400]]"]
        );
        assert_eq!(told("@ada- said"), ["@ada"]);
    }

    #[test]
    fn what_looks_like_a_name_is_none() {
        for text in [
            "x@ada.org",
            "a#12",
            "##12",
            "#012",
            "#12.5",
            "#12a",
            "/#12",
            "C3PO",
            "ABC3",
            "3C4x5",
            "@ab",
            "@Ada",
            "#1234567890",
            "&#12",
            "C",
            "C12345",
            "@adä",
            "1.C3",
            "\\C3",
        ] {
            assert_eq!(told(text), [""; 0], "{text}");
        }
    }
}
