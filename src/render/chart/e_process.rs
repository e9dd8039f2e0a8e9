//! The e-process of a sequential plan: both e-values after each pair, a step a pair, and the line at which they decide.

use super::axis::{Axis, labelled};
use crate::render::{form::Escaped, html::Html, number};
use breakmywork_protocol::verdict::{Sequential, Step};
use std::fmt::Write;

/// Narrow, so that it can be read on a phone.
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 40.0;

/// Which e-value of a step.
type EValue = fn(&Step) -> f64;

/// The two e-values: what they are called, their class, and which they are.
const BETS: [(&str, &str, EValue); 2] = [
    ("for the prediction", "arm-0", |step| step.support),
    ("against the prediction", "arm-1", |step| step.falsify),
];

/// The plot, or nothing before the first pair.
pub fn svg(process: &Sequential, id: &str) -> Option<Html> {
    if process.steps.is_empty() {
        return None;
    }
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    let values = process.steps.iter();
    let values = values.flat_map(|step| [step.support, step.falsify]);
    let y = Axis::logarithmic(values.chain([1.0, process.decides]), bottom, TOP)?;
    let x = Axis::exact(0.0, process.cap as f64, LEFT, right);
    let mut out = String::with_capacity(4 * 1024);
    let id = Escaped(id);
    let _ = write!(
        out,
        "<svg class=\"chart small\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"{id}-title\">\
         <title id=\"{id}-title\">{}</title>",
        Escaped(&words(process))
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
    for (tick, label) in labelled(x.ticks(8)) {
        // Half a pair is none.
        if tick.fract() != 0.0 {
            continue;
        }
        let at = x.at(tick);
        let _ = write!(
            out,
            "<path class=\"axis\" d=\"M{at} {bottom}v5\"/><text class=\"middle\" x=\"{at}\" y=\"{}\">{label}</text>",
            bottom + 19.0
        );
    }
    let decides = y.at(process.decides);
    let _ = write!(
        out,
        "<path class=\"axis\" d=\"M{LEFT} {bottom}H{right}\"/>\
         <path class=\"margin\" d=\"M{LEFT} {decides}H{right}\"/>\
         <text class=\"end\" x=\"{right}\" y=\"{}\">{} decides</text>\
         <text x=\"0\" y=\"11\">e-value, logarithmic</text>\
         <text class=\"end\" x=\"{right}\" y=\"{}\">pairs, of at most {}</text>",
        decides - 5.0,
        number::plain(process.decides),
        HEIGHT - 4.0,
        process.cap
    );
    for (_, class, of) in BETS {
        let (mut line, mut dots) = (format!("M{} {}", x.at(0.0), y.at(1.0)), String::new());
        for (pair, step) in (1..).zip(&process.steps) {
            let (across, up) = (x.at(f64::from(pair)), y.at(of(step)));
            let _ = write!(line, "H{across}V{up}");
            let _ = write!(dots, "M{across} {up}h0");
        }
        let _ = write!(
            out,
            "<path class=\"mean {class}\" d=\"{line}\"/><path class=\"mean lone {class}\" d=\"{dots}\"/>"
        );
    }
    out.push_str("</svg>");
    Some(Html(out))
}

/// The legend: a stroke and its name, as HTML so that it wraps on a phone.
pub fn legend() -> Html {
    let strokes = BETS.map(|(name, class, _)| {
        format!(
            "<span><svg class=\"chart key\" viewBox=\"0 0 30 10\" aria-hidden=\"true\"><path class=\"mean {class}\" d=\"M0 5h30\"/></svg> {name}</span>"
        )
    });
    Html(format!(
        "<p class=\"legend note\">{}</p>",
        strokes.join(" ")
    ))
}

fn words(process: &Sequential) -> String {
    let last = process.steps.last().map_or_else(String::new, |step| {
        let values = BETS.map(|(name, _, of)| format!("{} {name}", number::value(of(step))));
        values.join(", ")
    });
    format!(
        "E-values after {} of at most {} pairs: {last}; {} decides.",
        process.steps.len(),
        process.cap,
        number::plain(process.decides)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(steps: &[(f64, f64)]) -> Sequential {
        let steps = (1..).zip(steps).map(|(seed, (support, falsify))| Step {
            seed,
            support: *support,
            falsify: *falsify,
        });
        Sequential {
            cap: 16,
            decides: 20.0,
            steps: steps.collect(),
            stop: None,
        }
    }

    #[test]
    fn every_pair_is_a_step_and_the_words_say_the_same() {
        let Html(svg) = svg(&process(&[(1.5, 0.5), (2.333, 0.667)]), "e").expect("pairs");
        assert!(
            svg.contains("after 2 of at most 16 pairs: 2.33 for the prediction, 0.667 against")
        );
        // Two lines with two steps each, and a dot for each pair.
        for class in ["mean arm-0", "mean arm-1"] {
            let line = svg.split(class).nth(1).expect("a line");
            let line = line.split("/>").next().expect("its end");
            assert_eq!(
                (line.matches('H').count(), line.matches('V').count()),
                (2, 2)
            );
        }
        assert!(svg.contains("20 decides"));
        assert!(!svg.contains("style="));
    }

    #[test]
    fn before_the_first_pair_there_is_no_plot_and_huge_values_break_none() {
        assert!(svg(&process(&[]), "e").is_none());
        let Html(svg) = svg(&process(&[(5e10, 1e-12)]), "e").expect("a pair");
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}
