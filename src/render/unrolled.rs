//! The picture this site is about: a recurrent network unrolled over time, with its dropout masks.
//!
//! Every unit of the state has a wire from one time step to the next. A mask
//! stands in each wire: kept units pass, dropped ones are cut. The same wires
//! cut at every step, or others each time: that is the whole question. What is
//! masked inside a step is marked in its node, and what is not a mask looks
//! like none.

mod marks;
mod mask;
mod sentence;

use super::{dropout as words, form::Escaped, html::Html};
use breakmywork_protocol::spec::{Dropout, MaskTime, Noise, Site, SiteName};
use marks::{CELL, cell, held, label, subscript, symbol, wave};
use mask::mask;
use std::fmt::Write;

/// Time steps drawn.
const STEPS: usize = 5;
/// Units of the state drawn.
const UNITS: usize = 8;
/// Units of input and output drawn.
const SIDE_UNITS: usize = 5;

const STEP_WIDTH: f64 = 84.0;
const LEFT: f64 = 26.0;
const ROW: f64 = 12.0;
const TOP: f64 = 56.0;
const NODE_WIDTH: f64 = 22.0;
const STATE_HEIGHT: f64 = ROW * UNITS as f64;
/// Width of a column of marks in the node.
const COLUMN: f64 = 16.0;
/// Least room for the wires between two nodes.
const LEAST_GAP: f64 = 40.0;
/// The same where both the state and the recurrent weights are masked.
const LEAST_WIDE_GAP: f64 = 62.0;
/// Height of the layers above, drawn as one small box.
const ABOVE: f64 = 52.0;
/// Widest picture: a wider one has fewer steps, so that it can be read on a phone.
const WIDEST: f64 = 440.0;
/// Fewest steps drawn: two changes of a mask, and of the words the one that comes twice.
const FEWEST: [usize; 2] = [3, 4];

/// Sites that are marked in the node, in the order of their columns.
const INSIDE: [SiteName; 4] = [
    SiteName::Update,
    SiteName::Cell,
    SiteName::ZoneoutCell,
    SiteName::ZoneoutState,
];

/// What pictures that are compared have in common: how many steps they show, and how wide they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sheet {
    steps: usize,
    width: f64,
}

impl Sheet {
    /// On which all of these have the same scale.
    pub fn of<'a>(dropouts: impl IntoIterator<Item = &'a Dropout>) -> Self {
        let frames: Vec<Frame<'_>> = dropouts.into_iter().map(Frame::new).collect();
        let words = |frame: &Frame<'_>| frame.site(SiteName::Embedding).is_some();
        let fewest = FEWEST[usize::from(frames.iter().any(words))];
        let width = |steps: usize| {
            let widths = frames.iter().map(|frame| frame.end(steps) + 34.0);
            widths.fold(0.0, f64::max)
        };
        let steps = (fewest..=STEPS)
            .rev()
            .find(|steps| width(*steps) <= WIDEST)
            .unwrap_or(fewest);
        Self {
            steps,
            width: width(steps),
        }
    }
}

/// What is drawn, and how much room it takes.
struct Frame<'a> {
    dropout: &'a Dropout,
    /// Sites in the node.
    columns: Vec<(SiteName, &'a Site)>,
    node: f64,
    step: f64,
    top: f64,
}

