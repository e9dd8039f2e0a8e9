//! Formulas in other marks than dollars, and those of lines of their own, kept from being read as Markdown.
//!
//! Markdown takes the backslash of `\(` for an escape, underscores for emphasis, and a line that begins with `+` for a
//! list. So such a formula is written as the parser knows it before the text is parsed: ``$`…`$`` within a line,
//! a block of code that is called `math` between lines. Single dollars are known to the parser itself.

use std::borrow::Cow;

/// Marks before and after a formula.
const MARKS: [(&str, &str); 2] = [(r"\(", r"\)"), (r"\[", r"\]")];

/// Marks before and after a formula on lines of its own.
const DISPLAYED: [(&str, &str); 2] = [("$$", "$$"), (r"\[", r"\]")];

/// What a formula of several lines begins with.
const BEGIN: &str = r"\begin{";

/// How far the end of a formula on lines of its own is looked for, in bytes.
const REACH: usize = 4_000;

/// The text, with each `\(…\)`, `\[…\]`, `$$…$$` and `\begin{…}…\end{…}` outside of code as the parser knows it.
pub(super) fn protected(source: &str) -> Cow<'_, str> {
    let marks = MARKS.iter().map(|(open, _)| *open).chain([BEGIN, "$$"]);
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
        } else if let Some((formula, end)) = displayed(rest) {
            block(&mut out, formula);
            rest = &rest[end..];
        } else {
            let end = paragraph(rest);
            inline(&mut out, &rest[..end]);
            rest = &rest[end..];
        }
    }
    Cow::Owned(out)
}

/// A formula of whole lines, as a block of code that is one.
fn block(out: &mut String, formula: &str) {
    let ticks = "`".repeat(longest_ticks(formula).max(2) + 1);
    out.push_str(&format!("{ticks}math\n{}\n{ticks}\n", formula.trim()));
}

/// A formula within a line; with ticks in it, which the parser would take for its end, as code.
fn within(out: &mut String, formula: &str) {
    let inside = formula[2..formula.len() - 2].trim();
    let ticks = longest_ticks(formula);
    if ticks > 0 || inside.is_empty() || inside.contains('$') {
        let ticks = "`".repeat(ticks + 1);
        out.push_str(&format!("{ticks}{formula}{ticks}"));
    } else if formula.starts_with(r"\(") {
        out.push_str(&format!("$`{inside}`$"));
    } else {
        out.push_str(&format!("$${inside}$$"));
    }
}

/// Lines of text, with the formulas in them as the parser knows them.
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
            within(out, &rest[..end]);
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
        let begins = DISPLAYED.iter().any(|(open, _)| next.starts_with(open));
        let ends =
            line.trim().is_empty() || fence_of(next).is_some() || next.starts_with(BEGIN) || begins;
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

/// The formula that begins here and whose marks are the first and the last of their lines, and where these lines end.
fn displayed(text: &str) -> Option<(&str, usize)> {
    let (open, close) = DISPLAYED.iter().find(|(open, _)| text.starts_with(open))?;
    let within = &text[open.len()..text.floor_char_boundary(open.len() + REACH)];
    let formula = &within[..within.find(close)?];
    let end = open.len() + formula.len() + close.len();
    let (line, after) = split_line(&text[end..]);
    let whole = line.trim().is_empty() && !formula.trim().is_empty() && !formula.contains("\n\n");
    whole.then(|| (formula, text.len() - after.len()))
}

fn longest_ticks(text: &str) -> usize {
    let runs = text.split(|letter| letter != '`');
    runs.map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_written_as_the_parser_knows_them_and_code_stays() {
        for (typed, kept) in [
            (r"a \(x_1\) b", r"a $`x_1`$ b"),
            (r"so \[x_1\] b", r"so $$x_1$$ b"),
            (r"so \[x_1 `y`\]", r"so ``\[x_1 `y`\]``"),
            (r"`\(x\)` and \(y\)", r"`\(x\)` and $`y`$"),
            ("$$\na\n+ b\n$$\nso", "```math\na\n+ b\n```\nso"),
            (r"\[x_1\]", "```math\nx_1\n```\n"),
            ("$$a$$ and so on", "$$a$$ and so on"),
            ("$$\na\n\nb\n$$", "$$\na\n\nb\n$$"),
            (r"not \\(x\\) nor \(open", r"not \\(x\\) nor \(open"),
        ] {
            assert_eq!(protected(typed), kept);
        }
        let fenced = "```\n\\(x\\)\n```\n    \\(y\\)\n";
        assert_eq!(protected(fenced), fenced);
        assert_eq!(
            protected("so\n\\begin{align}\na_1 &= b \\\\\n\\end{align}\nafter"),
            "so\n```math\n\\begin{align}\na_1 &= b \\\\\n\\end{align}\n```\nafter"
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
            "$$\n".repeat(6_666),
            "$$a\n".repeat(5_000),
        ] {
            let _ = protected(&text);
        }
        assert!(started.elapsed() < std::time::Duration::from_secs(2));
    }
}
