//! Learning curves: a thin line for each seed, a strong one for each arm's mean.

use super::axis::{Axis, labelled, round};
use crate::render::{form::Escaped, html::Html, number};
use std::{collections::BTreeMap, fmt::Write};

/// One seed of one arm.
#[derive(Debug, Clone)]
pub struct Line {
    /// Which arm, by its place in the specification.
    pub arm: usize,
    /// Step and value, by step.
    pub points: Vec<(f64, f64)>,
}

/// What is drawn.
#[derive(Debug, Clone)]
pub struct Curves<'a> {
    /// Keeps ids on a page apart.
    pub id: &'a str,
    /// What the plot shows, in a few words.
    pub title: &'a str,
    /// What is on the value axis, with its unit.
    pub unit: &'a str,
    /// Names of the arms.
    pub arms: &'a [String],
    /// The lines.
    pub lines: &'a [Line],
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 44.0;

/// Most buckets of a line: each keeps its lowest and highest point, so that no spike is lost.
const BUCKETS: usize = 120;

/// Points that all lines of a plot share: more of them would be a page of numbers that no eye tells apart.
const POINTS: usize = 8_000;

/// Colours there are; further arms share them.
pub const COLOURS: usize = 6;

impl Curves<'_> {
    /// The plot, or nothing if there is no finite point.
    pub fn svg(&self) -> Option<Html> {
        let points = || self.lines.iter().flat_map(|line| line.points.iter());
        let last = points().map(|(step, _)| *step).fold(f64::NAN, f64::max);
        let values: Vec<f64> = points().map(|(_, value)| *value).collect();
        let y = Axis::fitting(values, HEIGHT - BOTTOM, TOP)?;
        let x = Axis::exact(0.0, last, LEFT, WIDTH - RIGHT);
        let mut out = String::with_capacity(32 * 1024);
        let id = Escaped(self.id);
        let _ = write!(
            out,
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{id}-title\">\
             <title id=\"{id}-title\">{}</title>",
            Escaped(&self.words())
        );
        self.axes(&mut out, &x, &y);
        for line in self.lines {
            self.path(&mut out, "seed", line.arm, &line.points, &x, &y);
        }
        let means = self.means();
        for (arm, mean) in &means {
            self.path(&mut out, "mean", *arm, mean, &x, &y);
        }
        out.push_str("</svg>");
        Some(Html(out))
    }

    /// The legend: a stroke and the arm's name, as HTML so that it wraps on a phone.
    pub fn legend(&self) -> Html {
        let mut out = String::from("<p class=\"legend note\">");
        for (arm, name) in self.arms.iter().enumerate() {
            let _ = write!(
                out,
                "<span><svg class=\"chart key\" viewBox=\"0 0 30 10\" aria-hidden=\"true\"><path class=\"mean arm-{}\" d=\"M0 5h30\"/></svg> {}</span> ",
                arm % COLOURS,
                Escaped(name)
            );
        }
        out.push_str("</p>");
        Html(out)
    }

    /// Last value of each arm's mean, for the table beside the plot.
    pub fn finals(&self) -> Vec<(String, f64, f64, usize)> {
        self.means()
            .into_iter()
            .filter_map(|(arm, mean)| {
                let (step, value) = *mean.last()?;
                let seeds = self.lines.iter().filter(|line| line.arm == arm).count();
                Some((self.arms.get(arm)?.clone(), step, value, seeds))
            })
            .collect()
    }

    fn words(&self) -> String {
        let finals: Vec<String> = self
            .finals()
            .into_iter()
            .map(|(arm, step, value, _)| format!("{arm}: {} at step {step}", number::value(value)))
            .collect();
        format!("{}. Last means: {}.", self.title, finals.join("; "))
    }

    fn axes(&self, out: &mut String, x: &Axis, y: &Axis) {
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        for (tick, label) in labelled(y.ticks(5)) {
            let at = y.at(tick);
            let _ = write!(
                out,
                "<path class=\"tick\" d=\"M{LEFT} {at}H{right}\"/><text class=\"end\" x=\"{}\" y=\"{}\">{}</text>",
                LEFT - 7.0,
                at + 4.0,
                label
            );
        }
        for (tick, label) in labelled(x.ticks(5)) {
            let at = x.at(tick);
            let _ = write!(
                out,
                "<path class=\"axis\" d=\"M{at} {bottom}v5\"/><text class=\"middle\" x=\"{at}\" y=\"{}\">{}</text>",
                bottom + 19.0,
                label
            );
        }
        let scale = if y.is_log() { ", logarithmic" } else { "" };
        let _ = write!(
            out,
            "<path class=\"axis\" d=\"M{LEFT} {bottom}H{right}\"/>\
             <text x=\"0\" y=\"11\">{}{scale}</text>\
             <text class=\"end\" x=\"{right}\" y=\"{}\">optimizer steps</text>",
            Escaped(self.unit),
            HEIGHT - 6.0
        );
    }

    fn path(
        &self,
        out: &mut String,
        class: &str,
        arm: usize,
        points: &[(f64, f64)],
        x: &Axis,
        y: &Axis,
    ) {
        let mut path = String::new();
        let mut pen_down = false;
        let mut drawn = 0;
        for (step, value) in thinned(points, self.buckets()) {
            // A gap shows where the value left the finite numbers.
            if !value.is_finite() {
                pen_down = false;
                continue;
            }
            let command = if pen_down { 'L' } else { 'M' };
            let _ = write!(path, "{command}{} {}", x.at(step), y.at(value));
            pen_down = true;
            drawn += 1;
        }
        // One measurement makes no line: a stroke without length, whose round ends are a dot.
        let dot = if drawn == 1 {
            ("lone ", "h0")
        } else {
            ("", "")
        };
        if drawn > 0 {
            let _ = write!(
                out,
                "<path class=\"{class} {}arm-{}\" d=\"{path}{}\"/>",
                dot.0,
                arm % COLOURS,
                dot.1
            );
        }
    }

    /// Buckets of each line.
    fn buckets(&self) -> usize {
        (POINTS / 2 / self.lines.len().max(1)).clamp(4, BUCKETS)
    }

    /// Mean of each arm at the steps that all of its finite seeds reached.
    fn means(&self) -> Vec<(usize, Vec<(f64, f64)>)> {
        let mut arms: BTreeMap<usize, BTreeMap<u64, Vec<f64>>> = BTreeMap::new();
        let mut seeds: BTreeMap<usize, usize> = BTreeMap::new();
        for line in self.lines.iter().filter(|line| !line.points.is_empty()) {
            *seeds.entry(line.arm).or_default() += 1;
            for (step, value) in &line.points {
                arms.entry(line.arm)
                    .or_default()
                    .entry(*step as u64)
                    .or_default()
                    .push(*value);
            }
        }
        arms.into_iter()
            .map(|(arm, steps)| {
                let all = seeds.get(&arm).copied().unwrap_or(1);
                let mean = steps
                    .into_iter()
                    .filter(|(_, values)| values.len() == all)
                    .map(|(step, values)| {
                        let sum: f64 = values.iter().sum();
                        (step as f64, sum / values.len() as f64)
                    })
                    .collect();
                (arm, mean)
            })
            .collect()
    }
}

