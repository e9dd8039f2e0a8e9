//! Text of people in formats of other programs, so that it says there what it says here and does nothing.

/// Without what is no text: control characters, but for the end of a line, which becomes a space.
fn one_line(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .map(|char| {
            if matches!(char, '\n' | '\r' | '\t') {
                ' '
            } else {
                char
            }
        })
        .filter(|char| !char.is_control() && !matches!(char, '\u{fffe}' | '\u{ffff}' | '\u{feff}'))
}

/// Signs beyond the Latin letters that this board and its people write often: pdflatex knows none of them as they are.
const SIGNS: [(char, &str); 22] = [
    ('−', "\\textminus{}"),
    ('×', "\\texttimes{}"),
    ('±', "\\textpm{}"),
    ('·', "\\textperiodcentered{}"),
    ('≤', "\\ensuremath{\\leq}"),
    ('≥', "\\ensuremath{\\geq}"),
    ('≠', "\\ensuremath{\\neq}"),
    ('≈', "\\ensuremath{\\approx}"),
    ('→', "\\ensuremath{\\to}"),
    ('∞', "\\ensuremath{\\infty}"),
    ('²', "\\ensuremath{^2}"),
    ('α', "\\ensuremath{\\alpha}"),
    ('β', "\\ensuremath{\\beta}"),
    ('γ', "\\ensuremath{\\gamma}"),
    ('δ', "\\ensuremath{\\delta}"),
    ('ε', "\\ensuremath{\\varepsilon}"),
    ('θ', "\\ensuremath{\\theta}"),
    ('λ', "\\ensuremath{\\lambda}"),
    ('μ', "\\ensuremath{\\mu}"),
    ('σ', "\\ensuremath{\\sigma}"),
    ('τ', "\\ensuremath{\\tau}"),
    ('\u{a0}', "~"),
];

/// For LaTeX, and between braces for BibTeX: no command, no group, no comment. Braces stay balanced, which BibTeX counts
/// even where they are escaped.
pub fn tex(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in one_line(text) {
        match char {
            '\\' => out.push_str("\\textbackslash{}"),
            '{' => out.push_str("\\textbraceleft{}"),
            '}' => out.push_str("\\textbraceright{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '<' => out.push_str("\\textless{}"),
            '>' => out.push_str("\\textgreater{}"),
            '|' => out.push_str("\\textbar{}"),
            '"' => out.push_str("\\textquotedbl{}"),
            '`' => out.push_str("\\textasciigrave{}"),
            '$' | '&' | '#' | '%' | '_' => {
                out.push('\\');
                out.push(char);
            }
            // No dash is made of two of them.
            '-' => out.push_str("-{}"),
            char => match SIGNS.iter().find(|(sign, _)| *sign == char) {
                Some((_, command)) => out.push_str(command),
                None => out.push(char),
            },
        }
    }
    out
}

/// For Markdown, within a line: what could begin anything there is escaped, and nothing becomes a link by itself.
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = one_line(text).peekable();
    let mut before = ' ';
    while let Some(char) = letters.next() {
        match char {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // Behind a backslash these would begin a formula, or end one.
            '[' => out.push_str("&#91;"),
            ']' => out.push_str("&#93;"),
            ',' | ';' | '\'' | '"' | '(' | ')' | '?' | '%' | '/' | '=' | '-' | '+' => {
                out.push(char)
            }
            '.' if !matches!(before, 'w' | 'W') => out.push(char),
            ':' if letters.peek() != Some(&'/') => out.push(char),
            char if char.is_ascii_punctuation() => out.extend(['\\', char]),
            char => out.push(char),
        }
        before = char;
    }
    out
}

/// For YAML: a quoted scalar, which JSON's are.
pub fn yaml(text: &str) -> String {
    let plain: String = one_line(text).collect();
    serde_json::Value::String(plain).to_string()
}

/// An address, for a field that takes it as it is: what would end the field is written by number.
pub fn url(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in one_line(text).filter(|char| !char.is_whitespace()) {
        match char {
            '{' => out.push_str("%7B"),
            '}' => out.push_str("%7D"),
            '\\' => out.push_str("%5C"),
            char => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::markdown;

    const HOSTILE: &str = "50% of $x_i & {y}~#1 \\input{/etc/passwd}\\end{document} ^^5c <b>\"`*_[a](http://e.example)| --- ![x](y) @ada #1 1. a\r\n# b\u{b}";

    #[test]
    fn markdown_shows_what_was_typed() {
        let html = markdown::html(&super::markdown(HOSTILE)).to_string();
        assert!(
            !html.contains("<a ") && !html.contains("<em>") && !html.contains("<h"),
            "{html}"
        );
        let shown = html
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&amp;", "&");
        assert!(
            shown.contains("[a](http://e.example)| --- ![x](y) @ada #1 1. a  # b"),
            "{shown}"
        );
    }

    #[test]
    fn braces_stay_balanced_and_no_command_is_left() {
        let text = tex(HOSTILE);
        let mut depth = 0;
        for char in text.chars() {
            depth += match char {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            assert!(depth >= 0, "{text}");
        }
        assert_eq!(depth, 0, "{text}");
        for command in ["\\input", "\\end", "^^"] {
            assert!(!text.contains(command), "{command}: {text}");
        }
        assert_eq!(url("http://a.org/{x}\\ y"), "http://a.org/%7Bx%7D%5Cy");
    }
}
