//! Formulas in other marks than dollars, kept from being read as Markdown.
//!
//! Markdown takes the backslash of `\(` for an escape and underscores for emphasis. So such a formula is written as
//! code, which is shown letter by letter, before the text is parsed. Dollars are known to the parser itself.

use std::borrow::Cow;

/// Marks before and after a formula.
const MARKS: [(&str, &str); 2] = [(r"\(", r"\)"), (r"\[", r"\]")];

/// What a formula of several lines begins with.
const BEGIN: &str = r"\begin{";

/// The text, with each `\(…\)`, `\[…\]` and `\begin{…}…\end{…}` outside of code as code.
pub(super) fn protected(source: &str) -> Cow<'_, str> {
    let marks = MARKS.iter().map(|(open, _)| *open).chain([BEGIN]);
    if !marks.into_iter().any(|mark| source.contains(mark)) {
        return Cow::Borrowed(source);
    }
    let mut out = String::with_capacity(source.len() + 64);
    // The run of ticks or tildes that closes the code block around.
    let mut fence: Option<&str> = None;
    let mut rest = source;
    while !rest.is_empty() {
        let (line, after) = split_line(rest);
        let mark = fence_of(line);
        let was_open = fence.is_some();
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(open), Some(mark)) if mark.starts_with(open) => fence = None,
            _ => {}
        }
        let whole = &rest[..rest.len() - after.len()];
        if was_open || mark.is_some() || line.starts_with("    ") {
            out.push_str(whole);
            rest = after;
        } else if let Some(end) = environment(rest) {
            block(&mut out, &rest[..end]);
            rest = &rest[end..];
        } else {
            let end = paragraph(rest);
            inline(&mut out, &rest[..end]);
            rest = &rest[end..];
        }
    }
    Cow::Owned(out)
}

/// A formula of whole lines, as a code block.
fn block(out: &mut String, formula: &str) {
    let ticks = "`".repeat(longest_ticks(formula).max(2) + 1);
    out.push_str(&format!("{ticks}\n{}\n{ticks}\n", formula.trim_end()));
}

/// Lines of text, with the formulas in them as code.
fn inline(out: &mut String, text: &str) {
    let mut rest = text;
    // Where no further mark closes anything, nothing more is looked for.
    let mut closing = MARKS.map(|(_, close)| text.contains(close));
    while let Some(next) = rest.find(['`', '\\']) {
        out.push_str(&rest[..next]);
        rest = &rest[next..];
        let taken = if rest.starts_with('`') {
            let end = code_span(rest);
            out.push_str(&rest[..end]);
            end
        } else if let Some(end) = formula(rest, &mut closing) {
            let ticks = "`".repeat(longest_ticks(&rest[..end]) + 1);
            out.push_str(&format!("{ticks}{}{ticks}", &rest[..end]));
            end
        } else {
            // An escape: what follows the backslash is no mark.
            let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
            out.push_str(&rest[..1 + escaped]);
            1 + escaped
        };
        rest = &rest[taken..];
    }
    out.push_str(rest);
}

fn split_line(text: &str) -> (&str, &str) {
    match text.find('\n') {
        Some(end) => (&text[..end], &text[end + 1..]),
        None => (text, ""),
    }
}

/// Where the text ends that is read together: at an empty line, a code block or a formula of whole lines.
fn paragraph(text: &str) -> usize {
    let mut end = 0;
    loop {
        let (line, after) = split_line(&text[end..]);
        end = text.len() - after.len();
        let (next, _) = split_line(after);
        let ends = line.trim().is_empty() || fence_of(next).is_some() || next.starts_with(BEGIN);
        if ends || after.is_empty() {
            return end;
        }
    }
}

/// The run of ticks or tildes that opens or closes a code block at this line.
fn fence_of(line: &str) -> Option<&str> {
    let line = line.trim_start_matches([' ', '>']);
    let mark = line.chars().next()?;
    let length = line.len() - line.trim_start_matches(mark).len();
    (['`', '~'].contains(&mark) && length >= 3).then(|| &line[..length])
}

/// Where the code that begins here ends; after its ticks alone if nothing closes it.
fn code_span(text: &str) -> usize {
    let run = |text: &str| text.len() - text.trim_start_matches('`').len();
    let length = run(text);
    let mut at = length;
    while let Some(found) = text[at..].find('`') {
        let begin = at + found;
        let here = run(&text[begin..]);
        at = begin + here;
        if here == length {
            return at;
        }
    }
    length
}

/// Where the formula that begins here ends, if one does. `closing` remembers which marks close nothing more.
fn formula(text: &str, closing: &mut [bool; 2]) -> Option<usize> {
    let kind = MARKS.iter().position(|(open, _)| text.starts_with(open))?;
    if !closing[kind] {
        return None;
    }
    let (open, close) = MARKS[kind];
    let found = text[open.len()..].find(close);
    closing[kind] = found.is_some();
    Some(open.len() + found? + close.len())
}

/// Where the environment that begins here with its own line ends, its line end included.
fn environment(text: &str) -> Option<usize> {
    let name = text.strip_prefix(BEGIN)?.split('}').next()?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '*';
    if name.is_empty() || name.len() > 30 || !name.chars().all(plain) {
        return None;
    }
    let close = format!("\\end{{{name}}}");
    let end = text.find(&close)? + close.len();
    let (line, after) = split_line(&text[end..]);
    line.trim().is_empty().then(|| text.len() - after.len())
}

fn longest_ticks(text: &str) -> usize {
    let runs = text.split(|letter| letter != '`');
    runs.map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_code_and_code_stays() {
        for (typed, kept) in [
            (r"a \(x_1\) b", r"a `\(x_1\)` b"),
            (r"\[x_1 `y`\]", r"``\[x_1 `y`\]``"),
            (r"`\(x\)` and \(y\)", r"`\(x\)` and `\(y\)`"),
            (r"not \\(x\\) nor \(open", r"not \\(x\\) nor \(open"),
        ] {
            assert_eq!(protected(typed), kept);
        }
        let fenced = "```\n\\(x\\)\n```\n    \\(y\\)\n";
        assert_eq!(protected(fenced), fenced);
        assert_eq!(
            protected("so\n\\begin{align}\na_1 &= b \\\\\n\\end{align}\nafter"),
            "so\n```\n\\begin{align}\na_1 &= b \\\\\n\\end{align}\n```\nafter"
        );
    }

    #[test]
    fn hostile_texts_end_soon() {
        let started = std::time::Instant::now();
        for text in [
            r"\(".repeat(10_000),
            "\\begin{a}\n".repeat(2_000),
            r"` \(".repeat(5_000),
            "`a``b```c".repeat(2_000) + r"\(",
        ] {
            let _ = protected(&text);
        }
        assert!(started.elapsed() < std::time::Duration::from_secs(2));
    }
}