/// At most two points a bucket, the lowest and the highest, in their order.
fn thinned(points: &[(f64, f64)], buckets: usize) -> Vec<(f64, f64)> {
    if points.len() <= 2 * buckets {
        return points.to_vec();
    }
    let size = points.len().div_ceil(buckets);
    points
        .chunks(size)
        .flat_map(|bucket| {
            let by = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
            let low = bucket.iter().min_by(by).copied();
            let high = bucket.iter().max_by(by).copied();
            let mut kept: Vec<(f64, f64)> = low.into_iter().chain(high).collect();
            kept.sort_by(|a, b| a.0.total_cmp(&b.0));
            kept.dedup();
            kept
        })
        .map(|(step, value)| (round(step), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(arm: usize, points: &[(f64, f64)]) -> Line {
        Line {
            arm,
            points: points.to_vec(),
        }
    }

    #[test]
    fn draws_seeds_and_means() {
        let arms = ["a <b>".to_owned(), "c".to_owned()];
        let lines = [
            line(0, &[(0.0, 1.0), (10.0, 0.5)]),
            line(0, &[(0.0, 3.0), (10.0, 1.5)]),
            line(1, &[(0.0, 1.0), (10.0, f64::NAN)]),
        ];
        let curves = Curves {
            id: "x",
            title: "test",
            unit: "loss",
            arms: &arms,
            lines: &lines,
        };
        let Html(svg) = curves.svg().expect("points");
        assert_eq!(svg.matches("class=\"seed").count(), 3);
        assert_eq!(svg.matches("class=\"mean").count(), 2);
        assert!(svg.contains("a &lt;b&gt;: 1.00 at step 10"));
        assert!(!svg.contains("NaN"));
        assert!(!svg.contains("style="));
    }

    #[test]
    fn a_single_measurement_is_a_dot() {
        let lines = [line(0, &[(28.0, 54.0)])];
        let arms = ["a".to_owned()];
        let curves = Curves {
            id: "x",
            title: "test",
            unit: "nats per frame",
            arms: &arms,
            lines: &lines,
        };
        let Html(svg) = curves.svg().expect("a point");
        assert_eq!(svg.matches("lone arm-0").count(), 2, "{svg}");
        assert_eq!(svg.matches("h0\"/>").count(), 2, "{svg}");
    }

    #[test]
    fn many_lines_share_the_points_of_a_plot() {
        let points: Vec<(f64, f64)> = (0..200).map(|i| (f64::from(i), f64::from(i % 7))).collect();
        let lines: Vec<Line> = (0..480).map(|i| line(i % 12, &points)).collect();
        let arms: Vec<String> = (0..12).map(|arm| arm.to_string()).collect();
        let curves = Curves {
            id: "x",
            title: "test",
            unit: "loss",
            arms: &arms,
            lines: &lines,
        };
        let Html(svg) = curves.svg().expect("points");
        assert!(svg.len() < 200_000, "{} bytes", svg.len());
        assert_eq!(svg.matches("class=\"seed").count(), 480);
    }

    #[test]
    fn spikes_survive_thinning() {
        let mut points: Vec<(f64, f64)> = (0..5000).map(|i| (f64::from(i), 0.0)).collect();
        points[2500].1 = 9.0;
        let thin = thinned(&points, BUCKETS);
        assert!(thin.len() <= 2 * BUCKETS);
        assert!(thin.iter().any(|(_, value)| *value == 9.0));
    }
}
