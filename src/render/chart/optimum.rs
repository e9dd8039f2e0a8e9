//! How flat the optimum of an arm is: what every trial reached over a field that was tuned.

use super::axis::{Axis, labelled};
use super::canvas::{self, SPAN};
use crate::render::{form::Escaped, html::Html, number};
use std::fmt::Write;

const HEIGHT: f64 = 230.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 40.0;

/// A trial.
#[derive(Debug, Clone)]
pub struct Point {
    /// Value of the field.
    pub at: f64,
    /// The metric of each run.
    pub values: Vec<f64>,
    /// Their median; none while runs wait, and where it diverged.
    pub median: Option<f64>,
    /// Runs that diverged.
    pub diverged: usize,
    /// Whether its arm chose it.
    pub chosen: bool,
}

/// What is drawn.
#[derive(Debug, Clone)]
pub struct Optimum<'a> {
    /// Keeps ids on a page apart.
    pub id: &'a str,
    /// Whose trials.
    pub arm: &'a str,
    /// The field.
    pub field: &'a str,
    /// Whether its axis is logarithmic.
    pub log: bool,
    /// The metric.
    pub metric: &'a str,
    /// The trials.
    pub points: &'a [Point],
    /// Lowest and highest value of the metric over all arms, so that their plots can be compared.
    pub range: [f64; 2],
}

impl Optimum<'_> {
    /// The plot, or nothing before the first result.
    pub fn svg(&self) -> Option<Html> {
        let bottom = HEIGHT - BOTTOM;
        if self.points.iter().all(|point| point.values.is_empty()) {
            return None;
        }
        let places = self.points.iter().map(|point| point.at);
        let x = match self.log {
            true => Axis::logarithmic(places, 0.0, SPAN),
            false => Axis::linear(places, 0.0, SPAN),
        }?;
        let y = Axis::fitting(self.range, bottom, TOP)?;
        let mut out = canvas::open(" small", HEIGHT, self.id, &self.words());
        canvas::values(&mut out, &y, self.metric);
        canvas::across(&mut out, bottom, labelled(x.ticks(4)), &x);
        let _ = write!(
            out,
            "<text class=\"end\" x=\"100%\" y=\"{}\">{}</text>",
            HEIGHT - 4.0,
            Escaped(self.field)
        );
        for point in self.points {
            point.draw(&mut out, x.at(point.at), &y);
        }
        out.push_str("</svg>");
        Some(Html(out))
    }

    fn words(&self) -> String {
        let told = self.points.iter().map(|point| {
            let at = number::plain(point.at);
            let chosen = if point.chosen { " (chosen)" } else { "" };
            match point.median {
                Some(median) => format!("{at}{chosen}: {}", number::value(median)),
                None if point.diverged > 0 => format!("{at}{chosen}: diverged"),
                None => format!("{at}: not known yet"),
            }
        });
        let told = told.collect::<Vec<_>>().join(", ");
        format!(
            "Median {} of {} over {}: {told}.",
            self.metric, self.arm, self.field
        )
    }
}

impl Point {
    /// A dot for each run, a bar for the median, the chosen one's a diamond; a cross above the plot where runs diverged.
    fn draw(&self, out: &mut String, at: f64, y: &Axis) {
        for value in &self.values {
            canvas::dot(out, at, y.at(*value), "dot", 2.5);
        }
        if self.diverged > 0 {
            canvas::mark(out, at, TOP - 10.0, "interval", "M-4-4l8 8m0-8l-8 8");
        }
        let Some(median) = self.median else {
            return;
        };
        let (class, shape) = match self.chosen {
            true => ("centre", "M0-7l7 7l-7 7l-7-7z"),
            false => ("interval", "M-6 0h12"),
        };
        canvas::mark(out, at, y.at(median), class, shape);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at: f64, median: f64, chosen: bool) -> Point {
        Point {
            at,
            values: vec![median - 0.01, median, median + 0.01],
            median: Some(median),
            diverged: 0,
            chosen,
        }
    }

    fn drawn(points: &[Point]) -> Option<Html> {
        let optimum = Optimum {
            id: "o",
            arm: "fixed",
            field: "training.learning_rate",
            log: true,
            metric: "valid_mse",
            points,
            range: [0.02, 0.2],
        };
        optimum.svg()
    }

    #[test]
    fn every_trial_has_its_runs_and_its_median_and_the_words_say_the_same() {
        let mut lost = point(0.1, 0.1, false);
        (lost.median, lost.diverged) = (None, 2);
        let Html(svg) =
            drawn(&[point(0.001, 0.12, false), point(0.01, 0.03, true), lost]).expect("trials");
        assert_eq!(svg.matches("<circle class=\"dot\"").count(), 9);
        assert_eq!(svg.matches("class=\"centre\"").count(), 1);
        // A bar for a median, a cross for what diverged.
        assert_eq!(svg.matches("class=\"interval\"").count(), 2);
        assert!(
            svg.contains("0.001: 0.120, 0.01 (chosen): 0.0300, 0.1: diverged."),
            "{svg}"
        );
        assert!(!svg.contains("style=") && !svg.contains("NaN"));
    }

    #[test]
    fn before_the_first_result_there_is_no_plot() {
        let mut open = point(0.01, 0.1, false);
        (open.median, open.values) = (None, Vec::new());
        assert!(drawn(&[open]).is_none());
    }
}
