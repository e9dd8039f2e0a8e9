//! Hostile texts, drawn at random: whatever is typed, what comes out holds nothing but what is listed, and comes soon.
//! `PROPTEST_CASES` sets how many; CONTRIBUTING.md has the commands of longer ones.

use super::*;
use crate::pins::Pin;
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// Elements that may be in what was typed by people.
const ELEMENTS: &str = "a blockquote br code del em h3 h4 h5 h6 hr input li ol p pre section strong sup table tbody td \
    th thead tr ul span math semantics annotation mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup munder \
    mover munderover mmultiscripts mprescripts mtable mtr mtd mpadded mphantom b i s u";

/// Attributes that may be on them.
const ATTRIBUTES: &str = "href title id aria-label start checked disabled type tabindex rel class accent accentunder \
    columnspan depth display displaystyle encoding fence form height largeop linethickness lspace mathvariant maxsize minsize \
    movablelimits rowspan rspace scriptlevel separator stretchy symmetric voffset width columnalign";

/// What texts are made of: marks of Markdown, TeX and HTML, and attacks that worked somewhere.
const PIECES: [&str; 77] = [
    "<script>alert(1)</script>",
    "<script",
    "</script>",
    "<math>",
    "</math>",
    "<mtext>",
    "<annotation-xml encoding=\"text/html\">",
    "<svg onload=x>",
    "<style>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<img src=x onerror=x>",
    "<a href=\"javascript:x\">",
    "\" onerror=\"x",
    "' onclick='x",
    "&lt;script&gt;",
    "&#60;script&#62;",
    "&",
    "<",
    ">",
    "\"",
    "'",
    "=",
    "$",
    "$$",
    "\\(",
    "\\)",
    "\\[",
    "\\]",
    "$`",
    "`$",
    "\\begin{align}",
    "\\end{align}",
    "\\begin{array}{c|c}",
    "\\end{array}",
    "\\text{",
    "\\mathrm{",
    "\\frac",
    "\\sqrt",
    "\\left(",
    "\\right)",
    "\\href{javascript:x}{y}",
    "\\unknown",
    "\\def\\x{\\x\\x}\\x",
    "\\label{\"><script>}",
    "\\eqref{<b>}",
    "\\color{red}",
    "\\cancel{x}",
    "\\\\",
    "^",
    "_",
    "{",
    "}",
    "x",
    "[a](javascript:x)",
    "[a](data:text/html,x)",
    "![a](https://e.example/p.png \"t\")",
    "[^1]",
    "\n[^1]: ",
    "[",
    "](",
    "\n```math\n",
    "\n```\n",
    "`",
    "|a|b|\n|-|-|\n",
    "\n> ",
    "\n- ",
    "\n\n",
    "\n    ",
    "**",
    "~~",
    "https://a.example/\"onmouseover=x",
    "#12 C3 @ada ",
    "[[run 12 test_mse]]",
    "formula0.",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => (prop::sample::select(&PIECES[..]), 2_usize..60).prop_map(|(piece, times)| piece.repeat(times)),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Reads HTML as a browser's tokenizer does where every attribute is quoted; says what must not be there.
fn wrong(html: &str) -> Option<String> {
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let closing = rest.starts_with('/');
        rest = rest.strip_prefix('/').unwrap_or(rest);
        let end = rest.find(|char: char| !char.is_ascii_alphanumeric())?;
        let name = &rest[..end];
        if !ELEMENTS.split_whitespace().any(|element| element == name) {
            return Some(format!("element {name}"));
        }
        rest = &rest[end..];
        loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix("/>").or_else(|| rest.strip_prefix('>')) {
                rest = after;
                break;
            }
            let Some((attribute, value)) = rest.split_once("=\"") else {
                return Some(format!("a tag that does not end: {rest}"));
            };
            let Some((value, after)) = value.split_once('"') else {
                return Some(format!("a value that does not end: {value}"));
            };
            if closing || !ATTRIBUTES.split_whitespace().any(|name| name == attribute) {
                return Some(format!("attribute {attribute}"));
            }
            let schemes = ["http://", "https://", "mailto:", "/", "#"];
            if attribute == "href"
                && !schemes
                    .iter()
                    .any(|scheme| value.to_lowercase().starts_with(scheme))
            {
                return Some(format!("address {value}"));
            }
            rest = after;
        }
    }
    None
}

#[test]
fn the_reader_finds_what_is_wrong() {
    for bad in [
        "<p><script>",
        "<p onclick=\"x\">",
        "<a href=\"javascript:x\">",
        "<p class=\"x\" style=\"y\">",
        "<p <b>",
        "<math><annotation-xml>",
    ] {
        assert!(wrong(bad).is_some(), "{bad}");
    }
    assert_eq!(wrong("<p class=\"<script>\">a &lt; b</p><hr />"), None);
}

/// What a fuzzer began with, and what it found: `scripts/fuzz markdown`.
#[test]
fn the_corpus_becomes_harmless() {
    let mut count = 0;
    for entry in std::fs::read_dir("fuzz/corpus/markdown").expect("the corpus") {
        let path = entry.expect("an entry").path();
        let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned();
        let html = html(&text).to_string();
        assert!(html.len() <= HTML_BYTES || html.starts_with("<pre"));
        assert_eq!(wrong(&html), None, "{}: {html}", path.display());
        count += 1;
    }
    assert!(count >= 10, "{count}");
}

proptest! {
    #[test]
    fn hostile_texts_become_harmless_and_soon(text in text()) {
        let known = Known {
            experiments: [12].into(),
            claims: [("C3".to_owned(), 7)].into(),
            people: ["ada".to_owned()].into(),
            numbers: Pin::read("[[run 12 test_mse]]")
                .map(|(_, pin)| (pin, "0.5".to_owned()))
                .into_iter()
                .collect(),
        };
        let begun = Instant::now();
        let html = linked(&text, &known).to_string();
        prop_assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        prop_assert!(html.len() <= HTML_BYTES || html.starts_with("<pre"));
        prop_assert_eq!(wrong(&html), None, "{}", html);
        let _ = named(&text);
    }
}
