//! Learning curves: a thin line for each seed, a strong one for each arm's mean with its band.

use super::axis::{Axis, labelled, round};
use super::canvas::{self, Across, Pen, SPAN};
use super::means::{self, Mean, MeanPoint};
use crate::render::{form::Escaped, html::Html, number};
use std::fmt::Write;

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
    /// The value of a network that has learned nothing, where it is known.
    pub baseline: Option<f64>,
    /// Points that all lines together may have, at least.
    pub room: usize,
}

/// A plot, and the same in numbers.
#[derive(Debug, Clone)]
pub struct Drawing {
    /// The plot.
    pub svg: Html,
    /// Whether its value axis is logarithmic, and so its means are geometric.
    pub log: bool,
    /// The value of a network that has learned nothing, where a line of it is drawn.
    pub baseline: Option<f64>,
    /// The arms that have a mean, each with how many seeds.
    pub arms: Vec<(String, usize)>,
    /// The mean curves as rows of a table: step, and each of these arms.
    pub rows: Vec<(f64, Vec<Option<MeanPoint>>)>,
}

const HEIGHT: f64 = 300.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 44.0;

/// Most buckets of a line: each keeps its lowest and highest point, so that no spike is lost.
const BUCKETS: usize = 100;

/// Share of the height that curves have at least; else the baseline is left out.
const FLAT: f64 = 0.3;

/// Rows of the table beside a plot.
const ROWS: usize = 12;

/// Least distance of two labels, one below the other.
const APART: f64 = 13.0;

/// Lines that look different, in colour or dash; further arms share them.
pub const STYLES: usize = 12;

