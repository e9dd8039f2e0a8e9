//! Formulas in TeX, set as MathML: bounded in number, length and nesting.

use super::mathml;
use math_core::{LatexToMathML, MathCoreConfig, MathDisplay};
use std::sync::LazyLock;

/// Formulas of one text that are set; further ones stay as they were typed.
const MOST: usize = 200;

/// Longest formula that is set, in bytes.
const LONGEST: usize = 4_000;

/// Braces and commands of one formula. Each may lie in the one before and costs the converter 60 kB of stack at most
/// (measured without optimisation): [`super::STACK`] has room for all of them.
const PARTS: usize = 400;

static CONVERTER: LazyLock<LatexToMathML> = LazyLock::new(|| {
    let shorthand = |name: &str, means: &str| (name.to_owned(), means.to_owned());
    let config = MathCoreConfig {
        // What was typed is in the page too, to be read aloud and copied.
        annotation: true,
        macros: vec![
            shorthand("E", r"\mathbb{E}"),
            shorthand("R", r"\mathbb{R}"),
            shorthand("KL", r"\operatorname{KL}"),
            shorthand("argmin", r"\operatorname*{arg\,min}"),
            shorthand("argmax", r"\operatorname*{arg\,max}"),
        ],
        ..MathCoreConfig::default()
    };
    LatexToMathML::new(config).expect("the shorthands are written above")
});

/// Environments whose lines would be numbered from 1 in each formula anew: nobody could tell two of them apart.
const NUMBERED: [&str; 5] = ["align", "alignat", "equation", "gather", "multline"];

/// The formulas of one text, by their order.
#[derive(Debug, Default)]
pub(super) struct Formulas(Vec<String>);

impl Formulas {
    /// Takes a formula and gives its place. `typed` is it with its marks, for where it cannot be set.
    pub(super) fn add(&mut self, tex: &str, typed: &str, display: MathDisplay) -> usize {
        let set = match self.0.len() < MOST {
            true => set(tex, display),
            false => Err(format!("Only the first {MOST} formulas of a text are set.")),
        };
        let html = match (set, display) {
            // It may be wider than the text, and then scrolls: the keyboard must reach it.
            (Ok(mathml), MathDisplay::Block) => {
                format!("<span class=\"formula\" tabindex=\"0\">{mathml}</span>")
            }
            (Ok(mathml), MathDisplay::Inline) => mathml,
            (Err(reason), _) => code(typed, &reason),
        };
        self.0.push(html);
        self.0.len() - 1
    }

    pub(super) fn get(&self, place: usize) -> Option<&str> {
        self.0.get(place).map(String::as_str)
    }
}

/// The formula as MathML.
///
/// # Errors
/// Why it cannot be set, for whoever wrote it.
fn set(tex: &str, display: MathDisplay) -> Result<String, String> {
    if tex.len() > LONGEST {
        return Err(format!("A formula has at most {LONGEST} bytes."));
    }
    let parts = tex.bytes().filter(|byte| b"\\{".contains(byte)).count();
    if parts > PARTS {
        return Err(format!(
            "A formula has at most {PARTS} commands and braces."
        ));
    }
    let mut tex = tex.trim().to_owned();
    for name in NUMBERED {
        for mark in ["begin", "end"] {
            tex = tex.replace(
                &format!("\\{mark}{{{name}}}"),
                &format!("\\{mark}{{{name}*}}"),
            );
        }
    }
    let set = CONVERTER.convert_with_local_state(&tex, display);
    let set = set.map_err(|error| format!("TeX: {}", error.error_message()))?;
    mathml::checked(&set.mathml)
        .ok_or_else(|| "This formula holds what is not set here.".to_owned())
}

/// What was typed, with the reason why it is not set.
fn code(typed: &str, reason: &str) -> String {
    let escaped = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
    };
    format!(
        "<code class=\"tex\" title=\"{}\">{}</code>",
        escaped(reason),
        escaped(typed)
    )
}