/// Draws the dropout of one arm, and below it what its letters mean. `id` keeps the ids of several pictures on a page
/// apart.
pub fn svg(dropout: &Dropout, id: &str, sheet: Sheet) -> Html {
    let Sheet { steps, width } = sheet;
    let frame = Frame::new(dropout);
    let end = frame.end(steps);
    let height = frame.bottom() + 62.0 + sentence::height(frame.site(SiteName::Embedding));
    let mut out = String::with_capacity(16 * 1024);
    let id = Escaped(id);
    let _ = write!(
        out,
        "<svg class=\"unrolled\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"{id}-title\">\
         <title id=\"{id}-title\">{}</title>",
        Escaped(&describe(dropout))
    );
    for step in 0..steps {
        let last = step + 1 == steps;
        frame.above(&mut out, step, last);
        frame.below(&mut out, step);
        frame.node(&mut out, step);
        if !last {
            frame.wires(&mut out, step);
        }
    }
    if frame.site(SiteName::Embedding).is_some() {
        let y = frame.bottom() + 60.0 + sentence::BASELINE;
        let _ = write!(out, "<text class=\"symbol\" x=\"4\" y=\"{y}\">e</text>");
    }
    // The state goes on, and came from before.
    for unit in 0..UNITS {
        let y = frame.unit_y(unit);
        let _ = write!(
            out,
            "<path class=\"wire\" d=\"M{end} {y}h14M{LEFT} {y}h-14\"/>",
        );
    }
    out.push_str("</svg>");
    let legend = frame.legend();
    if !legend.is_empty() {
        out.push_str("<ul class=\"plain note\">");
        for (letter, text) in legend {
            let _ = write!(out, "<li><i>{letter}</i> {text}</li>");
        }
        out.push_str("</ul>");
    }
    Html(out)
}

/// The picture in words: its text alternative.
pub fn describe(dropout: &Dropout) -> String {
    let sites = words::sites(dropout);
    if sites.is_empty() {
        "Recurrent network unrolled over time, nothing dropped.".to_owned()
    } else {
        format!(
            "Recurrent network unrolled over time; {}.",
            sites.join("; ")
        )
    }
}

impl<'a> Frame<'a> {
    fn new(dropout: &'a Dropout) -> Self {
        let columns: Vec<_> = INSIDE
            .into_iter()
            .filter_map(|name| Some((name, active(dropout, name)?)))
            .collect();
        let has = |name| active(dropout, name).is_some();
        let node = NODE_WIDTH + COLUMN * columns.len() as f64;
        let gap = if has(SiteName::State) && has(SiteName::RecurrentWeights) {
            LEAST_WIDE_GAP
        } else {
            LEAST_GAP
        };
        Self {
            dropout,
            columns,
            node,
            step: STEP_WIDTH.max(node + gap),
            top: match dropout.between {
                Some(_) => TOP + ABOVE,
                None => TOP,
            },
        }
    }

