//! One line of text as people type it: nothing in it is invisible, and what looks alike counts as equal.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_security::confusable_detection;

/// Most accents on one letter: no script needs more, and a pile of them covers the lines above.
const ACCENTS: usize = 6;

/// The line as it is stored: trimmed, in Unicode's form C; empty if nothing in it can be seen.
///
/// # Errors
/// What is wrong with it, to be read after the field's name: control characters, line breaks, characters that cannot
/// be seen or turn the text around (zero-width spaces, direction marks, blank letters), piles of accents.
pub fn line(text: &str) -> Result<String, String> {
    const CONTROL: &str = "must be one line without control characters.";
    let text = text.trim();
    // Nearly always: ASCII is in form C, and all of it but control characters can be seen.
    if text.is_ascii() {
        return match text.bytes().any(|byte| byte.is_ascii_control()) {
            true => Err(CONTROL.to_owned()),
            false => Ok(text.to_owned()),
        };
    }
    let text: String = text.nfc().collect();
    let chars: Vec<char> = text.chars().collect();
    let mut accents = 0;
    for (index, &char) in chars.iter().enumerate() {
        let category = char.general_category();
        if matches!(
            category,
            GeneralCategory::Control
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
        ) {
            return Err(CONTROL.to_owned());
        }
        let joins = matches!(char, '\u{200c}' | '\u{200d}')
            && index > 0
            && writes(chars[index - 1])
            && chars.get(index + 1).copied().is_some_and(writes);
        if invisible(char, category) && !joins {
            return Err(format!(
                "holds a character that cannot be seen (U+{:04X}, the {}); remove it.",
                u32::from(char),
                ordinal(index + 1)
            ));
        }
        accents = match char.general_category_group() {
            GeneralCategoryGroup::Mark => accents + 1,
            _ => 0,
        };
        if accents > ACCENTS {
            return Err(format!(
                "has more than {ACCENTS} accents on one letter; remove some."
            ));
        }
    }
    Ok(if is_there(&text) { text } else { String::new() })
}

/// Whether anything in the text can be seen.
pub fn is_there(text: &str) -> bool {
    text.chars().any(|char| {
        matches!(
            char.general_category_group(),
            GeneralCategoryGroup::Letter
                | GeneralCategoryGroup::Number
                | GeneralCategoryGroup::Punctuation
                | GeneralCategoryGroup::Symbol
        ) && !invisible(char, char.general_category())
    })
}

/// What two texts have in common that a reader cannot tell apart (UTS #39, after NFKC); for comparing, never for showing.
pub fn skeleton(text: &str) -> String {
    let seen: String = text
        .nfkc()
        .filter(|&char| !invisible(char, char.general_category()))
        .collect();
    // A browser shows any run of blanks as one.
    let words: Vec<&str> = seen.split_whitespace().collect();
    confusable_detection::skeleton(&words.join(" ")).collect()
}

/// A letter or sign of a script in which the joiners U+200C and U+200D mean something: Persian, Hindi, emoji.
fn writes(char: char) -> bool {
    !char.is_ascii()
        && matches!(
            char.general_category_group(),
            GeneralCategoryGroup::Letter
                | GeneralCategoryGroup::Mark
                | GeneralCategoryGroup::Symbol
        )
}

fn invisible(char: char, category: GeneralCategory) -> bool {
    match category {
        // Signs of Arabic, Syriac and Kaithi that enclose numbers are called format characters and can be seen.
        GeneralCategory::Format => !matches!(
            char,
            '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{110bd}' | '\u{110cd}'
        ),
        GeneralCategory::PrivateUse | GeneralCategory::Surrogate => true,
        // Letters and marks that are blank.
        _ => matches!(
            char,
            '\u{34f}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{17b4}'
                | '\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{ffa0}'
                | '\u{fffe}'..='\u{ffff}'
                | '\u{e0000}'..='\u{e0fff}'
        ),
    }
}

/// "1st", "2nd", "23rd".
fn ordinal(number: usize) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_stays() {
        for text in [
            "Fixed or fresh state masks?",
            "café, naïve, Łódź",
            "می‌خواهم",
            "क्‍ष",
            "👩‍🔬 dropout",
            "α/(j(j+1)) ≤ ½",
        ] {
            assert_eq!(line(text).as_deref(), Ok(text), "{text}");
        }
        assert_eq!(line("  cafe\u{301} ").as_deref(), Ok("café"));
    }

    #[test]
    fn what_cannot_be_seen_is_named() {
        for (text, named) in [
            ("a\u{200b}b", "U+200B, the 2nd"),
            ("\u{202e}desrever", "U+202E, the 1st"),
            ("fixed\u{200d}", "U+200D"),
            ("fi\u{200d}xed", "U+200D"),
            ("a\u{2066}b", "U+2066"),
            ("\u{feff}a", "U+FEFF"),
            ("a\u{ad}b", "U+00AD"),
            ("a\u{3164}b", "U+3164"),
            ("a\u{e0041}", "U+E0041"),
            ("a\u{2800}", "U+2800"),
            ("a\nb", "control characters"),
            ("a\u{2028}b", "control characters"),
            ("a\u{7}b", "control characters"),
            ("a\u{7f}b", "control characters"),
        ] {
            let found = line(text).expect_err(text);
            assert!(found.contains(named), "{text:?}: {found}");
        }
        let pile = format!("a{}", "\u{30d}".repeat(40));
        assert!(line(&pile).is_err());
    }

    #[test]
    fn nothing_but_blanks_is_empty() {
        for text in ["", "   ", "\u{a0}\u{3000}", "\u{2003}"] {
            assert_eq!(line(text).as_deref(), Ok(""), "{text:?}");
        }
        assert!(!is_there("\u{200b}\u{200b} \u{2060}"));
        assert!(is_there("."));
    }

    #[test]
    fn what_looks_alike_has_one_skeleton() {
        let fixed = skeleton("fixed");
        for text in ["f\u{456}xed", "fixed\u{200b}", "ｆｉｘｅｄ", "ﬁxed"] {
            assert_eq!(skeleton(text), fixed, "{text}");
        }
        assert_eq!(skeleton("cafe\u{301}"), skeleton("café"));
        assert_eq!(skeleton("fixed  mask"), skeleton("fixed\u{a0}mask"));
        assert_ne!(skeleton("fixed"), skeleton("fresh"));
        assert_ne!(skeleton("rate 0.1"), skeleton("rate 0.2"));
    }
}
