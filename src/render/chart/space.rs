//! The points of a search over two fields of its space: where the prediction fails, where it holds, and how far each point
//! came. Places stand side by side, each value a column or a row, so that numbers and names are drawn alike.

use super::axis::round;
use super::canvas::{self, Across, SPAN};
use crate::render::{form::Escaped, html::Html};
use std::fmt::Write;

/// Pixels for which labels are made, the room on a phone.
const PHONE: f64 = 254.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 42.0;
/// Height of a row.
const ROW: f64 = 44.0;
/// Half the size of a mark of the first stage, and what each further one adds.
const MARK: [f64; 2] = [2.5, 1.2];
/// Largest half size.
const LARGEST: f64 = 7.0;
/// Letters of a value that fit below a column.
const LETTERS: usize = 9;

/// What is known of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The prediction fails there, as far as its pairs can tell.
    Fails,
    /// It does not.
    Holds,
    /// Its pairs say nothing.
    Silent,
}

/// A point of the picture.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Its column and its row.
    pub at: [usize; 2],
    /// The stage that it came to, from 1 on.
    pub stage: usize,
    /// What is known of it.
    pub found: Found,
    /// Whether it is the counterexample.
    pub ringed: bool,
    /// What it is, in words.
    pub words: String,
}

/// The picture.
#[derive(Debug)]
pub struct Space<'a> {
    /// Of its elements.
    pub id: &'a str,
    /// What it shows, in words.
    pub title: &'a str,
    /// The fields across and down; down may have none.
    pub fields: [&'a str; 2],
    /// Their values, from the left and from the top.
    pub values: [Vec<String>; 2],
    /// The points.
    pub marks: Vec<Mark>,
}

impl Space<'_> {
    /// Draws it; nothing without a point.
    pub fn svg(&self) -> Option<Html> {
        if self.marks.is_empty() || self.values[0].is_empty() {
            return None;
        }
        let columns = self.values[0].len();
        let rows = self.values[1].len().max(1);
        let width = SPAN / columns as f64;
        let bottom = TOP + ROW * rows as f64;
        let mut out = canvas::open(" small", bottom + BOTTOM, self.id, self.title);
        for row in 0..=rows {
            let y = TOP + ROW * row as f64;
            canvas::line(&mut out, "tick", [0.0, SPAN], [y, y]);
        }
        for column in 0..=columns {
            let x = width * column as f64;
            canvas::line(&mut out, "tick", [x, x], [TOP, bottom]);
        }
        // Where labels would run into each other only every other one, or so, stands there.
        let longest = self.values[0]
            .iter()
            .map(|value| value.chars().count())
            .max();
        let letters = longest.unwrap_or(1).min(LETTERS) as f64 * 6.5 + 6.0;
        let every = (letters * columns as f64 / PHONE).ceil().max(1.0) as usize;
        for (column, value) in self.values[0].iter().enumerate().step_by(every) {
            let _ = write!(
                out,
                "<text class=\"middle\" x=\"{}\" y=\"{}\">{}</text>",
                Across(width * (column as f64 + 0.5)),
                bottom + 16.0,
                Escaped(&short(value))
            );
        }
        for (row, value) in self.values[1].iter().enumerate() {
            let _ = write!(
                out,
                "<text class=\"end\" x=\"-7\" y=\"{}\">{}</text>",
                TOP + ROW * (row as f64 + 0.5) + 4.0,
                Escaped(&short(value))
            );
        }
        let _ = write!(
            out,
            "<text class=\"unit\" y=\"13\">{}</text><text class=\"end\" x=\"100%\" y=\"{}\">{}</text>",
            Escaped(self.fields[1]),
            bottom + BOTTOM - 6.0,
            Escaped(self.fields[0])
        );
        for (index, mark) in self.marks.iter().enumerate() {
            let here = |other: &&Mark| other.at == mark.at;
            let all = self.marks.iter().filter(here).count();
            let before = self.marks[..index].iter().filter(here).count();
            let [x, y] = within(mark.at, before, all, width);
            draw(&mut out, mark, x, y);
        }
        out.push_str("</svg>");
        Some(Html(out))
    }
}

