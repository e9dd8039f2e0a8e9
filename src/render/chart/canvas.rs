//! What every chart is drawn on: as wide as its place, with text that keeps its size.
//!
//! A chart has no viewBox: heights are pixels, and what lies across is a share of the width. So letters, dots and strokes
//! are as large on a phone as anywhere, and only the room between them grows. Paths, which know no shares, stand in a part
//! of their own that is stretched.

use super::axis::{Axis, labelled, round};
use crate::render::form::Escaped;
use std::fmt::{self, Write};

/// What an axis from left to right maps to: thousandths of the width.
pub(super) const SPAN: f64 = 1000.0;

/// Units of a stretched part for a pixel of its height, so that whole numbers are fine enough.
const FINE: f64 = 10.0;

/// A place from left to right, in thousandths of the width.
#[derive(Debug, Clone, Copy)]
pub(super) struct Across(pub(super) f64);

impl fmt::Display for Across {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.2}", self.0 / 10.0);
        write!(f, "{}%", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// Begins a chart. `class` says how much room its labels need, `words` what it shows; `id` keeps ids on a page apart.
pub(super) fn open(class: &str, height: f64, id: &str, words: &str) -> String {
    let mut out = String::with_capacity(8 * 1024);
    let id = Escaped(id);
    let _ = write!(
        out,
        "<svg class=\"chart{class}\" height=\"{height}\" role=\"img\" aria-labelledby=\"{id}-title\">\
         <title id=\"{id}-title\">{}</title>",
        Escaped(words)
    );
    out
}

/// Labels and lines of a value axis, with what is on it above.
pub(super) fn values(out: &mut String, y: &Axis, unit: &str) {
    for (tick, label) in labelled(y.ticks(5)) {
        let at = y.at(tick);
        line(out, "tick", [0.0, SPAN], [at, at]);
        let _ = write!(
            out,
            "<text class=\"end\" x=\"-7\" y=\"{}\">{label}</text>",
            round(at + 4.0)
        );
    }
    let scale = if y.is_log() { ", logarithmic" } else { "" };
    let _ = write!(
        out,
        "<text class=\"unit\" y=\"11\">{}{scale}</text>",
        Escaped(unit)
    );
}

/// The axis below, with its labels.
pub(super) fn across(out: &mut String, bottom: f64, ticks: Vec<(f64, String)>, x: &Axis) {
    line(out, "axis", [0.0, SPAN], [bottom, bottom]);
    for (tick, label) in ticks {
        let at = x.at(tick);
        line(out, "axis", [at, at], [bottom, bottom + 5.0]);
        let _ = write!(
            out,
            "<text class=\"middle\" x=\"{}\" y=\"{}\">{label}</text>",
            Across(at),
            bottom + 19.0
        );
    }
}

/// A straight line: from and to, across and down.
pub(super) fn line(out: &mut String, class: &str, x: [f64; 2], y: [f64; 2]) {
    let _ = write!(
        out,
        "<line class=\"{class}\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>",
        Across(x[0]),
        Across(x[1]),
        round(y[0]),
        round(y[1])
    );
}

/// A shape that is not stretched: its path is drawn around the place.
pub(super) fn mark(out: &mut String, x: f64, y: f64, class: &str, path: &str) {
    let _ = write!(
        out,
        "<svg x=\"{}\" y=\"{}\"><path class=\"{class}\" d=\"{path}\"/></svg>",
        Across(x),
        round(y)
    );
}

/// A round dot.
pub(super) fn dot(out: &mut String, x: f64, y: f64, class: &str, radius: f64) {
    let _ = write!(
        out,
        "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"{radius}\"/>",
        Across(x),
        round(y)
    );
}

/// The part for paths of a [`Pen`], over the whole width.
pub(super) fn stretched(out: &mut String, height: f64, paths: &str) {
    let _ = write!(
        out,
        "<svg viewBox=\"0 0 {SPAN} {}\" preserveAspectRatio=\"none\" height=\"{height}\">{paths}</svg>",
        height * FINE
    );
}

/// Draws a path for [`stretched`], in whole steps from point to point: a page has thousands of them.
#[derive(Debug, Default)]
pub(super) struct Pen {
    path: String,
    at: Option<[i64; 2]>,
    /// Points on the path.
    pub(super) points: usize,
}

impl Pen {
    /// A line to here; a new beginning after [`Pen::lift`].
    pub(super) fn to(&mut self, x: f64, y: f64) {
        let next = [x.round() as i64, (y * FINE).round() as i64];
        let _ = match self.at {
            None => write!(self.path, "M{} {}", next[0], next[1]),
            Some(last) => {
                let (across, down) = (next[0] - last[0], next[1] - last[1]);
                // A minus sign parts numbers, too.
                let space = if down < 0 { "" } else { " " };
                write!(self.path, "l{across}{space}{down}")
            }
        };
        self.at = Some(next);
        self.points += 1;
    }

    /// Leaves a gap.
    pub(super) fn lift(&mut self) {
        self.at = None;
    }

    /// What was drawn, as an element of this class; `close` makes it a surface.
    pub(super) fn element(&self, class: &str, close: bool) -> String {
        let end = if close { "z" } else { "" };
        format!("<path class=\"{class}\" d=\"{}{end}\"/>", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_in_whole_steps_and_leaves_gaps() {
        let mut pen = Pen::default();
        for (x, y) in [(0.0, 10.0), (10.4, 8.06), (20.0, 9.0)] {
            pen.to(x, y);
        }
        pen.lift();
        pen.to(30.0, 1.0);
        assert_eq!(
            pen.element("mean", false),
            "<path class=\"mean\" d=\"M0 100l10-19l10 9M30 10\"/>"
        );
    }

    #[test]
    fn places_are_shares_of_the_width() {
        let (mut out, closed) = (open("", 10.0, "a\"b", "<words>"), "</svg>");
        line(&mut out, "zero", [333.333, 333.333], [0.0, 10.0]);
        out.push_str(closed);
        assert!(out.contains("x1=\"33.33%\" x2=\"33.33%\""), "{out}");
        assert!(
            out.contains("<title id=\"a&#34;b-title\">&lt;words&gt;") || out.contains("&quot;"),
            "{out}"
        );
        assert!(!out.contains("viewBox") && !out.contains("style="));
    }
}
