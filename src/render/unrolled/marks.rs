//! The marks that the drawing is made of.

use breakmywork_protocol::spec::{MaskTime, Noise, Site};
use std::fmt::Write;

/// Width and height of one entry of a mask.
pub(super) const CELL: f64 = 9.0;

/// One name for one mask: m each time, or m₁, m₂, m₃.
pub(super) fn symbol(letter: &str, site: &Site, step: usize) -> String {
    let noise = if site.noise == Noise::Moments {
        "σ"
    } else {
        ""
    };
    let letter = if letter == "m" && !noise.is_empty() {
        ""
    } else {
        letter
    };
    let gate = if site.untied() { "ᵏ" } else { "" };
    let mut name = format!("{letter}{noise}{gate}");
    if site.time == MaskTime::PerStep {
        name.push(subscript(step + 1));
    }
    name
}

pub(super) fn label(out: &mut String, x: f64, y: f64, text: &str) {
    let _ = write!(
        out,
        "<text class=\"symbol middle\" x=\"{x}\" y=\"{y}\">{text}</text>"
    );
}

/// One entry of a mask: filled if kept, crossed out if dropped.
pub(super) fn cell(out: &mut String, x: f64, y: f64, kept: bool) {
    let (left, top) = (x - CELL / 2.0, y - CELL / 2.0);
    let class = if kept { "kept" } else { "dropped" };
    let _ = write!(
        out,
        "<rect class=\"{class}\" x=\"{left}\" y=\"{top}\" width=\"{CELL}\" height=\"{CELL}\"/>"
    );
    if !kept {
        let arm = CELL - 4.0;
        let (a, b) = (left + 2.0, top + 2.0);
        let _ = write!(
            out,
            "<path class=\"cross\" d=\"M{a} {b}l{arm} {arm}m0 -{arm}l-{arm} {arm}\"/>"
        );
    }
}

/// One unit under zoneout: an equals sign if it keeps its previous value.
pub(super) fn held(out: &mut String, x: f64, y: f64, holds: bool) {
    if !holds {
        let _ = write!(
            out,
            "<circle class=\"unit\" cx=\"{x}\" cy=\"{y}\" r=\"1.6\"/>"
        );
        return;
    }
    let (left, top) = (x - CELL / 2.0, y - CELL / 2.0);
    let (a, b) = (left + 2.0, y - 1.5);
    let arm = CELL - 4.0;
    let _ = write!(
        out,
        "<rect class=\"held\" x=\"{left}\" y=\"{top}\" width=\"{CELL}\" height=\"{CELL}\"/>\
         <path class=\"equal\" d=\"M{a} {b}h{arm}m0 3h-{arm}\"/>"
    );
}

/// Noise: a wave, up first or down first.
pub(super) fn wave(out: &mut String, x: f64, y: f64, length: f64, up: bool) {
    let (left, quarter, half) = (x - length / 2.0, length / 4.0, length / 2.0);
    let height = if up { -8 } else { 8 };
    let _ = write!(
        out,
        "<path class=\"noise\" d=\"M{left} {y}q{quarter} {height} {half} 0t{half} 0\"/>"
    );
}

pub(super) fn subscript(number: usize) -> char {
    char::from_u32('₀' as u32 + number as u32).unwrap_or('ₜ')
}
