//! A work as a person or a script describes it.

use super::{line, text};
use crate::error::FieldProblem;
use breakmywork_protocol::visible;
use serde::Serialize;

/// What a work may be, and in words.
pub const KINDS: [(&str, &str); 3] = [
    ("paper", "a paper"),
    ("post", "a post"),
    ("implementation", "an implementation"),
];

/// Longest title, in characters, as the table's constraint has it.
const TITLE_CHARS: usize = 300;
/// Most authors that are named.
const AUTHORS: usize = 50;
/// Longest name of an author, in characters.
const NAME_CHARS: usize = 100;
/// Longest address.
const URL_CHARS: usize = 500;
/// Longest citation, in characters.
const CITATION_CHARS: usize = 600;
/// Longest account of what it explains, in characters.
const PHENOMENON_CHARS: usize = 5_000;
/// Longest DOI.
const DOI_CHARS: usize = 200;
/// Longest part of an address that is made of a title.
const SLUG_CHARS: usize = 60;

/// A work as it was sent.
#[derive(Debug, Clone, Default)]
pub struct NewWork {
    /// paper, post or implementation; empty for a paper.
    pub kind: String,
    /// As published.
    pub title: String,
    /// In the order of the title page.
    pub authors: Vec<String>,
    /// Of first publication.
    pub year: String,
    /// Where to read it; empty where a DOI or a number on arXiv says so.
    pub url: String,
    /// Its DOI, as a number or an address; may be empty.
    pub doi: String,
    /// Its number on arXiv, or the address there; may be empty.
    pub arxiv: String,
    /// One line; made of the other fields where it is empty.
    pub citation: String,
    /// What it explains (Markdown).
    pub phenomenon: String,
}

/// A work that can be stored.
#[derive(Debug, Clone, Serialize)]
pub struct CheckedWork {
    /// paper, post or implementation.
    pub kind: String,
    /// As published.
    pub title: String,
    /// In the order of the title page.
    pub authors: Vec<String>,
    /// Of first publication.
    pub year: i16,
    /// Where to read it.
    pub url: String,
    /// Its DOI.
    pub doi: Option<String>,
    /// Its number on arXiv, without a version.
    pub arxiv: Option<String>,
    /// One line.
    pub citation: String,
    /// What it explains (Markdown).
    pub phenomenon: String,
}

impl CheckedWork {
    /// What its address could end with.
    pub(super) fn slug(&self) -> String {
        let mut slug = String::new();
        for char in self.title.chars() {
            match char.to_ascii_lowercase() {
                plain if plain.is_ascii_alphanumeric() => slug.push(plain),
                _ if slug.ends_with('-') || slug.is_empty() => {}
                _ => slug.push('-'),
            }
        }
        let cut = &slug[..slug.len().min(SLUG_CHARS)];
        // Not within a word, if there is another end.
        let cut = match cut.rfind('-') {
            Some(end) if slug.len() > SLUG_CHARS && end > SLUG_CHARS / 2 => &cut[..end],
            _ => cut,
        };
        match cut.trim_matches('-') {
            "" => "work".to_owned(),
            // The address of the form.
            "new" => "new-work".to_owned(),
            slug => slug.to_owned(),
        }
    }
}

/// Checks all of a work at once.
///
/// # Errors
/// Everything that is wrong, with a pointer to its field.
pub fn check_work(new: &NewWork) -> Result<CheckedWork, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    let kind = match new.kind.trim() {
        "" => "paper",
        kind => kind,
    };
    if !KINDS.iter().any(|(known, _)| *known == kind) {
        problems.push(FieldProblem::new(
            "/kind",
            "A work is a paper, a post or an implementation.",
        ));
    }
    let title = line(&new.title, "/title", 1, TITLE_CHARS, &mut problems);
    let authors = authors(&new.authors, &mut problems);
    let year = new.year.trim().parse::<i16>().ok();
    let year = year.filter(|year| (1900..=2200).contains(year));
    if year.is_none() {
        problems.push(FieldProblem::new(
            "/year",
            "Give the year of its first publication, such as 2016.",
        ));
    }
    let doi = optional(&new.doi, "/doi", doi, &mut problems);
    let arxiv = optional(&new.arxiv, "/arxiv", arxiv, &mut problems);
    let url = match new.url.trim() {
        "" => match (&arxiv, &doi) {
            (Some(number), _) => Ok(format!("https://arxiv.org/abs/{number}")),
            (None, Some(doi)) => Ok(format!("https://doi.org/{doi}")),
            (None, None) => {
                Err("Say where to read it: an address, a DOI or a number on arXiv.".to_owned())
            }
        },
        typed => url(typed),
    };
    let url = url.unwrap_or_else(|detail| {
        problems.push(FieldProblem::new("/url", detail));
        String::new()
    });
    let mut citation = line(&new.citation, "/citation", 0, CITATION_CHARS, &mut problems);
    let phenomenon = text(
        &new.phenomenon,
        "/phenomenon",
        1,
        PHENOMENON_CHARS,
        &mut problems,
    );
    let (Some(year), true) = (year, problems.is_empty()) else {
        return Err(problems);
    };
    if citation.is_empty() {
        citation = cited(&authors, &title, year, arxiv.as_deref(), doi.as_deref());
    }
    Ok(CheckedWork {
        kind: kind.to_owned(),
        title,
        authors,
        year,
        url,
        doi,
        arxiv,
        citation,
        phenomenon,
    })
}

