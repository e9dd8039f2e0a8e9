//! Changes of a text, as people write it.

use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;

/// What may be put between two lines.
const PIECES: [&str; 36] = [
    "[[arms]]",
    "[arms]",
    "[task]",
    "[tuning]",
    "[search]",
    "[criterion]",
    "[evaluation.shift]",
    "seeds = 1000000000",
    "seeds = [1, 1, 1]",
    "seeds = [\"1..4294967295\"]",
    "seeds = [\"0..10\", \"5..15\"]",
    "seeds = [-1]",
    "seeds = []",
    "rate = nan",
    "rate = inf",
    "rate = -inf",
    "rate = 1e999",
    "hidden = 0x7fffffffffffffff",
    "hidden = 9223372036854775807",
    "hidden = 1_000_000",
    "time = 1979-05-27T07:32:00Z",
    "title = '''",
    "title = \"\\u0000\"",
    "title = \"\"",
    "\"\" = 1",
    "\"a.b\".c = 1",
    "dropout = { state = { rate = 0.5, time = \"fixed\" } }",
    "dropout.state.rate = 1",
    "conditions = [{ }, { }]",
    "model.hidden = { }",
    "= 1",
    "]",
    "{",
    "\u{feff}",
    "\r",
    "#",
];

/// Changes one place of it.
pub(crate) fn change(text: &mut String, rng: &mut SmallRng) {
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    if lines.is_empty() {
        lines.push(String::new());
    }
    let at = rng.random_range(0..lines.len());
    match rng.random_range(0..14) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[at].clone()),
        2 => lines.swap(at, rng.random_range(0..text.lines().count().max(1))),
        3 | 4 => lines.insert(at, (*PIECES.choose(rng).expect("some")).to_owned()),
        5 | 10..14 => lines[at] = digits(&lines[at], rng),
        6 => lines[at] = bytes(&lines[at], rng),
        7 => lines.truncate(at),
        8 => lines.insert(at, long(rng)),
        _ => {
            let part: Vec<String> = lines[at..].iter().take(12).cloned().collect();
            let times = rng.random_range(1..60);
            lines.splice(at..at, part.into_iter().cycle().take(times * 12));
        }
    }
    *text = lines.join(if rng.random_bool(0.9) { "\n" } else { "\r\n" });
}

/// Another number in the place of one.
fn digits(line: &str, rng: &mut SmallRng) -> String {
    let others = [
        "2",
        "3",
        "7",
        "16",
        "0",
        "-1",
        "1e308",
        "999999999999999999999",
        "0.0",
        "1e-320",
        "65537",
        "+nan",
        "0b11",
    ];
    let other = others.choose(rng).expect("some");
    let begin = line.find(|letter: char| letter.is_ascii_digit());
    let Some(begin) = begin else {
        return format!("{line}{other}");
    };
    let rest = &line[begin..];
    let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    format!(
        "{}{other}{}",
        &line[..begin],
        &rest[end.unwrap_or(rest.len())..]
    )
}

/// Some letters become others.
fn bytes(line: &str, rng: &mut SmallRng) -> String {
    let letters = [
        '"', '\'', '\\', '[', ']', '{', '}', '=', '.', ',', '\t', '\u{0}', '\u{202e}', 'é', '𝔸',
        '0', 'e', '-',
    ];
    line.chars()
        .map(|letter| match rng.random_bool(0.1) {
            true => *letters.choose(rng).expect("some"),
            false => letter,
        })
        .collect()
}

/// One long line, of a kind that is costly for one reader or another.
fn long(rng: &mut SmallRng) -> String {
    let times = rng.random_range(1..5_000);
    match rng.random_range(0..6) {
        0 => format!("{}x = 1", "a.".repeat(times)),
        1 => format!("x = {}{}", "[".repeat(times), "]".repeat(times)),
        2 => format!("x = [{}]", "{},".repeat(times)),
        3 => (0..times)
            .map(|number| format!("unknown{number} = 1\n"))
            .collect(),
        4 => format!("[{}]", vec!["a"; times].join(".")),
        _ => format!("title = \"{}\"", "\\u0041".repeat(times)),
    }
}