    fn site(&self, name: SiteName) -> Option<&'a Site> {
        active(self.dropout, name)
    }

    /// Lower edge of the nodes.
    fn bottom(&self) -> f64 {
        self.top + STATE_HEIGHT
    }

    /// Right edge of the last of so many steps.
    fn end(&self, steps: usize) -> f64 {
        self.x(steps - 1) + self.node
    }

    /// Left edge of a step's node.
    fn x(&self, step: usize) -> f64 {
        LEFT + self.step * step as f64
    }

    /// Where input and output of a step stand.
    fn centre(&self, step: usize) -> f64 {
        self.x(step) + NODE_WIDTH / 2.0
    }

    fn unit_y(&self, unit: usize) -> f64 {
        self.top + ROW * unit as f64 + ROW / 2.0
    }

    /// The node of a step: its units, and a column of marks for each site inside.
    fn node(&self, out: &mut String, step: usize) {
        let (x, centre, top, width) = (self.x(step), self.centre(step), self.top, self.node);
        let _ = write!(
            out,
            "<rect class=\"node\" x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"{STATE_HEIGHT}\" rx=\"3\"/>"
        );
        for unit in 0..UNITS {
            let y = self.unit_y(unit);
            let _ = write!(
                out,
                "<circle class=\"unit\" cx=\"{centre}\" cy=\"{y}\" r=\"3\"/>"
            );
        }
        for (column, (name, site)) in self.columns.iter().enumerate() {
            let x = x + NODE_WIDTH + COLUMN * column as f64 + 5.0;
            label(out, x, top - 5.0, letter(*name));
            let mask = mask(site, *name, UNITS, step);
            for (unit, kept) in mask.into_iter().enumerate() {
                let y = self.unit_y(unit);
                if name.is_zoneout() {
                    held(out, x, y, !kept);
                } else {
                    cell(out, x, y, kept);
                }
            }
        }
    }

    /// The recurrent wires from one step to the next, with the masks in them.
    fn wires(&self, out: &mut String, step: usize) {
        let x = self.x(step) + self.node;
        let end = self.x(step + 1);
        let state = self.site(SiteName::State);
        let weights = self.site(SiteName::RecurrentWeights);
        let gap = end - x;
        // The product with U comes after the mask on the state.
        let (middle, stop) = match weights {
            Some(_) => (x + gap * 0.2, x + gap * 0.36),
            None => (x + gap / 2.0, end),
        };
        let start = if weights.is_some() && state.is_none() {
            x
        } else {
            stop
        };
        if let Some(site) = state {
            label(out, middle, self.top - 6.0, &symbol("m", site, step));
        }
        let mask = state.map(|site| mask(site, SiteName::State, UNITS, step));
        for unit in 0..UNITS {
            let y = self.unit_y(unit);
            let passes = mask.as_ref().map(|mask| mask[unit]);
            match (passes, state) {
                (Some(up), Some(site)) if site.noise == Noise::Moments => {
                    let (before, after) = (middle - 6.0, middle + 6.0);
                    let _ = write!(
                        out,
                        "<path class=\"wire\" d=\"M{x} {y}H{before}M{after} {y}H{start}\"/>"
                    );
                    wave(out, middle, y, 12.0, up);
                }
                (Some(kept), _) => {
                    let (before, after) = (middle - CELL / 2.0, middle + CELL / 2.0);
                    let class = if kept { "wire" } else { "cut" };
                    let _ = write!(
                        out,
                        "<path class=\"wire\" d=\"M{x} {y}H{before}\"/><path class=\"{class}\" d=\"M{after} {y}H{start}\"/>"
                    );
                    cell(out, middle, y, kept);
                }
                (None, _) if start > x => {
                    let _ = write!(out, "<path class=\"wire\" d=\"M{x} {y}H{start}\"/>");
                }
                (None, _) => {}
            }
        }
        if let Some(site) = weights {
            // Below: above stand the letters of masks.
            let (middle, y) = (f64::midpoint(start, end), self.bottom() + 13.0);
            label(out, middle, y, &symbol("U", site, step));
            self.weights(out, start, end, step, site);
        }
    }

    /// Connections between neighbouring units, each an entry of U, kept or dropped.
    fn weights(&self, out: &mut String, start: f64, end: f64, step: usize, site: &Site) {
        let near = |from: usize| from.saturating_sub(1)..(from + 2).min(UNITS);
        let pairs: Vec<(usize, usize)> = (0..UNITS)
            .flat_map(|from| near(from).map(move |to| (from, to)))
            .collect();
        let mask = mask(site, SiteName::RecurrentWeights, pairs.len(), step);
        for class in ["wire", "lost"] {
            let _ = write!(out, "<path class=\"{class}\" d=\"");
            for ((from, to), kept) in pairs.iter().zip(&mask) {
                if *kept == (class == "wire") {
                    let (from, to) = (self.unit_y(*from), self.unit_y(*to));
                    let _ = write!(out, "M{start} {from}L{end} {to}");
                }
            }
            out.push_str("\"/>");
        }
    }

    /// Input from below, from the words there if something is said about them.
    fn below(&self, out: &mut String, step: usize) {
        let bottom = self.bottom();
        self.arrow(out, step, bottom + 40.0, bottom);
        label(
            out,
            self.centre(step),
            bottom + 54.0,
            &format!("x{}", subscript(step + 1)),
        );
        self.row(out, step, bottom + 20.0, SiteName::Input);
        if let Some(site) = self.site(SiteName::Embedding) {
            sentence::word(out, self.centre(step), bottom + 60.0, site, step);
        }
    }

    /// Output to above, by way of the layers there if something is said about what lies between.
    fn above(&self, out: &mut String, step: usize, last: bool) {
        let mut from = self.top;
        if self.dropout.between.is_some() {
            let (x, y) = (self.x(step), self.top - ABOVE);
            self.arrow(out, step, self.top, y + 12.0);
            self.row(out, step, self.top - 20.0, SiteName::Between);
            let _ = write!(
                out,
                "<rect class=\"node\" x=\"{x}\" y=\"{y}\" width=\"{NODE_WIDTH}\" height=\"12\" rx=\"3\"/>"
            );
            let (edge, middle) = (x + NODE_WIDTH, y + 6.0);
            let next = self.step - NODE_WIDTH;
            if !last {
                let _ = write!(out, "<path class=\"wire\" d=\"M{edge} {middle}h{next}\"/>");
            }
            from = y;
        }
        self.arrow(out, step, from, from - 40.0);
        label(
            out,
            self.centre(step),
            from - 44.0,
            &format!("y{}", subscript(step + 1)),
        );
        self.row(out, step, from - 20.0, SiteName::Output);
    }

    fn arrow(&self, out: &mut String, step: usize, from: f64, to: f64) {
        let centre = self.centre(step);
        let _ = write!(
            out,
            "<path class=\"arrow\" d=\"M{centre} {from}V{}\"/><path class=\"head\" d=\"M{centre} {to}l-3.5 7h7z\"/>",
            to + 6.0,
        );
    }

    /// The mask of what goes up, lying across the arrow.
    fn row(&self, out: &mut String, step: usize, y: f64, name: SiteName) {
        let Some(site) = self.site(name) else { return };
        let centre = self.centre(step);
        let start = centre - (SIDE_UNITS - 1) as f64 * (CELL + 2.0) / 2.0;
        let mask = mask(site, name, SIDE_UNITS, step);
        for (unit, kept) in mask.into_iter().enumerate() {
            let x = start + unit as f64 * (CELL + 2.0);
            if site.noise == Noise::Moments {
                wave(out, x, y, CELL + 2.0, kept);
            } else {
                cell(out, x, y, kept);
            }
        }
        let letter = match name {
            SiteName::Between => "b",
            // The waves in the wires have their name already.
            _ if site.noise == Noise::Moments && self.site(SiteName::State).is_none() => "",
            _ if site.noise == Noise::Moments => return,
            _ if site.untied() => "m",
            _ => return,
        };
        let (x, y, name) = (centre + 29.0, y + 4.0, symbol(letter, site, step));
        let _ = write!(
            out,
            "<text class=\"symbol\" x=\"{x}\" y=\"{y}\">{name}</text>"
        );
    }

    /// What letters and marks mean, as far as they do not explain themselves: letter, words.
    fn legend(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        let when = |site: &Site| match site.time {
            MaskTime::Fixed => "the same at every step",
            MaskTime::PerStep => "others at each step",
        };
        let sites = || self.dropout.sites().filter(|(_, site)| site.rate > 0.0);
        if sites().any(|(_, site)| site.noise == Noise::Moments) {
            lines.push(("σ", "noise in place of a mask".to_owned()));
        }
        if sites().any(|(_, site)| site.untied()) {
            lines.push(("mᵏ", "each gate k has its own; one is drawn".to_owned()));
        }
        if self.dropout.between.is_some() {
            let text = match self.site(SiteName::Between) {
                Some(_) => "between layers; the small boxes are the layers above",
                None => "nothing between layers; the small boxes are those above",
            };
            lines.push(("b", text.to_owned()));
        }
        if let Some(site) = self.site(SiteName::Embedding) {
            lines.push(("e", sentence::legend(site).to_owned()));
        }
        if let Some(site) = self.site(SiteName::RecurrentWeights) {
            let text = format!("dashed: dropped entries of U, {}", when(site));
            lines.push(("U", text));
        }
        for (name, site) in &self.columns {
            let what = match name {
                SiteName::Update => "dropped updates",
                SiteName::Cell => "dropped cell units",
                SiteName::ZoneoutCell => "=: cell units that keep their value",
                _ => "=: state units that keep their value",
            };
            lines.push((letter(*name), format!("{what}, {}", when(site))));
        }
        lines
    }
}

/// What is said of a site; a rate of 0 drops nothing.
fn active(dropout: &Dropout, name: SiteName) -> Option<&Site> {
    dropout.site(name).filter(|site| site.rate > 0.0)
}

/// The letter of a site inside the node.
fn letter(name: SiteName) -> &'static str {
    match name {
        SiteName::Update => "g",
        SiteName::Cell => "c",
        SiteName::ZoneoutCell => "zᶜ",
        _ => "zʰ",
    }
}

#[cfg(test)]
mod tests;
