//! The e-process of a sequential plan: both e-values after each pair, a step a pair, and the line at which they decide.

use super::axis::{Axis, labelled};
use super::canvas::{self, Pen, SPAN};
use crate::render::{html::Html, number};
use breakmywork_protocol::verdict::{Sequential, Step};
use std::fmt::Write;

const HEIGHT: f64 = 230.0;
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
    let bottom = HEIGHT - BOTTOM;
    let values = process.steps.iter();
    let values = values.flat_map(|step| [step.support, step.falsify]);
    let y = Axis::logarithmic(values.chain([1.0, process.decides]), bottom, TOP)?;
    let x = Axis::exact(0.0, process.cap as f64, 0.0, SPAN);
    let mut out = canvas::open(" small", HEIGHT, id, &words(process));
    canvas::values(&mut out, &y, "e-value");
    // Half a pair is none.
    let mut ticks = labelled(x.ticks(6));
    ticks.retain(|(tick, _)| tick.fract() == 0.0);
    canvas::across(&mut out, bottom, ticks, &x);
    let decides = y.at(process.decides);
    canvas::line(&mut out, "margin", [0.0, SPAN], [decides, decides]);
    let _ = write!(
        out,
        "<text class=\"end\" x=\"100%\" y=\"{}\">{} decides</text>\
         <text class=\"end\" x=\"100%\" y=\"{}\">pairs, of at most {}</text>",
        decides - 5.0,
        number::plain(process.decides),
        HEIGHT - 4.0,
        process.cap
    );
    let (mut lines, mut dots) = (String::new(), String::new());
    for (_, class, of) in BETS {
        let (mut pen, mut last) = (Pen::default(), y.at(1.0));
        pen.to(x.at(0.0), last);
        for (pair, step) in (1..).zip(&process.steps) {
            let (across, up) = (x.at(f64::from(pair)), y.at(of(step)));
            pen.to(across, last);
            pen.to(across, up);
            canvas::dot(&mut dots, across, up, &format!("lone {class}"), 1.5);
            last = up;
        }
        lines.push_str(&pen.element(&format!("mean {class}"), false));
    }
    canvas::stretched(&mut out, HEIGHT, &lines);
    out.push_str(&dots);
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
            assert_eq!(line.matches('l').count(), 4, "{line}");
        }
        assert_eq!(svg.matches("<circle class=\"lone ").count(), 4);
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
