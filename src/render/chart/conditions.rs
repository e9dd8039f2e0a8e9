//! The effect in each of several conditions: a row of dots and an estimate for each.

use super::axis::Axis;
use super::canvas::{self, SPAN};
use super::effects::{Frame, Ground, TOP, estimate};
use crate::render::{html::Html, number};
use std::fmt::Write;

/// A condition.
#[derive(Debug, Clone)]
pub struct Condition {
    /// Signed differences of its seeds; positive is as the claim predicts.
    pub differences: Vec<f64>,
    /// Its estimate.
    pub effect: f64,
    /// Bounds of that.
    pub interval: Option<[f64; 2]>,
}

/// What is drawn.
#[derive(Debug, Clone)]
pub struct Conditions<'a> {
    /// Keeps ids on a page apart.
    pub id: &'a str,
    /// What the differences are, with their unit.
    pub unit: &'a str,
    /// One row each.
    pub conditions: &'a [Condition],
    /// Smallest effect of interest.
    pub margin: f64,
}

/// Height of a row.
const ROW: f64 = 40.0;

impl Conditions<'_> {
    /// The plot, or nothing without a condition.
    pub fn svg(&self) -> Option<Html> {
        if self.conditions.is_empty() {
            return None;
        }
        let bounds = |condition: &Condition| condition.interval.into_iter().flatten();
        let seen = (self.conditions.iter()).flat_map(|condition| {
            condition
                .differences
                .iter()
                .copied()
                .chain(bounds(condition))
        });
        let x = Axis::linear(seen.chain([0.0, self.margin]), 0.0, SPAN)?;
        // Room for the words of the ground.
        let bottom = TOP + ROW * self.conditions.len() as f64 + 14.0;
        let frame = Frame {
            id: self.id,
            words: &self.words(),
            unit: self.unit,
            x: &x,
            margin: Some(self.margin),
            grounds: &Ground::of_effect(self.margin),
            bottom,
        };
        let mut out = frame.begin();
        for (row, condition) in self.conditions.iter().enumerate() {
            let y = TOP + ROW * (row as f64 + 0.5);
            canvas::line(&mut out, "lane", [0.0, SPAN], [y, y]);
            let _ = write!(
                out,
                "<text class=\"end\" x=\"-8\" y=\"{}\">{}</text>",
                y + 4.0,
                row + 1
            );
            for difference in &condition.differences {
                let class = if *difference > 0.0 {
                    "dot"
                } else {
                    "dot against"
                };
                canvas::dot(&mut out, x.at(*difference), y - 9.0, class, 3.0);
            }
            estimate(&mut out, &x, y + 7.0, condition.effect, condition.interval);
        }
        Some(frame.end(out))
    }

    fn words(&self) -> String {
        let mut words = format!("Differences in {} conditions", self.conditions.len());
        for (condition, place) in self.conditions.iter().zip(1..) {
            let _ = write!(
                words,
                "; {place}: median {}",
                number::signed(condition.effect)
            );
            if let Some([low, high]) = condition.interval {
                let (low, high) = (number::signed(low), number::signed(high));
                let _ = write!(words, " with bounds {low} and {high}");
            }
        }
        let margin = number::value(self.margin);
        let _ = write!(words, "; smallest effect of interest {margin}.");
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_has_its_dots_and_the_words_say_the_same() {
        let condition = |effect: f64, interval| Condition {
            differences: vec![effect - 0.1, effect, effect + 0.1],
            effect,
            interval,
        };
        let conditions = [condition(0.3, Some([0.2, 0.4])), condition(-0.05, None)];
        let plot = Conditions {
            id: "c",
            unit: "squared error",
            conditions: &conditions,
            margin: 0.1,
        };
        let Html(svg) = plot.svg().expect("conditions");
        assert_eq!(svg.matches("<circle class=\"dot\"").count(), 4);
        assert_eq!(svg.matches("<circle class=\"dot against\"").count(), 2);
        assert_eq!(svg.matches("class=\"interval\"").count(), 1);
        assert!(svg.contains("2 conditions; 1: median +0.300 with bounds +0.200 and +0.400; 2: median −0.0500; smallest"), "{svg}");
        assert!(!svg.contains("style="));
        let none = Conditions {
            conditions: &[],
            ..plot
        };
        assert!(none.svg().is_none());
    }
}
