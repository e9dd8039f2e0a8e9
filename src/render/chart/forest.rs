//! The map of a claim: the effect of each experiment on it with its interval, the shape by the verdict.
//!
//! Experiments have units of their own, so each effect is counted in its own smallest effect of interest: 0 is no effect for
//! all of them, and 1 what was asked for.

use super::axis::Axis;
use super::canvas::{self, SPAN};
use super::effects::{Frame, TOP};
use crate::render::{html::Html, number};
use std::fmt::Write;

/// An experiment with a verdict.
#[derive(Debug, Clone)]
pub struct Effect {
    /// Its number.
    pub experiment: i64,
    /// The verdict in one word.
    pub outcome: String,
    /// The estimate, in its smallest effect of interest.
    pub effect: f64,
    /// Its bounds, in the same.
    pub interval: Option<[f64; 2]>,
    /// Whether it does not move the claim.
    pub aside: bool,
}

/// Height of a row.
const ROW: f64 = 22.0;
/// Effects farther from none than this stand at the edge: one huge effect would press all others together.
const FARTHEST: f64 = 6.0;

/// The map, or nothing without an effect.
pub fn svg(effects: &[Effect]) -> Option<Html> {
    if effects.is_empty() {
        return None;
    }
    let inside = |value: f64| value.clamp(-FARTHEST, FARTHEST);
    let seen = effects.iter().flat_map(|effect| {
        let bounds = effect.interval.into_iter().flatten();
        bounds.chain([effect.effect]).map(inside)
    });
    let x = Axis::linear(seen.chain([-0.5, 1.5]), 0.0, SPAN)?;
    let frame = Frame {
        id: "forest",
        words: &words(effects),
        unit: "counted in smallest effects of interest",
        x: &x,
        margin: Some(1.0),
        grounds: &[],
        bottom: TOP + ROW * effects.len() as f64,
    };
    let mut out = frame.begin();
    for (row, effect) in effects.iter().enumerate() {
        let y = TOP + ROW * (row as f64 + 0.5);
        canvas::line(&mut out, "lane", [0.0, SPAN], [y, y]);
        let _ = write!(
            out,
            "<g{}><text class=\"end\" x=\"-8\" y=\"{}\">{}</text>",
            if effect.aside { " class=\"aside\"" } else { "" },
            y + 4.0,
            effect.experiment
        );
        if let Some(bounds) = effect.interval {
            let [low, high] = bounds.map(|bound| x.at(inside(bound)));
            out.push_str("<g class=\"interval\">");
            canvas::line(&mut out, "", [low, high], [y, y]);
            out.push_str("</g>");
        }
        let at = x.at(inside(effect.effect));
        match effect.outcome.as_str() {
            "supported" => canvas::dot(&mut out, at, y, "holds", 5.5),
            "falsified" => canvas::mark(&mut out, at, y, "fails", "M-5-5l10 10m0-10l-10 10"),
            _ => canvas::dot(&mut out, at, y, "unsure", 5.0),
        }
        if effect.effect.abs() > FARTHEST {
            let (side, arrow) = match effect.effect < 0.0 {
                true => (10, "←"),
                false => (-22, "→"),
            };
            let _ = write!(
                out,
                "<text class=\"beside\" x=\"{}\" dx=\"{side}\" y=\"{}\">{arrow}</text>",
                canvas::Across(at),
                y + 4.0
            );
        }
        out.push_str("</g>");
    }
    Some(frame.end(out))
}

/// What the shapes mean, as HTML that wraps on a phone.
pub fn legend() -> Html {
    let key = |shape: &str, words: &str| {
        format!(
            "<span><svg class=\"chart key\" viewBox=\"0 0 30 10\" aria-hidden=\"true\">{shape}</svg> {words}</span>"
        )
    };
    let keys = [
        key(
            "<circle class=\"holds\" cx=\"15\" cy=\"5\" r=\"4.5\"/>",
            "supported",
        ),
        key(
            "<path class=\"fails\" d=\"M11 1l8 8m0 -8l-8 8\"/>",
            "falsified",
        ),
        key(
            "<circle class=\"unsure\" cx=\"15\" cy=\"5\" r=\"4\"/>",
            "inconclusive",
        ),
    ];
    Html(format!(
        "<p class=\"legend note\">{} <span>pale: does not move the claim</span></p>",
        keys.join(" ")
    ))
}

fn words(effects: &[Effect]) -> String {
    let told: Vec<String> = effects
        .iter()
        .map(|effect| {
            let bounds = effect.interval.map_or_else(String::new, |[low, high]| {
                format!(" [{}, {}]", number::signed(low), number::signed(high))
            });
            let (id, outcome) = (effect.experiment, &effect.outcome);
            format!(
                "experiment {id} {outcome}, {}{bounds}",
                number::signed(effect.effect)
            )
        })
        .collect();
    format!(
        "Effects of {} in smallest effects of interest: {}.",
        number::plural(effects.len(), "experiment", "experiments"),
        told.join("; ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(experiment: i64, outcome: &str, effect: f64, interval: Option<[f64; 2]>) -> Effect {
        Effect {
            experiment,
            outcome: outcome.to_owned(),
            effect,
            interval,
            aside: experiment == 3,
        }
    }

    #[test]
    fn every_experiment_has_a_row_and_a_shape_by_its_verdict() {
        let effects = [
            effect(7, "supported", 2.0, Some([1.2, 3.0])),
            effect(3, "falsified", -50.0, Some([-60.0, -40.0])),
            effect(1, "inconclusive", 0.4, None),
        ];
        let Html(svg) = svg(&effects).expect("effects");
        for (class, times) in [
            ("holds", 1),
            ("fails", 1),
            ("unsure", 1),
            ("interval", 2),
            ("aside", 1),
        ] {
            assert_eq!(
                svg.matches(&format!("class=\"{class}\"")).count(),
                times,
                "{class}"
            );
        }
        assert!(
            svg.contains("experiment 3 falsified, −50.0 [−60.0, −40.0]"),
            "{svg}"
        );
        assert!(svg.contains(">←</text>"), "what lies beyond says so");
        assert!(!svg.contains("style=") && super::svg(&[]).is_none());
    }
}
