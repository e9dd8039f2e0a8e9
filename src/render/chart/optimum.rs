//! How flat the optimum of an arm is: what every trial reached over a field that was tuned.

use super::axis::{Axis, labelled};
use crate::render::{form::Escaped, html::Html, number};
use std::fmt::Write;

/// Narrow, so that it can be read on a phone and two stand side by side.
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 14.0;
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
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        if self.points.iter().all(|point| point.values.is_empty()) {
            return None;
        }
        let places = self.points.iter().map(|point| point.at);
        let x = match self.log {
            true => Axis::logarithmic(places, LEFT, right),
            false => Axis::linear(places, LEFT, right),
        }?;
        let y = Axis::fitting(self.range, bottom, TOP)?;
        let id = Escaped(self.id);
        let mut out = String::with_capacity(4 * 1024);
        let _ = write!(
            out,
            "<svg class=\"chart small\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{id}-title\">\
             <title id=\"{id}-title\">{}</title>",
            Escaped(&self.words())
        );
        for (tick, label) in labelled(y.ticks(5)) {
            let at = y.at(tick);
            let _ = write!(
                out,
                "<path class=\"tick\" d=\"M{LEFT} {at}H{right}\"/><text class=\"end\" x=\"{}\" y=\"{}\">{label}</text>",
                LEFT - 7.0,
                at + 4.0
            );
        }
        for (tick, label) in labelled(x.ticks(5)) {
            let at = x.at(tick);
            let _ = write!(
                out,
                "<path class=\"axis\" d=\"M{at} {bottom}v5\"/><text class=\"middle\" x=\"{at}\" y=\"{}\">{label}</text>",
                bottom + 19.0
            );
        }
        let of_log = if y.is_log() { ", logarithmic" } else { "" };
        let _ = write!(
            out,
            "<path class=\"axis\" d=\"M{LEFT} {bottom}H{right}\"/><text x=\"0\" y=\"11\">{}{of_log}</text>\
             <text class=\"end\" x=\"{right}\" y=\"{}\">{}</text>",
            Escaped(self.metric),
            HEIGHT - 4.0,
            Escaped(self.field)
        );
        for point in self.points {
            self.point(&mut out, point, x.at(point.at), &y);
        }
        out.push_str("</svg>");
        Some(Html(out))
    }

    /// A trial: its runs as a line from the lowest to the highest with dots, its median as a bar, the chosen one's as a
    /// diamond; a cross above the plot for each where a run diverged.
    fn point(&self, out: &mut String, point: &Point, at: f64, y: &Axis) {
        for value in &point.values {
            let _ = write!(
                out,
                "<circle class=\"dot\" cx=\"{at}\" cy=\"{}\" r=\"2.5\"/>",
                y.at(*value)
            );
        }
        if point.diverged > 0 {
            let _ = write!(
                out,
                "<path class=\"interval\" d=\"M{} {}l8 8m0 -8l-8 8\"/>",
                at - 4.0,
                TOP - 14.0
            );
        }
        let Some(median) = point.median else {
            return;
        };
        let median = y.at(median);
        let _ = match point.chosen {
            true => write!(
                out,
                "<path class=\"centre\" d=\"M{at} {}l7 7l-7 7l-7 -7z\"/>",
                median - 7.0
            ),
            false => write!(
                out,
                "<path class=\"interval\" d=\"M{} {median}h12\"/>",
                at - 6.0
            ),
        };
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
