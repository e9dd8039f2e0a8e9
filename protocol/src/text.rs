//! Texts that machines report: made fit for people, and short enough to be stored, before they are.

/// Most characters of one reason: an error of a run, a violation of a treatment, a reason that an admin gave.
pub const REASON_CHARS: usize = 1_000;
/// Most characters of the name of a machine, of a device or of a version.
pub const NAME_CHARS: usize = 200;
/// Most characters of a result post; the table takes 20,000.
pub const POST_CHARS: usize = 16_000;

/// Without what no column of text takes (NUL) or shows (other control characters), and cut to `chars` characters.
pub fn cut(text: &str, chars: usize) -> String {
    let mut kept: String = text
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .take(chars + 1)
        .collect();
    if kept.chars().count() > chars {
        let end = kept
            .char_indices()
            .nth(chars.saturating_sub(1))
            .map_or(0, |(at, _)| at);
        kept.truncate(end);
        kept.push('…');
    }
    kept
}

/// A measured value to three significant digits or so.
pub fn measured(number: f64) -> String {
    if number.is_nan() {
        return "not a number".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+∞" } else { "−∞" }.to_owned();
    }
    let size = number.abs();
    let text = if size == 0.0 {
        "0".to_owned()
    } else if !(1e-4..1e6).contains(&size) {
        exponent(number)
    } else {
        let digits = (2 - size.log10().floor() as i32).clamp(0, 6);
        format!("{number:.*}", digits as usize)
    };
    text.replace('-', "−")
}

fn exponent(number: f64) -> String {
    let text = format!("{number:.2e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{mantissa} × 10{}", superscript(power))
}

fn superscript(power: &str) -> String {
    power
        .chars()
        .map(|digit| match digit {
            '-' => '⁻',
            '0' => '⁰',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '4'..='9' => char::from_u32(digit as u32 - '4' as u32 + '⁴' as u32).unwrap_or(digit),
            other => other,
        })
        .collect()
}

/// A difference, its sign always shown.
pub fn signed(number: f64) -> String {
    let text = measured(number);
    if number > 0.0 {
        format!("+{text}")
    } else {
        text
    }
}

/// A p-value, with an equals sign unless it is too small to be told.
pub fn p_value(p: f64) -> String {
    if p < 0.001 {
        "< 0.001".to_owned()
    } else {
        format!("= {p:.3}")
    }
}

/// The first `most` of `items`, and how many more there are.
pub fn first_of<T: AsRef<str>>(items: &[T], most: usize, between: &str) -> String {
    let shown: Vec<&str> = items.iter().take(most).map(AsRef::as_ref).collect();
    let text = shown.join(between);
    match items.len().saturating_sub(most) {
        0 => text,
        more => format!("{text}{between}and {more} more"),
    }
}

/// A reason that a worker reports, for everybody to read: paths and addresses of its machine, numbers of threads and
/// of system errors, and traces stay in its log. Never empty.
///
/// Texts that differ only in these become equal, so a cause that ended many runs is said once.
pub fn for_people(reason: &str) -> String {
    let reason = reason.split("stack backtrace:").next().unwrap_or("");
    let mut words: Vec<&str> = Vec::new();
    let mut swallowed = false;
    for word in reason.split([' ', '\n', '\t', '\r']) {
        // A folder whose name has a blank in it: what follows belongs to the same path.
        let goes_on = swallowed && word.contains(['/', '\\']) && !word.contains("://");
        let (replaced, rest) = match internal(word) {
            Some(instead) => (Some(instead), trailing(word)),
            None if goes_on => (Some(A_FILE), trailing(word)),
            None => (None, ""),
        };
        let Some(instead) = replaced else {
            swallowed = false;
            words.push(word);
            continue;
        };
        if swallowed && instead == A_FILE {
            words.pop();
        }
        words.push(instead);
        swallowed = instead == A_FILE && rest.is_empty();
        if !rest.is_empty() {
            words.push(rest);
        }
    }
    let text = numbers_out(&glued(&words));
    let text = cut(text.trim(), REASON_CHARS);
    if text.is_empty() {
        "The worker gave no reason.".into()
    } else {
        text
    }
}

const A_FILE: &str = "a file of the worker";
const AN_ADDRESS: &str = "an address";

