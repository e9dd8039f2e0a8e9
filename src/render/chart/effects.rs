//! What plots of effects have in common: an axis, the line of no effect and that of the smallest one of interest, and the
//! ground on which an estimate would have decided.

use super::axis::{Axis, labelled};
use super::canvas::{self, Across, SPAN};
use crate::render::{form::Escaped, html::Html, number};
use std::fmt::Write;

pub(super) const TOP: f64 = 40.0;
/// Below the axis: its labels, a row for factors where it is of logarithms, and both directions.
const BOTTOM: f64 = 46.0;
/// One more row of labels.
const ROW: f64 = 16.0;
/// From a line to its name.
const ASIDE: f64 = 4.0;
/// About that many labels fit on a phone.
const TICKS: usize = 4;

/// A stretch of the axis and what the claim would have met there; open ends are none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ground {
    /// From where on.
    pub from: Option<f64>,
    /// To where.
    pub to: Option<f64>,
    /// Whether it is that of *supported*; else that of *falsified*.
    pub supports: bool,
}

impl Ground {
    /// Of a claim that predicts an effect of the margin or more.
    pub fn of_effect(margin: f64) -> Vec<Self> {
        vec![
            Self::new(None, Some(margin), false),
            Self::new(Some(margin), None, true),
        ]
    }

    /// Of one that predicts that there is none as large as the margin, either way.
    pub fn of_equivalence(margin: f64) -> Vec<Self> {
        vec![
            Self::new(None, Some(-margin), false),
            Self::new(Some(-margin), Some(margin), true),
            Self::new(Some(margin), None, false),
        ]
    }

    /// Of one that predicts no loss as large as the margin.
    pub fn of_no_loss(margin: f64) -> Vec<Self> {
        vec![
            Self::new(None, Some(-margin), false),
            Self::new(Some(-margin), None, true),
        ]
    }

    fn new(from: Option<f64>, to: Option<f64>, supports: bool) -> Self {
        Self { from, to, supports }
    }

    /// Whether both bounds lie on it.
    pub fn holds(&self, [low, high]: [f64; 2]) -> bool {
        self.from.is_none_or(|from| low >= from) && self.to.is_none_or(|to| high <= to)
    }

    fn word(self) -> &'static str {
        if self.supports {
            "supported"
        } else {
            "falsified"
        }
    }
}

/// The frame of a plot.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    /// Keeps ids on a page apart.
    pub(super) id: &'a str,
    /// The plot in words.
    pub(super) words: &'a str,
    /// What the effects are, with their unit.
    pub(super) unit: &'a str,
    pub(super) x: &'a Axis,
    /// Smallest effect of interest, where it has a place on this axis.
    pub(super) margin: Option<f64>,
    /// What would have decided where.
    pub(super) grounds: &'a [Ground],
    /// Where the axis lies.
    pub(super) bottom: f64,
}

impl Frame<'_> {
    /// Whether the axis is of logarithms, which nobody reads: then factors stand below.
    fn is_log(&self) -> bool {
        self.unit.starts_with("log ratio")
    }

    fn height(&self) -> f64 {
        let rows = if self.is_log() { 2.0 } else { 1.0 };
        self.bottom + BOTTOM + ROW * rows
    }

    /// Axis, lines and their names; what is drawn over them follows.
    pub(super) fn begin(&self) -> String {
        let bottom = self.bottom;
        let mut out = canvas::open(" effects", self.height(), self.id, self.words);
        let top = TOP - 8.0;
        for ground in self.grounds {
            let from = ground.from.map_or(0.0, |from| self.x.at(from));
            let to = ground.to.map_or(SPAN, |to| self.x.at(to));
            let _ = write!(
                out,
                "<rect class=\"ground {}\" x=\"{}\" width=\"{}\" y=\"{top}\" height=\"{}\"/>",
                ground.word(),
                Across(from),
                Across((to - from).max(0.0)),
                bottom - top
            );
            let (class, at) = match (ground.from, ground.to) {
                (None, _) => ("", 0.0),
                (_, None) => (" end", SPAN),
                _ => (" middle", f64::midpoint(from, to)),
            };
            let _ = write!(
                out,
                "<text class=\"ground-name{class}\" x=\"{}\" y=\"{}\">{}</text>",
                Across(at),
                bottom - 5.0,
                ground.word()
            );
        }
        let ticks = labelled(self.x.ticks(TICKS));
        if self.is_log() {
            // Where they stand close every other one has a factor, and no effect always.
            let every = if ticks.len() > TICKS + 1 { 2 } else { 1 };
            let none = ticks.iter().position(|(tick, _)| *tick == 0.0);
            let first = none.unwrap_or(0) % every;
            for (tick, _) in ticks.iter().skip(first).step_by(every) {
                let factor = tick.abs().exp();
                let digits = (2 - factor.log10() as i32).max(0) as usize;
                let factor: f64 = format!("{factor:.digits$}").parse().unwrap_or(factor);
                let sign = if *tick < 0.0 { "÷" } else { "×" };
                let _ = write!(
                    out,
                    "<text class=\"middle\" x=\"{}\" y=\"{}\">{sign}{}</text>",
                    Across(self.x.at(*tick)),
                    bottom + 19.0 + ROW,
                    number::plain(factor)
                );
            }
        }
        canvas::across(&mut out, bottom, ticks, self.x);
        let zero = self.x.at(0.0);
        canvas::line(&mut out, "zero", [zero, zero], [top, bottom]);
        name(&mut out, zero, TOP - 27.0, "no effect");
        if let Some(margin) = self.margin {
            let at = self.x.at(margin);
            canvas::line(&mut out, "margin", [at, at], [top, bottom]);
            name(&mut out, at, TOP - 12.0, "smallest effect of interest");
        }
        // Either way: the other one has the same name.
        if let (Some(margin), true) = (self.margin, self.grounds.len() > 2) {
            let at = self.x.at(-margin);
            canvas::line(&mut out, "margin", [at, at], [top, bottom]);
        }
        out
    }

    /// The direction of the axis in words, and the end of the plot.
    pub(super) fn end(&self, mut out: String) -> Html {
        let y = self.height() - 6.0;
        let factors = match self.is_log() {
            true => ", below it as a factor",
            false => "",
        };
        let _ = write!(
            out,
            "<text class=\"middle\" x=\"50%\" y=\"{}\">{}{factors}</text>\
             <text y=\"{y}\">← against the claim</text>\
             <text class=\"end\" x=\"100%\" y=\"{y}\">as predicted →</text></svg>{}",
            y - ROW,
            Escaped(self.unit),
            legend(self.grounds)
        );
        Html(out)
    }
}

