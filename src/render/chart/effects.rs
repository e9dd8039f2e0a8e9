//! What plots of effects have in common: an axis, the line of no effect and that of the smallest one of interest.

use super::axis::{Axis, labelled};
use crate::render::form::Escaped;
use std::fmt::Write;

pub(super) const WIDTH: f64 = 640.0;
pub(super) const LEFT: f64 = 84.0;
pub(super) const RIGHT: f64 = 18.0;
pub(super) const TOP: f64 = 40.0;
const BOTTOM: f64 = 46.0;
/// From a line to its name, so that names of close lines stay apart.
const ASIDE: f64 = 4.0;

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
    /// Where the axis lies.
    pub(super) bottom: f64,
}

impl Frame<'_> {
    fn height(&self) -> f64 {
        self.bottom + BOTTOM
    }

    /// Axis, lines and their names; what is drawn over them follows.
    pub(super) fn begin(&self) -> String {
        let (bottom, height, right) = (self.bottom, self.height(), WIDTH - RIGHT);
        let mut out = String::with_capacity(8 * 1024);
        let id = Escaped(self.id);
        let _ = write!(
            out,
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}-title\">\
             <title id=\"{id}-title\">{}</title>",
            Escaped(self.words)
        );
        for (tick, label) in labelled(self.x.ticks(6)) {
            let at = self.x.at(tick);
            let _ = write!(
                out,
                "<path class=\"axis\" d=\"M{at} {bottom}v5\"/><text class=\"middle\" x=\"{at}\" y=\"{}\">{}</text>",
                bottom + 19.0,
                label
            );
        }
        let zero = self.x.at(0.0);
        let margin = self.margin.map(|margin| self.x.at(margin));
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
        line_names(&mut out, zero, margin);
        out
    }

    /// The direction of the axis in words, and the end of the plot.
    pub(super) fn end(&self, out: &mut String) {
        let y = self.height() - 6.0;
        let _ = write!(
            out,
            "<text x=\"{LEFT}\" y=\"{y}\">← against the claim</text>\
             <text class=\"end\" x=\"{}\" y=\"{y}\">{}, as the claim predicts →</text></svg>",
            WIDTH - RIGHT,
            Escaped(self.unit)
        );
    }
}

/// The names of both lines above them, apart even where the lines are close.
fn line_names(out: &mut String, zero: f64, margin: Option<f64>) {
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

/// An estimate as a diamond, with its bounds.
pub(super) fn estimate(
    out: &mut String,
    x: &Axis,
    y: f64,
    effect: f64,
    interval: Option<[f64; 2]>,
) {
    let at = x.at(effect);
    if let Some([low, high]) = interval {
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