/// What stands instead of a word that only means something on the worker's machine.
fn internal(word: &str) -> Option<&'static str> {
    let bare = word.trim_start_matches(['"', '\'', '`', '(', '[', '<', '=']);
    if let Some((scheme, _)) = bare.split_once("://") {
        let public = matches!(scheme, "http" | "https") && !bare.contains('@');
        return (!public).then_some(AN_ADDRESS);
    }
    let drive = |text: &str| {
        let mut chars = text.chars();
        chars.next().is_some_and(|c| c.is_ascii_alphabetic())
            && chars.next() == Some(':')
            && matches!(chars.next(), Some('\\' | '/'))
    };
    let rooted = ["/", "~/", "./", "../", "\\\\", "…"]
        .iter()
        .any(|start| bare.starts_with(start))
        && bare.chars().any(|c| !matches!(c, '/' | '\\' | '…'))
        && bare.contains(['/', '\\']);
    // A file in a folder: it has an extension, which "tokens/s" and "and/or" have not.
    let file = || {
        let name = bare
            .trim_end_matches(|c: char| !c.is_alphanumeric())
            .rsplit(['/', '\\'])
            .next()
            .unwrap_or("");
        let name = name.split(':').next().unwrap_or(name);
        bare.contains(['/', '\\'])
            && name
                .rsplit_once('.')
                .is_some_and(|(_, extension)| extension.starts_with(|c: char| c.is_alphabetic()))
    };
    (rooted || drive(bare) || file()).then_some(A_FILE)
}

/// The punctuation behind a path, which belongs to the sentence.
fn trailing(word: &str) -> &str {
    let end = word.trim_end_matches([':', ',', ';', '.', ')', '"', '\'', '`', ']', '>']);
    let rest = &word[end.len()..];
    rest.trim_start_matches(['"', '\'', '`', ')', ']', '>'])
}

/// Words with blanks between, punctuation directly behind its word.
fn glued(words: &[&str]) -> String {
    let mut text = String::new();
    for word in words.iter().filter(|word| !word.is_empty()) {
        let punctuation = word.chars().all(|c| matches!(c, ':' | ',' | ';' | '.'));
        if !text.is_empty() && !punctuation {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}

/// Without "(os error 28)" and the numbers of threads ("thread 'main' (4711)").
fn numbers_out(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find(" (") {
        let (before, from) = rest.split_at(open);
        kept.push_str(before);
        let Some(close) = from.find(')') else {
            rest = from;
            break;
        };
        let inside = &from[2..close];
        let number = !inside.is_empty() && inside.chars().all(|c| c.is_ascii_digit());
        let thread = number && before.ends_with('\'') && before.contains("thread '");
        if !thread && !inside.starts_with("os error ") {
            kept.push_str(&from[..=close]);
        }
        rest = &from[close + 1..];
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_of_the_workers_machine_is_left_in_a_reason() {
        for (reported, shown) in [
            (
                "/mnt/ck/run-224/epoch-3/step-00008601.safetensors: No space left on device (os error 28)",
                "a file of the worker: No space left on device",
            ),
            (
                "…mnt/ck/run-2/step-1.safetensors: No space left on device (os error 28)",
                "a file of the worker: No space left on device",
            ),
            (
                "cannot read \"/home/ada/My Files/data sets/x.txt\": Permission denied (os error 13)",
                "cannot read a file of the worker: Permission denied",
            ),
            (
                "thread '<unnamed>' (4711) panicked at worker/src/train.rs:12:5:\nindex out of bounds\nstack backtrace:\n 0: core",
                "thread '<unnamed>' panicked at a file of the worker: index out of bounds",
            ),
            (
                "C:\\Users\\ada\\ck\\1.bin: Access is denied. (os error 5)",
                "a file of the worker: Access is denied.",
            ),
            (
                "postgres://ada:secret@db/board is away",
                "an address is away",
            ),
            ("\0\u{7}", "The worker gave no reason."),
            // These mean something to people and stay.
            (
                "1.5 tokens/s and/or 3/4 (12) of penn_treebank@1 on cuda:0; see https://example.org/a/b.html",
                "1.5 tokens/s and/or 3/4 (12) of penn_treebank@1 on cuda:0; see https://example.org/a/b.html",
            ),
        ] {
            assert_eq!(for_people(reported), shown);
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüx", 3), "äö…");
        assert_eq!(cut("a\0b\rc", 5), "abc");
        assert_eq!(first_of(&["a", "b", "c"], 2, ", "), "a, b, and 1 more");
        assert_eq!(first_of(&["a", "b"], 2, ", "), "a, b");
    }

    proptest! {
        #[test]
        fn any_text_fits(text in any::<String>(), chars in 1..50_usize) {
            let kept = cut(&text, chars);
            prop_assert!(kept.chars().count() <= chars && !kept.contains('\0'));
            let shown = for_people(&text);
            prop_assert!(!shown.is_empty() && shown.chars().count() <= REASON_CHARS && !shown.contains('\0'));
            prop_assert!(!shown.contains("/home/") && !shown.contains("(os error "));
        }

        #[test]
        fn no_path_is_left(
            folders in proptest::collection::vec("[a-zA-Z0-9._-]{1,12}", 1..6),
            before in "[a-z ]{0,20}", after in "(: [A-Za-z ]{1,30})?",
        ) {
            let path = format!("/{}", folders.join("/"));
            let shown = for_people(&format!("{before} {path}{after}"));
            prop_assert!(!shown.contains('/'), "{shown}");
        }
    }
}