impl Curves<'_> {
    /// The plot, or nothing if there is no finite point.
    pub fn draw(&self) -> Option<Drawing> {
        let points = || self.lines.iter().flat_map(|line| line.points.iter());
        let last = points().map(|(step, _)| *step).fold(f64::NAN, f64::max);
        points().find(|(_, value)| value.is_finite())?;
        let (y, baseline) = self.axis()?;
        let x = Axis::exact(0.0, last, 0.0, SPAN);
        let means = means::of(self.lines, y.is_log());
        let mut out = canvas::open("", HEIGHT, self.id, &self.words(&means));
        canvas::values(&mut out, &y, self.unit);
        canvas::across(&mut out, HEIGHT - BOTTOM, labelled(x.ticks(4)), &x);
        let _ = write!(
            out,
            "<text class=\"end\" x=\"100%\" y=\"{}\">optimizer steps</text>",
            HEIGHT - 6.0
        );
        if let Some(baseline) = baseline {
            let at = y.at(baseline);
            canvas::line(&mut out, "margin", [0.0, SPAN], [at, at]);
            // Below the line, but never among the labels of the steps.
            let beside = if at + 14.0 < HEIGHT - BOTTOM {
                14.0
            } else {
                -6.0
            };
            let _ = write!(
                out,
                "<text class=\"end beside\" x=\"100%\" y=\"{}\">without learning</text>",
                round(at + beside)
            );
        }
        self.paths(&mut out, &means, &x, &y);
        ends(&mut out, &means, &x, &y);
        out.push_str("</svg>");
        Some(Drawing {
            svg: Html(out),
            log: y.is_log(),
            baseline,
            arms: means
                .iter()
                .map(|mean| (self.arms[mean.arm].clone(), mean.seeds))
                .collect(),
            rows: means::rows(&means, ROWS),
        })
    }

    /// The value axis, and the baseline where it is drawn: not where it lies so far away that curves would be flat beside it.
    fn axis(&self) -> Option<(Axis, Option<f64>)> {
        let points = || self.lines.iter().flat_map(|line| line.points.iter());
        let values: Vec<f64> = points().map(|(_, value)| *value).collect();
        let fitting = |values: Vec<f64>| Axis::fitting(values, HEIGHT - BOTTOM, TOP);
        let whole = fitting(values.iter().copied().chain(self.baseline).collect())?;
        let places = values.iter().filter(|value| value.is_finite());
        let places: Vec<f64> = places.map(|value| whole.at(*value)).collect();
        let high = places.iter().copied().fold(f64::INFINITY, f64::min);
        let low = places.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let is_flat = low - high < FLAT * (HEIGHT - BOTTOM - TOP);
        let first = points().next().map(|(step, _)| *step);
        let is_curve = points().any(|(step, _)| Some(*step) != first);
        match self.baseline {
            Some(_) if is_flat && is_curve => Some((fitting(values)?, None)),
            baseline => Some((whole, baseline)),
        }
    }

    /// The legend: a stroke and the arm's name, as HTML so that it wraps on a phone.
    pub fn legend(&self) -> Html {
        let mut out = String::from("<p class=\"legend note\">");
        for (arm, name) in self.arms.iter().enumerate() {
            let _ = write!(
                out,
                "<span><svg class=\"chart key\" viewBox=\"0 0 30 10\" aria-hidden=\"true\"><path class=\"mean arm-{}\" d=\"M0 5h30\"/></svg> {}</span> ",
                arm % STYLES,
                Escaped(name)
            );
        }
        out.push_str("</p>");
        Html(out)
    }

    fn words(&self, means: &[Mean]) -> String {
        let lasts: Vec<String> = means
            .iter()
            .filter_map(|mean| {
                let last = mean.points.last()?;
                Some(format!(
                    "{}: {} at step {}",
                    self.arms[mean.arm],
                    number::value(last.mean),
                    last.step
                ))
            })
            .collect();
        let baseline = self.baseline.map_or_else(String::new, |value| {
            format!(" Without learning: {}.", number::value(value))
        });
        format!(
            "{}. Last means: {}.{baseline}",
            self.title,
            lasts.join("; ")
        )
    }

    /// Bands below, then seeds, then means.
    fn paths(&self, out: &mut String, means: &[Mean], x: &Axis, y: &Axis) {
        let (mut bands, mut seeds, mut strong) = (String::new(), String::new(), String::new());
        let mut dots = String::new();
        let buckets = (self.room / 2 / self.lines.len().max(1)).clamp(4, BUCKETS);
        for line in self.lines {
            let points = thinned(&line.points, buckets);
            path(&mut seeds, &mut dots, "seed", line.arm, &points, x, y);
        }
        for mean in means {
            let points: Vec<(f64, f64)> = mean
                .points
                .iter()
                .map(|point| (point.step, point.mean))
                .collect();
            let points = thinned(&points, BUCKETS);
            path(&mut strong, &mut dots, "mean", mean.arm, &points, x, y);
            bands.push_str(&band(mean, x, y));
        }
        canvas::stretched(out, HEIGHT, &format!("{bands}{seeds}{strong}"));
        out.push_str(&dots);
    }
}

/// A line through the points. One measurement makes no line: it is a dot.
fn path(
    lines: &mut String,
    dots: &mut String,
    class: &str,
    arm: usize,
    points: &[(f64, f64)],
    x: &Axis,
    y: &Axis,
) {
    let mut pen = Pen::default();
    for (step, value) in points {
        // A gap shows where the value left the finite numbers.
        if value.is_finite() {
            pen.to(x.at(*step), y.at(*value));
        } else {
            pen.lift();
        }
    }
    let colour = format!("arm-{}", arm % STYLES);
    match (
        pen.points,
        points.iter().find(|(_, value)| value.is_finite()),
    ) {
        (1, Some((step, value))) => {
            let (at, class) = (y.at(*value), format!("{class} lone {colour}"));
            canvas::dot(dots, x.at(*step), at, &class, 1.5);
        }
        (0, _) => {}
        _ => lines.push_str(&pen.element(&format!("{class} {colour}"), false)),
    }
}