fn authors(typed: &[String], problems: &mut Vec<FieldProblem>) -> Vec<String> {
    let named: Vec<&str> = typed
        .iter()
        .map(|name| name.trim())
        .filter(|name| !name.is_empty())
        .collect();
    let detail = match named.len() {
        0 => "Name the authors, one a line.".to_owned(),
        count if count > AUTHORS => {
            format!("Name at most {AUTHORS} authors; the last may be “and others”.")
        }
        _ => match named.iter().map(|name| author(name)).collect() {
            Ok(authors) => return authors,
            Err(detail) => detail,
        },
    };
    problems.push(FieldProblem::new("/authors", detail));
    Vec::new()
}

fn author(name: &str) -> Result<String, String> {
    match visible::line(name) {
        Ok(line) if (1..=NAME_CHARS).contains(&line.chars().count()) => Ok(line),
        Ok(_) => Err(format!("A name has 1 to {NAME_CHARS} characters.")),
        Err(detail) => Err(format!("A name {detail}")),
    }
}

/// What may be left empty.
fn optional(
    typed: &str,
    pointer: &str,
    read: fn(&str) -> Result<String, String>,
    problems: &mut Vec<FieldProblem>,
) -> Option<String> {
    let typed = typed.trim();
    if typed.is_empty() {
        return None;
    }
    read(typed)
        .map_err(|detail| problems.push(FieldProblem::new(pointer, detail)))
        .ok()
}

/// What comes after the first of these prefixes that it has, whatever their case.
fn after<'a>(typed: &'a str, prefixes: &[&str]) -> &'a str {
    let found = prefixes.iter().find_map(|prefix| {
        let head = typed.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix)
            .then(|| &typed[prefix.len()..])
    });
    found.unwrap_or(typed).trim()
}

/// A DOI: `10.`, four to nine digits, a slash, and something without white space.
///
/// # Errors
/// What it should look like.
pub fn doi(typed: &str) -> Result<String, String> {
    let number = after(
        typed,
        &[
            "https://doi.org/",
            "http://doi.org/",
            "https://dx.doi.org/",
            "http://dx.doi.org/",
            "doi.org/",
            "doi:",
        ],
    );
    let form = || "A DOI looks like 10.1109/5.771073.".to_owned();
    let rest = number.strip_prefix("10.").ok_or_else(form)?;
    let (registrant, suffix) = rest.split_once('/').ok_or_else(form)?;
    let is_registrant =
        (4..=9).contains(&registrant.len()) && registrant.bytes().all(|byte| byte.is_ascii_digit());
    let is_suffix = !suffix.is_empty() && suffix.bytes().all(|byte| byte.is_ascii_graphic());
    match is_registrant && is_suffix && number.len() <= DOI_CHARS {
        true => Ok(number.to_owned()),
        false => Err(form()),
    }
}

/// A number on arXiv, without its version: `1512.05287`, or of before April 2007 `cs/0112017`.
fn arxiv(typed: &str) -> Result<String, String> {
    let number = after(
        typed,
        &[
            "https://arxiv.org/abs/",
            "http://arxiv.org/abs/",
            "https://arxiv.org/pdf/",
            "arxiv.org/abs/",
            "arxiv:",
        ],
    );
    let number = number.strip_suffix(".pdf").unwrap_or(number);
    let unversioned = match number.rsplit_once('v') {
        Some((number, version))
            if !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            number
        }
        _ => number,
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_month = |yymm: &str| {
        yymm.get(2..4)
            .and_then(|month| month.parse().ok())
            .is_some_and(|month: u8| (1..=12).contains(&month))
    };
    let is_new = unversioned.split_once('.').is_some_and(|(yymm, serial)| {
        yymm.len() == 4
            && digits(yymm)
            && is_month(yymm)
            && (4..=5).contains(&serial.len())
            && digits(serial)
    });
    let is_old = unversioned
        .split_once('/')
        .is_some_and(|(archive, serial)| {
            let words = archive.split('-');
            words
                .into_iter()
                .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()))
                && serial.len() == 7
                && digits(serial)
                && is_month(serial)
        });
    match is_new || is_old {
        true => Ok(unversioned.to_owned()),
        false => {
            Err("A number on arXiv looks like 1512.05287, an old one like cs/0112017.".to_owned())
        }
    }
}

