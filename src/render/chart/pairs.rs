//! Paired differences: a dot for each seed, the estimate with its interval, zero and the margin.

use super::axis::{Axis, labelled};
use crate::render::{form::Escaped, html::Html, number};
use std::fmt::Write;

/// What is drawn.
#[derive(Debug, Clone)]
pub struct Pairs<'a> {
    /// Keeps ids on a page apart.
    pub id: &'a str,
    /// What the differences are, with their unit.
    pub unit: &'a str,
    /// Seed and signed difference; positive is as the claim predicts.
    pub differences: &'a [(u32, f64)],
    /// What the estimate is called.
    pub estimate: &'a str,
    /// The estimated difference.
    pub effect: Option<f64>,
    /// Its bounds.
    pub interval: Option<[f64; 2]>,
    /// Smallest effect of interest, where it has a place on this axis.
    pub margin: Option<f64>,
}

const WIDTH: f64 = 640.0;
const LEFT: f64 = 66.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 46.0;
/// From a line to its name, so that names of close lines stay apart.
const ASIDE: f64 = 4.0;

impl Pairs<'_> {
    /// The plot, or nothing without a pair.
    pub fn svg(&self) -> Option<Html> {
        if self.differences.is_empty() {
            return None;
        }
        let lane = if self.differences.len() > 16 {
            12.0
        } else {
            17.0
        };
        let rows = self.differences.len() as f64 * lane;
        let bottom = TOP + rows + 34.0;
        let height = bottom + BOTTOM;
        let right = WIDTH - RIGHT;
        let values = self
            .differences
            .iter()
            .map(|(_, difference)| *difference)
            .chain(self.interval.into_iter().flatten())
            .chain([0.0])
            .chain(self.margin);
        let x = Axis::linear(values, LEFT, right)?;
        let mut out = String::with_capacity(8 * 1024);
        let id = Escaped(self.id);
        let _ = write!(
            out,
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}-title\">\
             <title id=\"{id}-title\">{}</title>",
            Escaped(&self.words())
        );
        for (tick, label) in labelled(x.ticks(6)) {
            let at = x.at(tick);
            let _ = write!(
                out,
                "<path class=\"axis\" d=\"M{at} {bottom}v5\"/><text class=\"middle\" x=\"{at}\" y=\"{}\">{}</text>",
                bottom + 19.0,
                label
            );
        }
        let (zero, margin) = (x.at(0.0), self.margin.map(|margin| x.at(margin)));
        let top = TOP - 8.0;
        let _ = write!(
            out,
            "<path class=\"axis\" d=\"M{LEFT} {bottom}H{right}\"/>\
             <path class=\"zero\" d=\"M{zero} {top}V{bottom}\"/>"
        );
        if let Some(margin) = margin {
            let _ = write!(
                out,
                "<path class=\"margin\" d=\"M{margin} {top}V{bottom}\"/>"
            );
        }
        self.line_names(&mut out, zero, margin);
        for (row, (seed, difference)) in self.differences.iter().enumerate() {
            let y = TOP + lane * (row as f64 + 0.5);
            let class = if *difference > 0.0 {
                "dot"
            } else {
                "dot against"
            };
            let _ = write!(
                out,
                "<path class=\"lane\" d=\"M{LEFT} {y}H{right}\"/>\
                 <text class=\"end\" x=\"{}\" y=\"{}\">seed {seed}</text>\
                 <circle class=\"{class}\" cx=\"{}\" cy=\"{y}\" r=\"4\"/>",
                LEFT - 8.0,
                y + 4.0,
                x.at(*difference)
            );
        }
        self.estimate(&mut out, &x, bottom - 17.0);
        let _ = write!(
            out,
            "<text x=\"{LEFT}\" y=\"{}\">← against the claim</text>\
             <text class=\"end\" x=\"{right}\" y=\"{}\">{}, as the claim predicts →</text></svg>",
            height - 6.0,
            height - 6.0,
            Escaped(self.unit)
        );
        Some(Html(out))
    }

    /// The names of both lines above them, apart even where the lines are close.
    fn line_names(&self, out: &mut String, zero: f64, margin: Option<f64>) {
        let (left, right) = ("end", "start");
        let (zero_anchor, margin_anchor) = if margin.is_none_or(|margin| margin >= zero) {
            (left, right)
        } else {
            (right, left)
        };
        let names = [
            (Some(zero), zero_anchor, "no effect"),
            (margin, margin_anchor, "smallest effect of interest"),
        ];
        for (at, anchor, text) in names {
            let Some(at) = at else { continue };
            // Near an edge the text turns inwards, on a line of its own.
            let (anchor, y) = match anchor {
                "end" if at < LEFT + 60.0 => ("start", TOP - 27.0),
                "start" if at > WIDTH - RIGHT - 150.0 => ("end", TOP - 27.0),
                other => (other, TOP - 12.0),
            };
            let (class, x) = match anchor {
                "end" => (" class=\"end\"", at - ASIDE),
                _ => ("", at + ASIDE),
            };
            let _ = write!(out, "<text{class} x=\"{x}\" y=\"{y}\">{text}</text>");
        }
    }

    fn estimate(&self, out: &mut String, x: &Axis, y: f64) {
        let Some(effect) = self.effect else { return };
        let at = x.at(effect);
        let _ = write!(
            out,
            "<text class=\"end strong\" x=\"{}\" y=\"{}\">{}</text>",
            LEFT - 8.0,
            y + 4.0,
            Escaped(self.estimate)
        );
        if let Some([low, high]) = self.interval {
            let (low, high) = (x.at(low), x.at(high));
            let _ = write!(
                out,
                "<path class=\"interval\" d=\"M{low} {y}H{high}M{low} {}v8M{high} {}v8\"/>",
                y - 4.0,
                y - 4.0
            );
        }
        let _ = write!(
            out,
            "<path class=\"centre\" d=\"M{at} {}l6 6l-6 6l-6 -6z\"/>",
            y - 6.0
        );
    }

    fn words(&self) -> String {
        let favour = self.differences.iter().filter(|(_, d)| *d > 0.0).count();
        let mut words = format!(
            "Paired differences of {} seeds, {favour} as the claim predicts",
            self.differences.len()
        );
        if let (Some(effect), Some([low, high])) = (self.effect, self.interval) {
            let _ = write!(
                words,
                "; {} {} with bounds {} and {}",
                self.estimate,
                number::signed(effect),
                number::signed(low),
                number::signed(high)
            );
        }
        if let Some(margin) = self.margin {
            let _ = write!(
                words,
                "; smallest effect of interest {}",
                number::value(margin)
            );
        }
        words.push('.');
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_has_a_dot_and_the_words_say_the_same() {
        let pairs = Pairs {
            id: "p",
            unit: "squared error",
            estimate: "median",
            differences: &[(1, 0.03), (2, 0.05), (3, -0.01)],
            effect: Some(0.0233),
            interval: Some([-0.01, 0.06]),
            margin: Some(0.02),
        };
        let Html(svg) = pairs.svg().expect("pairs");
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(svg.contains(
            "3 seeds, 2 as the claim predicts; median +0.0233 with bounds −0.0100 and +0.0600"
        ));
        assert!(!svg.contains("style="));
    }

    #[test]
    fn without_pairs_there_is_no_plot() {
        let pairs = Pairs {
            estimate: "mean",
            id: "p",
            unit: "",
            differences: &[],
            effect: None,
            interval: None,
            margin: Some(0.1),
        };
        assert!(pairs.svg().is_none());
    }
}