/// The centre of a mark: marks of one place stand in rows of their own.
fn within(at: [usize; 2], place: usize, all: usize, width: f64) -> [f64; 2] {
    let across = (1..=all).find(|across| across * across >= all).unwrap_or(1);
    let down = all.div_ceil(across);
    let share = |place: usize, of: usize| (place as f64 + 0.5) / of as f64;
    [
        round(width * (at[0] as f64 + share(place % across, across))),
        round(TOP + ROW * (at[1] as f64 + share(place / across, down))),
    ]
}

fn draw(out: &mut String, mark: &Mark, x: f64, y: f64) {
    let size = round((MARK[0] + MARK[1] * mark.stage as f64).min(LARGEST));
    let _ = write!(out, "<g><title>{}</title>", Escaped(&mark.words));
    if mark.ringed {
        canvas::dot(out, x, y, "ring", round(size + 5.0));
    }
    match mark.found {
        Found::Fails => {
            let twice = 2.0 * size;
            let cross = format!("M-{size}-{size}l{twice} {twice}m0-{twice}l-{twice} {twice}");
            canvas::mark(out, x, y, "fails", &cross);
        }
        Found::Holds => canvas::dot(out, x, y, "holds", size),
        Found::Silent => canvas::dot(out, x, y, "silent", size),
    }
    out.push_str("</g>");
}

fn short(value: &str) -> String {
    match value.chars().count() > LETTERS {
        true => value.chars().take(LETTERS - 1).chain(['…']).collect(),
        false => value.to_owned(),
    }
}

/// What the marks mean, as HTML so that it wraps on a phone.
pub fn legend() -> Html {
    let key = |shape: &str, words: &str| {
        format!(
            "<span><svg class=\"chart key\" viewBox=\"0 0 30 10\" aria-hidden=\"true\">{shape}</svg> {words}</span>"
        )
    };
    let keys = [
        key(
            "<path class=\"fails\" d=\"M11 1l8 8m0 -8l-8 8\"/>",
            "the prediction fails",
        ),
        key(
            "<circle class=\"holds\" cx=\"15\" cy=\"5\" r=\"4\"/>",
            "it does not",
        ),
        key(
            "<circle class=\"silent\" cx=\"15\" cy=\"5\" r=\"4\"/>",
            "its pairs say nothing",
        ),
        key(
            "<circle class=\"ring\" cx=\"15\" cy=\"5\" r=\"4.2\"/>",
            "the counterexample",
        ),
    ];
    Html(format!(
        "<p class=\"legend note\">{} <span>larger: came further</span></p>",
        keys.join(" ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(at: [usize; 2], stage: usize, found: Found) -> Mark {
        Mark {
            at,
            stage,
            found,
            ringed: found == Found::Fails,
            words: format!("<{at:?}>"),
        }
    }

    fn space(marks: Vec<Mark>) -> Space<'static> {
        Space {
            id: "space",
            title: "Points",
            fields: ["task.length", "model.cell"],
            values: [
                ["50", "100"].map(str::to_owned).to_vec(),
                ["gru", "a_name_that_is_long"].map(str::to_owned).to_vec(),
            ],
            marks,
        }
    }

    #[test]
    fn every_point_has_a_mark_of_its_own_and_words() {
        let marks = vec![
            mark([0, 0], 1, Found::Holds),
            mark([0, 0], 3, Found::Fails),
            mark([1, 1], 2, Found::Silent),
        ];
        let Html(svg) = space(marks).svg().expect("points");
        for class in ["holds", "silent", "ring"] {
            assert_eq!(
                svg.matches(&format!("<circle class=\"{class}\"")).count(),
                1,
                "{class}"
            );
        }
        assert_eq!(svg.matches("<path class=\"fails\"").count(), 1);
        assert!(
            svg.contains("&#60;[0, 0]&#62;") || svg.contains("&lt;[0, 0]&gt;"),
            "{svg}"
        );
        assert!(svg.contains("a_name_t…") && !svg.contains("style="));
        let places: Vec<[f64; 2]> = (0..3)
            .map(|place| within([0, 0], place, 3, 100.0))
            .collect();
        assert!(places[0] != places[1] && places[1] != places[2]);
    }

    #[test]
    fn without_a_point_there_is_no_picture() {
        assert!(space(Vec::new()).svg().is_none());
    }
}
