//! The picture this site is about: a recurrent network unrolled over time, with its dropout masks.
//!
//! Every unit of the state has a wire from one time step to the next. A mask
//! stands in each wire: kept units pass, dropped ones are cut. The same wires
//! cut at every step, or others each time: that is the whole question.

use super::{form::Escaped, html::Html};
use breakmywork_protocol::spec::{Dropout, MaskTime, Site};
use std::fmt::Write;

/// Time steps drawn.
const STEPS: usize = 5;
/// Units of the state drawn.
const UNITS: usize = 8;
/// Units of input and output drawn.
const SIDE_UNITS: usize = 5;

const STEP_WIDTH: f64 = 84.0;
const LEFT: f64 = 26.0;
const CELL: f64 = 9.0;
const ROW: f64 = 12.0;
const TOP: f64 = 56.0;
const NODE_WIDTH: f64 = 22.0;
const STATE_HEIGHT: f64 = ROW * UNITS as f64;

/// Draws the dropout of one arm. `id` keeps the ids of several pictures on a page apart.
pub fn svg(dropout: &Dropout, id: &str) -> Html {
    let width = LEFT + STEP_WIDTH * STEPS as f64 - STEP_WIDTH + NODE_WIDTH + 34.0;
    let height = TOP + STATE_HEIGHT + 62.0;
    let mut out = String::with_capacity(16 * 1024);
    let id = Escaped(id);
    let _ = write!(
        out,
        "<svg class=\"unrolled\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"{id}-title\">\
         <title id=\"{id}-title\">{}</title>",
        Escaped(&describe(dropout))
    );
    for step in 0..STEPS {
        let x = LEFT + STEP_WIDTH * step as f64;
        side(&mut out, x, step, Side::Output, dropout.output.as_ref());
        side(&mut out, x, step, Side::Input, dropout.input.as_ref());
        node(&mut out, x);
        if step + 1 < STEPS {
            wires(&mut out, x + NODE_WIDTH, step, dropout.state.as_ref());
        }
    }
    // The state goes on, and came from before.
    let end = LEFT + STEP_WIDTH * (STEPS - 1) as f64 + NODE_WIDTH;
    for unit in 0..UNITS {
        let y = unit_y(unit);
        let _ = write!(
            out,
            "<path class=\"wire\" d=\"M{end} {y}h14M{LEFT} {y}h-14\"/>",
        );
    }
    out.push_str("</svg>");
    Html(out)
}