/// The name of a line above it, on the side that has room.
fn name(out: &mut String, at: f64, y: f64, text: &str) {
    let (class, aside) = match at > SPAN / 2.0 {
        true => (" class=\"end\"", -ASIDE),
        false => ("", ASIDE),
    };
    let _ = write!(
        out,
        "<text{class} x=\"{}\" dx=\"{aside}\" y=\"{y}\">{text}</text>",
        Across(at)
    );
}

/// An estimate as a diamond, with its bounds.
pub(super) fn estimate(
    out: &mut String,
    x: &Axis,
    y: f64,
    effect: f64,
    interval: Option<[f64; 2]>,
) {
    if let Some([low, high]) = interval {
        let (low, high) = (x.at(low), x.at(high));
        out.push_str("<g class=\"interval\">");
        canvas::line(out, "", [low, high], [y, y]);
        for at in [low, high] {
            canvas::line(out, "", [at, at], [y - 4.0, y + 4.0]);
        }
        out.push_str("</g>");
    }
    canvas::mark(out, x.at(effect), y, "centre", "M0-6l6 6l-6 6l-6-6z");
}

/// What the ground means, as HTML that wraps on a phone.
fn legend(grounds: &[Ground]) -> String {
    if grounds.is_empty() {
        return String::new();
    }
    let key = |class: &str, words: &str| {
        format!(
            "<span><svg class=\"chart key\" viewBox=\"0 0 30 10\" aria-hidden=\"true\"><path class=\"ground {class}\" d=\"M0 0h30v10h-30z\"/></svg> {words}</span>"
        )
    };
    // An effect must be proven to be one; a bound on it must be kept by both ends.
    let supported = match grounds.first().and_then(|first| first.to) {
        Some(to) if to >= 0.0 => {
            "supported: the estimate lies here, and its lower bound beyond no effect"
        }
        _ => "supported: both bounds lie here",
    };
    format!(
        "<p class=\"legend note\">{} {}</p>",
        key("supported", supported),
        key("falsified", "falsified: both bounds lie here")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(unit: &str, grounds: &[Ground]) -> String {
        let x = Axis::linear([-0.5, 1.0], 0.0, SPAN).expect("values");
        let frame = Frame {
            id: "f",
            words: "",
            unit,
            x: &x,
            margin: Some(0.2),
            grounds,
            bottom: 100.0,
        };
        frame.end(frame.begin()).as_str().to_owned()
    }

    #[test]
    fn every_place_of_the_axis_belongs_to_a_verdict() {
        for grounds in [
            Ground::of_effect(0.2),
            Ground::of_equivalence(0.2),
            Ground::of_no_loss(0.2),
        ] {
            assert_eq!(grounds.first().and_then(|ground| ground.from), None);
            assert_eq!(grounds.last().and_then(|ground| ground.to), None);
            for pair in grounds.windows(2) {
                assert_eq!(pair[0].to, pair[1].from);
                assert_ne!(pair[0].supports, pair[1].supports);
            }
            let svg = frame("squared error", &grounds);
            assert_eq!(svg.matches("<rect class=\"ground ").count(), grounds.len());
        }
    }

    #[test]
    fn logarithms_are_told_as_factors_too() {
        let svg = frame("log ratio", &[]);
        assert!(
            svg.contains(">×2.72</text>") && svg.contains(">0</text>"),
            "{svg}"
        );
        assert!(!frame("squared error", &[]).contains('×'));
    }
}