/// What lies within a standard deviation of a mean; nothing of a single seed.
fn band(mean: &Mean, x: &Axis, y: &Axis) -> String {
    let bounded: Vec<(f64, [f64; 2])> = mean
        .points
        .iter()
        .filter_map(|point| Some((point.step, point.band?)))
        .filter(|(_, band)| band.iter().all(|bound| bound.is_finite()))
        .collect();
    if bounded.len() < 2 {
        return String::new();
    }
    let size = bounded.len().div_ceil(BUCKETS);
    let few: Vec<&(f64, [f64; 2])> = bounded.iter().step_by(size).chain(bounded.last()).collect();
    let inside = |value: f64| y.at(value).clamp(TOP, HEIGHT - BOTTOM);
    let mut pen = Pen::default();
    for (step, [_, high]) in &few {
        pen.to(x.at(*step), inside(*high));
    }
    for (step, [low, _]) in few.iter().rev() {
        pen.to(x.at(*step), inside(*low));
    }
    pen.element(&format!("band arm-{}", mean.arm % STYLES), true)
}

/// How many seeds a mean is of, at its end; labels of close ends stand apart, and all of them beside the plot. Where they are
/// too many for that the table says it.
fn ends(out: &mut String, means: &[Mean], x: &Axis, y: &Axis) {
    let mut ends: Vec<(f64, f64, usize)> = means
        .iter()
        .filter_map(|mean| {
            let mut finite = mean.points.iter().filter(|point| point.mean.is_finite());
            let last = finite.next_back()?;
            Some((x.at(last.step), y.at(last.mean) + 4.0, mean.seeds))
        })
        .collect();
    ends.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut lowest = f64::NEG_INFINITY;
    for (_, place, _) in &mut ends {
        *place = place.max(lowest + APART);
        lowest = *place;
    }
    // What was pushed below the plot pushes the others up again.
    let mut floor = HEIGHT - BOTTOM + 4.0;
    for (_, place, _) in ends.iter_mut().rev() {
        *place = place.min(floor);
        floor = *place - APART;
    }
    if ends.first().is_some_and(|(_, place, _)| *place < TOP - 9.0) {
        return;
    }
    for (across, place, seeds) in ends {
        let _ = write!(
            out,
            "<text class=\"beside\" x=\"{}\" dx=\"6\" y=\"{}\">n = {seeds}</text>",
            Across(across),
            round(place)
        );
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

    fn drawn(arms: &[&str], lines: &[Line], baseline: Option<f64>) -> Drawing {
        let arms: Vec<String> = arms.iter().map(|&arm| arm.to_owned()).collect();
        let curves = Curves {
            id: "x",
            title: "test",
            unit: "loss",
            arms: &arms,
            lines,
            baseline,
            room: 3_000,
        };
        curves.draw().expect("points")
    }

    #[test]
    fn draws_seeds_means_bands_and_how_many_there_are() {
        let lines = [
            line(0, &[(0.0, 1.0), (10.0, 0.5)]),
            line(0, &[(0.0, 3.0), (10.0, 1.5)]),
            line(1, &[(0.0, 1.0), (10.0, f64::NAN)]),
        ];
        let drawing = drawn(&["a <b>", "c"], &lines, Some(2.0));
        let Html(svg) = &drawing.svg;
        assert_eq!(svg.matches("class=\"seed").count(), 3);
        assert_eq!(svg.matches("class=\"mean").count(), 2);
        assert_eq!(svg.matches("class=\"band arm-0").count(), 1);
        assert!(svg.contains(">n = 2</text>") && svg.contains(">n = 1</text>"));
        assert!(svg.contains("a &lt;b&gt;: 1.00 at step 10"));
        assert!(svg.contains("Without learning: 2.00.") && svg.contains(">without learning<"));
        assert!(!svg.contains("NaN") && !svg.contains("style="));
        assert_eq!(drawing.arms, [("a <b>".to_owned(), 2), ("c".to_owned(), 1)]);
        let (step, at) = &drawing.rows[0];
        assert_eq!((*step, at[0].expect("a mean").mean), (0.0, 2.0));
    }

    #[test]
    fn a_baseline_far_away_does_not_flatten_the_curves() {
        let lines = [line(0, &[(0.0, 3.0), (10.0, 2.0)])];
        for (baseline, is_drawn) in [(3.5, true), (12.3, false), (2.5, true)] {
            let Html(svg) = drawn(&["a"], &lines, Some(baseline)).svg;
            assert_eq!(svg.contains(">without learning<"), is_drawn, "{baseline}");
            assert!(
                svg.contains("Without learning: "),
                "who cannot see it is told"
            );
        }
        // Before there is a curve it says where one begins.
        let Html(svg) = drawn(&["a"], &[line(0, &[(10.0, 2.0)])], Some(12.3)).svg;
        assert!(svg.contains(">without learning<"));
    }

    #[test]
    fn words_at_the_foot_are_not_among_the_steps() {
        let lines = [line(0, &[(0.0, 0.2), (10.0, 0.9)])];
        let Html(svg) = drawn(&["a"], &lines, Some(0.1)).svg;
        let (before, _) = svg.split_once(">without learning<").expect("there");
        let (_, y) = before.rsplit_once("y=\"").expect("a place");
        let y: f64 = y.trim_end_matches('"').parse().expect("a number");
        assert!(y < HEIGHT - BOTTOM, "{y}");
    }

    #[test]
    fn a_single_measurement_is_a_dot() {
        let drawing = drawn(&["a"], &[line(0, &[(28.0, 54.0)])], None);
        let Html(svg) = drawing.svg;
        assert_eq!(svg.matches("lone arm-0").count(), 2, "{svg}");
        assert!(!svg.contains("<path"), "{svg}");
    }

    #[test]
    fn without_a_number_there_is_no_plot() {
        let arms = ["a".to_owned()];
        let lines = [line(0, &[(0.0, f64::NAN)])];
        let curves = Curves {
            id: "x",
            title: "test",
            unit: "loss",
            arms: &arms,
            lines: &lines,
            baseline: Some(1.0),
            room: 3_000,
        };
        assert!(curves.draw().is_none());
    }

    #[test]
    fn many_lines_share_the_points_of_a_plot() {
        let points: Vec<(f64, f64)> = (0..200).map(|i| (f64::from(i), f64::from(i % 7))).collect();
        let lines: Vec<Line> = (0..480).map(|i| line(i % 12, &points)).collect();
        let arms: Vec<String> = (0..12).map(|arm| arm.to_string()).collect();
        let arms: Vec<&str> = arms.iter().map(String::as_str).collect();
        let Html(svg) = drawn(&arms, &lines, None).svg;
        assert!(svg.len() < 90_000, "{} bytes", svg.len());
        assert_eq!(svg.matches("class=\"seed").count(), 480);
    }

    #[test]
    fn twelve_lines_differ_and_their_labels_stay_beside_the_plot() {
        let lines: Vec<Line> = (0..12)
            .map(|arm| line(arm, &[(0.0, 5.0), (10.0, 0.1)]))
            .chain([line(12, &[(0.0, 5.0), (10.0, 4.0)])])
            .collect();
        let names: Vec<String> = (0..13).map(|arm| arm.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let Html(svg) = drawn(&names, &lines, None).svg;
        assert!((0..12).all(|arm| svg.contains(&format!("class=\"mean arm-{arm}\""))));
        let places: Vec<f64> = svg
            .split("class=\"beside\"")
            .skip(1)
            .filter_map(|text| text.split(" y=\"").nth(1)?.split('"').next()?.parse().ok())
            .collect();
        assert_eq!(places.len(), 13);
        assert!(
            places
                .windows(2)
                .all(|pair| pair[1] - pair[0] >= APART - 0.11),
            "{places:?}"
        );
        assert!(
            places
                .iter()
                .all(|y| (TOP - 9.0..=HEIGHT - BOTTOM + 4.0).contains(y)),
            "{places:?}"
        );
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