/// An address on the web, of which nothing is fetched.
fn url(typed: &str) -> Result<String, String> {
    let form = || {
        format!(
            "An address begins with https:// or http://, names a host, and has at most {URL_CHARS} characters without spaces."
        )
    };
    let rest = typed
        .strip_prefix("https://")
        .or_else(|| typed.strip_prefix("http://"))
        .ok_or_else(form)?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // Who it would sign in as is nobody's business, and looks like another host.
    let plain = !host.is_empty() && !host.contains('@') && host.contains('.');
    let visible = typed.chars().all(|char| !char.is_whitespace())
        && visible::line(typed).is_ok_and(|line| line == typed);
    match plain && visible && typed.chars().count() <= URL_CHARS {
        true => Ok(typed.to_owned()),
        false => Err(form()),
    }
}

fn cited(
    authors: &[String],
    title: &str,
    year: i16,
    arxiv: Option<&str>,
    doi: Option<&str>,
) -> String {
    let names = match authors {
        [one] => one.clone(),
        [one, other] => format!("{one} and {other}"),
        [one, ..] => format!("{one} et al."),
        [] => String::new(),
    };
    let stop = if names.ends_with('.') { "" } else { "." };
    let number = match (arxiv, doi) {
        (Some(number), _) => format!(", arXiv {number}"),
        (None, Some(doi)) => format!(", doi {doi}"),
        (None, None) => String::new(),
    };
    let title_stop = if title.ends_with(['.', '?', '!']) {
        ""
    } else {
        "."
    };
    let cited = format!("{names}{stop} {title}{title_stop} {year}{number}.");
    breakmywork_protocol::text::cut(&cited, CITATION_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work() -> NewWork {
        NewWork {
            title: "  Dropout, at Last?  ".into(),
            authors: vec![
                "Ada Lovelace".into(),
                String::new(),
                "Charles Babbage".into(),
            ],
            year: "2016".into(),
            arxiv: "arXiv:1512.05287v5".into(),
            phenomenon: "Networks forget.".into(),
            ..NewWork::default()
        }
    }

    #[test]
    fn what_is_left_empty_follows_from_the_rest() {
        let checked = check_work(&work()).expect("a work");
        assert_eq!(checked.kind, "paper");
        assert_eq!(checked.arxiv.as_deref(), Some("1512.05287"));
        assert_eq!(checked.url, "https://arxiv.org/abs/1512.05287");
        assert_eq!(
            checked.citation,
            "Ada Lovelace and Charles Babbage. Dropout, at Last? 2016, arXiv 1512.05287."
        );
        assert_eq!(checked.slug(), "dropout-at-last");
        let long = NewWork {
            title: "Ein Wort ".repeat(20),
            ..work()
        };
        let slug = check_work(&long).expect("a work").slug();
        assert!(slug.len() <= SLUG_CHARS && slug.ends_with("-ein"), "{slug}");
        let strange = NewWork {
            title: "深層学習".into(),
            ..work()
        };
        assert_eq!(check_work(&strange).expect("a work").slug(), "work");
    }

    #[test]
    fn numbers_are_checked_for_their_form() {
        for (typed, read) in [
            ("10.1109/5.771073", Some("10.1109/5.771073")),
            ("https://doi.org/10.1109/5.771073", Some("10.1109/5.771073")),
            ("DOI: 10.1109/5.771073", Some("10.1109/5.771073")),
            ("11.1109/5", None),
            ("10.1/5", None),
            ("10.1109/", None),
            ("10.1109/with space", None),
        ] {
            assert_eq!(doi(typed).ok().as_deref(), read, "{typed}");
        }
        for (typed, read) in [
            ("1512.05287", Some("1512.05287")),
            ("https://arxiv.org/pdf/1512.05287v2", Some("1512.05287")),
            ("0704.0001", Some("0704.0001")),
            ("cs/0112017", Some("cs/0112017")),
            ("cond-mat/9901001v1", Some("cond-mat/9901001")),
            ("1513.05287", None),
            ("15120.5287", None),
            ("cs/011201", None),
            ("1512.05287'); drop table work", None),
            ("ä512.05287", None),
        ] {
            assert_eq!(arxiv(typed).ok().as_deref(), read, "{typed}");
        }
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let bad = NewWork {
            kind: "rumour".into(),
            title: "a\u{202e}b".into(),
            authors: vec![" ".into()],
            year: "16".into(),
            url: "javascript:alert(1)".into(),
            doi: "x".into(),
            arxiv: "y".into(),
            citation: "c".repeat(601),
            phenomenon: "\u{200b}".into(),
        };
        let problems = check_work(&bad).expect_err("nothing of it is right");
        let pointers: Vec<&str> = problems.iter().map(|it| it.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            [
                "/kind",
                "/title",
                "/authors",
                "/year",
                "/doi",
                "/arxiv",
                "/url",
                "/citation",
                "/phenomenon"
            ]
        );
        for address in [
            "https://",
            "https://user@evil.example/",
            "https://a b.org",
            "ftp://x.org",
        ] {
            assert!(url(address).is_err(), "{address}");
        }
        assert!(url("https://www.cs.ox.ac.uk/people/yarin.gal/website/blog_5058.html").is_ok());
    }
}