/// The picture in words: its text alternative.
pub fn describe(dropout: &Dropout) -> String {
    let sites: Vec<String> = dropout
        .sites()
        .map(|(name, site)| {
            let when = match site.time {
                MaskTime::Fixed => "the same mask at every time step",
                MaskTime::PerStep => "a new mask at each time step",
            };
            format!("{name} dropped at rate {}: {when}", site.rate)
        })
        .collect();
    if sites.is_empty() {
        "Recurrent network unrolled over time, nothing dropped.".to_owned()
    } else {
        format!(
            "Recurrent network unrolled over time; {}.",
            sites.join("; ")
        )
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Input,
    Output,
}

fn unit_y(unit: usize) -> f64 {
    TOP + ROW * unit as f64 + ROW / 2.0
}

fn node(out: &mut String, x: f64) {
    let _ = write!(
        out,
        "<rect class=\"node\" x=\"{x}\" y=\"{TOP}\" width=\"{NODE_WIDTH}\" height=\"{STATE_HEIGHT}\" rx=\"3\"/>"
    );
    let centre = x + NODE_WIDTH / 2.0;
    for unit in 0..UNITS {
        let y = unit_y(unit);
        let _ = write!(
            out,
            "<circle class=\"unit\" cx=\"{centre}\" cy=\"{y}\" r=\"3\"/>"
        );
    }
}

/// The recurrent wires from one step to the next, with the mask in the middle.
fn wires(out: &mut String, x: f64, step: usize, site: Option<&Site>) {
    let gap = STEP_WIDTH - NODE_WIDTH;
    let middle = x + gap / 2.0;
    if let Some(site) = site {
        // One name for one mask: m each time, or m₁, m₂, m₃.
        let (y, name) = (TOP - 6.0, mask_name(site, step));
        let _ = write!(
            out,
            "<text class=\"symbol middle\" x=\"{middle}\" y=\"{y}\">{name}</text>"
        );
    }
    let mask = site.map(|site| mask(site, UNITS, step, 1));
    for unit in 0..UNITS {
        let y = unit_y(unit);
        match mask.as_ref().map(|mask| mask[unit]) {
            None => {
                let _ = write!(out, "<path class=\"wire\" d=\"M{x} {y}h{gap}\"/>");
            }
            Some(true) => {
                let _ = write!(out, "<path class=\"wire\" d=\"M{x} {y}h{gap}\"/>");
                cell(out, middle, y, true);
            }
            Some(false) => {
                let half = gap / 2.0 - CELL / 2.0;
                let after = middle + CELL / 2.0;
                let _ = write!(
                    out,
                    "<path class=\"wire\" d=\"M{x} {y}h{half}\"/><path class=\"cut\" d=\"M{after} {y}h{half}\"/>"
                );
                cell(out, middle, y, false);
            }
        }
    }
}

/// One entry of a mask: filled if kept, crossed out if dropped.
fn cell(out: &mut String, x: f64, y: f64, kept: bool) {
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

/// Input from below or output to above, with its mask if it has one.
fn side(out: &mut String, x: f64, step: usize, side: Side, site: Option<&Site>) {
    let centre = x + NODE_WIDTH / 2.0;
    let bottom = TOP + STATE_HEIGHT;
    let (from, to, text_y, mask_y, letter, stream) = match side {
        Side::Input => (bottom + 40.0, bottom, bottom + 54.0, bottom + 20.0, 'x', 2),
        Side::Output => (TOP, TOP - 40.0, TOP - 44.0, TOP - 20.0, 'y', 3),
    };
    let _ = write!(
        out,
        "<path class=\"arrow\" d=\"M{centre} {from}V{}\"/>\
         <path class=\"head\" d=\"M{centre} {to}l-3.5 7h7z\"/>\
         <text class=\"symbol middle\" x=\"{centre}\" y=\"{text_y}\">{letter}{}</text>",
        to + 6.0,
        subscript(step + 1),
    );
    let Some(site) = site else { return };
    let mask = mask(site, SIDE_UNITS, step, stream);
    let start = centre - (SIDE_UNITS - 1) as f64 * (CELL + 2.0) / 2.0;
    for (unit, kept) in mask.into_iter().enumerate() {
        cell(out, start + unit as f64 * (CELL + 2.0), mask_y, kept);
    }
}

fn mask_name(site: &Site, step: usize) -> String {
    match site.time {
        MaskTime::Fixed => "m".to_owned(),
        MaskTime::PerStep => format!("m{}", subscript(step + 1)),
    }
}

fn subscript(number: usize) -> char {
    char::from_u32('₀' as u32 + number as u32).unwrap_or('ₜ')
}

/// Which units are kept at a step. The drawing is exact about what matters: as
/// many units fall as the rate says (at least one, never all), at a fixed site the
/// same ones each time, at a per-step site never the same set twice in a row.
fn mask(site: &Site, units: usize, step: usize, stream: u64) -> Vec<bool> {
    let dropped = ((site.rate * units as f64).round() as usize).clamp(1, units - 1);
    let draw = |turn: usize| {
        let mut order: Vec<usize> = (0..units).collect();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(stream * 1000 + turn as u64 + 7);
        for place in (1..units).rev() {
            // SplitMix64: small and even enough for a drawing.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            order.swap(
                place,
                ((mixed ^ (mixed >> 31)) % (place as u64 + 1)) as usize,
            );
        }
        let mut kept = vec![true; units];
        for &unit in &order[..dropped] {
            kept[unit] = false;
        }
        kept
    };
    match site.time {
        MaskTime::Fixed => draw(0),
        MaskTime::PerStep => {
            let mut turn = 0;
            let mut current = draw(turn);
            for _ in 0..step {
                loop {
                    turn += 1;
                    let next = draw(turn);
                    if next != current {
                        current = next;
                        break;
                    }
                }
            }
            current
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(time: MaskTime, rate: f64) -> Site {
        Site { rate, time }
    }

    #[test]
    fn a_fixed_mask_is_the_same_at_every_step_and_a_fresh_one_is_not() {
        for rate in [0.0, 0.1, 0.25, 0.5, 0.9, 0.99] {
            let fixed = site(MaskTime::Fixed, rate);
            let fresh = site(MaskTime::PerStep, rate);
            for step in 1..STEPS {
                assert_eq!(mask(&fixed, UNITS, step, 1), mask(&fixed, UNITS, 0, 1));
                assert_ne!(
                    mask(&fresh, UNITS, step, 1),
                    mask(&fresh, UNITS, step - 1, 1)
                );
            }
        }
    }

    #[test]
    fn the_rate_is_drawn_true() {
        let mask = mask(&site(MaskTime::Fixed, 0.25), UNITS, 0, 1);
        assert_eq!(mask.iter().filter(|kept| !**kept).count(), 2);
    }

    #[test]
    fn the_picture_has_words_and_no_inline_style() {
        let dropout = Dropout {
            state: Some(site(MaskTime::Fixed, 0.25)),
            ..Dropout::default()
        };
        let Html(svg) = svg(&dropout, "a\"b");
        assert!(svg.contains("state dropped at rate 0.25: the same mask at every time step"));
        assert!(!svg.contains("style="));
        assert!(!svg.contains("a\"b"));
    }
}
