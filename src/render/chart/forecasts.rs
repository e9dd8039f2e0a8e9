//! Forecasts: how they spread over an experiment, and how somebody's came true.

use super::axis::{Axis, round};
use super::canvas::{self, Across, Pen, SPAN};
use crate::forecast::{Bin, Crowd, Percent};
use crate::render::{html::Html, number};
use std::fmt::Write;

/// How many members gave which tenth, with their mean and the reader's own.
pub fn spread(crowd: &Crowd, own: Option<Percent>) -> Html {
    const TOP: f64 = 42.0;
    const BOTTOM: f64 = 164.0;
    const HEIGHT: f64 = 206.0;
    let x = Axis::exact(0.0, 1.0, 0.0, SPAN);
    let most = crowd.histogram.iter().copied().max().unwrap_or(1).max(1);
    let y = Axis::exact(0.0, most as f64, BOTTOM, TOP + 16.0);
    let mut out = canvas::open(" small flat", HEIGHT, "spread", &spread_words(crowd, own));
    for (tenth, times) in crowd.histogram.into_iter().enumerate() {
        let (left, right) = (x.at(tenth as f64 / 10.0), x.at((tenth + 1) as f64 / 10.0));
        if times > 0 {
            let top = y.at(times as f64);
            let _ = write!(
                out,
                "<rect class=\"bar\" x=\"{}\" width=\"{}\" y=\"{top}\" height=\"{}\"/><text class=\"middle\" x=\"{}\" y=\"{}\">{}</text>",
                Across(left + 4.0),
                Across(right - left - 8.0),
                round(BOTTOM - top),
                Across(f64::midpoint(left, right)),
                round(top - 5.0),
                number::count(times)
            );
        }
    }
    canvas::across(&mut out, BOTTOM, percents(), &x);
    let own = own.map(|own| (f64::from(own.get()) / 100.0, "yours", 10.0));
    for (share, name, lane) in [(crowd.mean, "mean", 28.0)].into_iter().chain(own) {
        let at = x.at(share);
        // The name stands on the side that has room.
        let (class, aside) = match share > 0.5 {
            true => ("beside end", -10.0),
            false => ("beside", 10.0),
        };
        canvas::line(&mut out, "lane", [0.0, SPAN], [lane, lane]);
        let mark = format!("{name}-mark");
        canvas::mark(
            &mut out,
            at,
            lane,
            &mark,
            "M0-5.5l5.5 5.5l-5.5 5.5l-5.5-5.5z",
        );
        let _ = write!(
            out,
            "<text class=\"{class}\" x=\"{}\" dx=\"{aside}\" y=\"{}\">{name} {}</text>",
            Across(at),
            lane + 4.0,
            number::percent(share)
        );
    }
    let y = HEIGHT - 4.0;
    let _ = write!(
        out,
        "<text y=\"{y}\">← falsified</text><text class=\"end\" x=\"100%\" y=\"{y}\">supported →</text></svg>"
    );
    Html(out)
}

fn spread_words(crowd: &Crowd, own: Option<Percent>) -> String {
    let own = own.map_or_else(String::new, |own| format!("; yours {own}"));
    format!(
        "{} from 0 to 100 percent, mean {}{own}.",
        number::plural(crowd.forecasts, "forecast", "forecasts"),
        number::percent(crowd.mean)
    )
}

/// Of each tenth of the probabilities that somebody gave, how many of the claims survived. On the diagonal as many did as
/// were forecast.
pub fn calibration(bins: &[Bin]) -> Html {
    const TOP: f64 = 26.0;
    const BOTTOM: f64 = 286.0;
    const HEIGHT: f64 = 328.0;
    let x = Axis::exact(0.0, 1.0, 0.0, SPAN);
    let y = Axis::exact(0.0, 1.0, BOTTOM, TOP);
    let mut out = canvas::open(" small", HEIGHT, "calibration", &calibration_words(bins));
    for share in [0.0, 0.5, 1.0] {
        let at = y.at(share);
        canvas::line(&mut out, "tick", [0.0, SPAN], [at, at]);
        let _ = write!(
            out,
            "<text class=\"end\" x=\"-7\" y=\"{}\">{}</text>",
            at + 4.0,
            number::percent(share)
        );
    }
    canvas::line(&mut out, "axis", [0.0, 0.0], [TOP, BOTTOM]);
    let mut even = Pen::default();
    even.to(0.0, BOTTOM);
    even.to(SPAN, TOP);
    canvas::stretched(&mut out, HEIGHT, &even.element("even", false));
    out.push_str("<text class=\"unit\" y=\"12\">share of claims that survived</text>");
    canvas::across(&mut out, BOTTOM, percents(), &x);
    let most = bins.iter().map(|bin| bin.forecasts).max().unwrap_or(1);
    for bin in bins {
        // An area for a number; the smallest dot is still one.
        let radius = round((11.0 * (bin.forecasts as f64 / most as f64).sqrt()).max(4.0));
        canvas::dot(&mut out, x.at(bin.mean), y.at(bin.survived), "dot", radius);
    }
    let _ = write!(
        out,
        "<text class=\"end\" x=\"100%\" y=\"{}\">mean forecast →</text></svg>",
        HEIGHT - 4.0
    );
    Html(out)
}

fn calibration_words(bins: &[Bin]) -> String {
    let parts: Vec<String> = bins
        .iter()
        .map(|bin| {
            format!(
                "of {} with mean {}, {} survived",
                number::plural(bin.forecasts, "forecast", "forecasts"),
                number::percent(bin.mean),
                number::percent(bin.survived)
            )
        })
        .collect();
    format!("Calibration: {}.", parts.join("; "))
}

/// Labels of the axis of probabilities.
fn percents() -> Vec<(f64, String)> {
    [0.0, 0.5, 1.0]
        .map(|share| (share, number::percent(share)))
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_for_each_tenth_that_somebody_gave() {
        let crowd = Crowd {
            forecasts: 4,
            mean: 0.62,
            histogram: [1, 0, 0, 0, 0, 0, 0, 3, 0, 0],
        };
        let Html(svg) = spread(&crowd, Percent::new(90).ok());
        assert_eq!(svg.matches("class=\"bar\"").count(), 2);
        assert!(
            svg.contains("4 forecasts from 0 to 100 percent, mean 62 %; yours 90 %."),
            "{svg}"
        );
        assert!(!svg.contains("style="), "the policy refuses it");
    }

    #[test]
    fn a_dot_for_each_tenth_of_the_forecasts() {
        let bin = |tenth, mean, survived, forecasts| Bin {
            tenth,
            forecasts,
            mean,
            survived,
        };
        let Html(svg) = calibration(&[bin(0, 0.05, 0.0, 1), bin(8, 0.85, 1.0, 9)]);
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(
            svg.contains("of 9 forecasts with mean 85 %, 100 % survived"),
            "{svg}"
        );
    }
}
