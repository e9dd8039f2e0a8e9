//! Paired differences: a dot for each seed, the estimate with its interval, zero and the margin.

use super::axis::Axis;
use super::canvas::{self, SPAN};
use super::effects::{Frame, Ground, TOP, estimate};
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
    /// What would have decided where.
    pub grounds: &'a [Ground],
}

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
        let bottom = TOP + rows + 48.0;
        let either_way = self.grounds.iter().filter_map(|ground| ground.to);
        let values = self
            .differences
            .iter()
            .map(|(_, difference)| *difference)
            .chain(self.interval.into_iter().flatten())
            .chain([0.0])
            .chain(self.margin)
            .chain(either_way);
        let x = Axis::linear(values, 0.0, SPAN)?;
        let frame = Frame {
            id: self.id,
            words: &self.words(),
            unit: self.unit,
            x: &x,
            margin: self.margin,
            grounds: self.grounds,
            bottom,
        };
        let mut out = frame.begin();
        let mut sorted = self.differences.to_vec();
        sorted.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        for (row, (seed, difference)) in sorted.iter().enumerate() {
            let y = TOP + lane * (row as f64 + 0.5);
            let class = if *difference > 0.0 {
                "dot"
            } else {
                "dot against"
            };
            canvas::line(&mut out, "lane", [0.0, SPAN], [y, y]);
            label(&mut out, "", y, &seed.to_string());
            canvas::dot(&mut out, x.at(*difference), y, class, 4.0);
        }
        if let Some(effect) = self.effect {
            let y = bottom - 30.0;
            label(&mut out, " strong", y, self.estimate);
            estimate(&mut out, &x, y, effect, self.interval);
        }
        Some(frame.end(out))
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

/// The name of a row, before it.
fn label(out: &mut String, class: &str, y: f64, text: &str) {
    let _ = write!(
        out,
        "<text class=\"end{class}\" x=\"-8\" y=\"{}\">{}</text>",
        y + 4.0,
        Escaped(text)
    );
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
            grounds: &Ground::of_effect(0.02),
        };
        let Html(svg) = pairs.svg().expect("pairs");
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(svg.contains(
            "3 seeds, 2 as the claim predicts; median +0.0233 with bounds −0.0100 and +0.0600"
        ));
        assert!(!svg.contains("style="));
        let places: Vec<usize> = [">2</text>", ">1</text>", ">3</text>"]
            .map(|seed| svg.find(seed).expect("a row"))
            .to_vec();
        assert!(places.is_sorted(), "the greatest difference stands first");
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
            grounds: &[],
        };
        assert!(pairs.svg().is_none());
    }
}
