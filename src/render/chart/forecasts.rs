//! Forecasts: how they spread over an experiment, and how somebody's came true. Narrow enough for a phone.

use super::axis::{Axis, round};
use crate::forecast::{Bin, Crowd, Percent};
use crate::render::{html::Html, number};
use std::fmt::Write;

const WIDTH: f64 = 360.0;
const RIGHT: f64 = 14.0;

/// How many members gave which tenth, with their mean and the reader's own.
pub fn spread(crowd: &Crowd, own: Option<Percent>) -> Html {
    const LEFT: f64 = 14.0;
    const TOP: f64 = 42.0;
    const BOTTOM: f64 = 164.0;
    const HEIGHT: f64 = 206.0;
    let x = Axis::exact(0.0, 1.0, LEFT, WIDTH - RIGHT);
    let most = crowd.histogram.iter().copied().max().unwrap_or(1).max(1);
    let y = Axis::exact(0.0, most as f64, BOTTOM, TOP + 16.0);
    let mut out = opened(HEIGHT, "spread", &spread_words(crowd, own));
    for (tenth, times) in crowd.histogram.into_iter().enumerate() {
        let (left, right) = (x.at(tenth as f64 / 10.0), x.at((tenth + 1) as f64 / 10.0));
        if times > 0 {
            let top = y.at(times as f64);
            let _ = write!(
                out,
                "<path class=\"bar\" d=\"M{} {BOTTOM}V{top}H{}V{BOTTOM}z\"/><text class=\"middle\" x=\"{}\" y=\"{}\">{}</text>",
                round(left + 1.5),
                round(right - 1.5),
                round((left + right) / 2.0),
                round(top - 5.0),
                number::count(times)
            );
        }
    }
    let _ = write!(
        out,
        "<path class=\"axis\" d=\"M{LEFT} {BOTTOM}H{}\"/>",
        WIDTH - RIGHT
    );
    percents(&mut out, &x, BOTTOM);
    let own = own.map(|own| (f64::from(own.get()) / 100.0, "yours", 10.0));
    for (share, name, lane) in [(crowd.mean, "mean", 28.0)].into_iter().chain(own) {
        let at = x.at(share);
        // The name stands on the side that has room.
        let (class, aside) = match share > 0.5 {
            true => (" class=\"end\"", -10.0),
            false => ("", 10.0),
        };
        let _ = write!(
            out,
            "<path class=\"lane\" d=\"M{LEFT} {lane}H{}\"/><path class=\"{name}-mark\" d=\"M{at} {}l5.5 5.5l-5.5 5.5l-5.5 -5.5z\"/>\
             <text{class} x=\"{}\" y=\"{}\">{name} {}</text>",
            WIDTH - RIGHT,
            lane - 5.5,
            round(at + aside),
            lane + 4.0,
            number::percent(share)
        );
    }
    let _ = write!(
        out,
        "<text x=\"{LEFT}\" y=\"{}\">← falsified</text><text class=\"end\" x=\"{}\" y=\"{}\">supported →</text></svg>",
        HEIGHT - 4.0,
        WIDTH - RIGHT,
        HEIGHT - 4.0
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
    const LEFT: f64 = 50.0;
    const TOP: f64 = 26.0;
    const BOTTOM: f64 = 286.0;
    const HEIGHT: f64 = 328.0;
    let right = WIDTH - RIGHT - 8.0;
    let x = Axis::exact(0.0, 1.0, LEFT, right);
    let y = Axis::exact(0.0, 1.0, BOTTOM, TOP);
    let mut out = opened(HEIGHT, "calibration", &calibration_words(bins));
    for share in [0.0, 0.5, 1.0] {
        let at = y.at(share);
        let _ = write!(
            out,
            "<path class=\"tick\" d=\"M{LEFT} {at}H{right}\"/><text class=\"end\" x=\"{}\" y=\"{}\">{}</text>",
            LEFT - 7.0,
            at + 4.0,
            number::percent(share)
        );
    }
    let _ = write!(
        out,
        "<path class=\"axis\" d=\"M{LEFT} {TOP}V{BOTTOM}H{right}\"/>\
         <path class=\"even\" d=\"M{LEFT} {BOTTOM}L{right} {TOP}\"/>\
         <text x=\"0\" y=\"12\">share of claims that survived</text>"
    );
    percents(&mut out, &x, BOTTOM);
    let most = bins.iter().map(|bin| bin.forecasts).max().unwrap_or(1);
    for bin in bins {
        // An area for a number; the smallest dot is still one.
        let radius = round((11.0 * (bin.forecasts as f64 / most as f64).sqrt()).max(4.0));
        let _ = write!(
            out,
            "<circle class=\"dot\" cx=\"{}\" cy=\"{}\" r=\"{radius}\"/>",
            x.at(bin.mean),
            y.at(bin.survived)
        );
    }
    let _ = write!(
        out,
        "<text class=\"end\" x=\"{right}\" y=\"{}\">mean forecast →</text></svg>",
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

fn opened(height: f64, id: &str, words: &str) -> String {
    // The words are made here, of numbers alone: nothing to escape.
    format!(
        "<svg class=\"chart small\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}-title\">\
         <title id=\"{id}-title\">{words}</title>"
    )
}

/// The axis of probabilities.
fn percents(out: &mut String, x: &Axis, bottom: f64) {
    for share in [0.0, 0.5, 1.0] {
        let at = x.at(share);
        let _ = write!(
            out,
            "<path class=\"axis\" d=\"M{at} {bottom}v5\"/><text class=\"middle\" x=\"{at}\" y=\"{}\">{}</text>",
            bottom + 19.0,
            number::percent(share)
        );
    }
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
