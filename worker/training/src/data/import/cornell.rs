//! Pang and Lee's scale data v1.0: `subj.AUTHOR` has a review a line, `rating.AUTHOR` its rating.

use super::{Draft, split};
use crate::data::format::review_of;
use crate::data::raw::Raw;
use crate::data::{Error, Review};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Begins the name of a file of texts.
const TEXTS: &str = "subj.";
/// Begins the name of a file of ratings.
const RATINGS: &str = "rating.";
/// Folders of the original archive above the files: its own, and one an author.
const DEPTH: usize = 2;

/// Reads all authors, in the order of their names.
pub(super) fn read(folder: &Path) -> Result<Draft, Error> {
    let mut files = BTreeMap::new();
    look_for_files(folder, DEPTH, &mut files)?;
    let wrong = |reason: String| Error::File {
        place: folder.display().to_string(),
        reason,
    };
    let author_of = |name: &String| {
        let author = name.strip_prefix(TEXTS).or(name.strip_prefix(RATINGS));
        author.unwrap_or_default().to_owned()
    };
    let mut authors: Vec<String> = files.keys().map(author_of).collect();
    authors.sort();
    authors.dedup();
    if authors.is_empty() {
        return Err(wrong(format!(
            "there is no {TEXTS}AUTHOR and {RATINGS}AUTHOR in it; name the folder of the unpacked scale data v1.0"
        )));
    }
    let (mut reviews, mut source, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for author in authors {
        let mut file = |prefix: &str| {
            let name = format!("{prefix}{author}");
            let path = files.get(&name).ok_or_else(|| {
                wrong(format!("{name} is missing beside the other file of that author; unpack the scale data again"))
            })?;
            Ok((name, Raw::read(path)?.plain(&mut notes)?))
        };
        let ((texts_name, texts), (ratings_name, ratings)) = (file(TEXTS)?, file(RATINGS)?);
        let (text, latin) = decode(&texts);
        if latin {
            notes.push(format!("{texts_name} was not UTF-8 and read as Latin-1"));
        }
        join(&texts, &text, &ratings, &mut reviews)?;
        source.extend([texts_name, ratings_name]);
    }
    notes.push(split::LABELLED.to_owned());
    Ok(Draft {
        content: split::labelled(reviews, &folder.display().to_string())?,
        source,
        notes,
    })
}

/// Finds the files in the folder, or as deep as the original archive has them.
fn look_for_files(
    folder: &Path,
    deeper: usize,
    files: &mut BTreeMap<String, PathBuf>,
) -> Result<(), Error> {
    let wrong = |source| Error::Read {
        path: folder.into(),
        source,
    };
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if path.is_dir() {
            if deeper > 0 {
                look_for_files(&path, deeper - 1, files)?;
            }
        } else if (name.starts_with(TEXTS) || name.starts_with(RATINGS))
            && let Some(other) = files.insert(name.to_owned(), path.clone())
        {
            return Err(Error::File {
                place: path.display().to_string(),
                reason: format!(
                    "{} has the same name; name a folder that holds one copy",
                    other.display()
                ),
            });
        }
    }
    Ok(())
}

/// UTF-8, else Latin-1, in which every byte is a character: the originals are older than UTF-8's rule.
fn decode(raw: &Raw) -> (String, bool) {
    match raw.utf8() {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (
            raw.bytes.iter().map(|&byte| char::from(byte)).collect(),
            true,
        ),
    }
}

/// Adds one author's reviews.
fn join(texts: &Raw, text: &str, ratings: &Raw, reviews: &mut Vec<Review>) -> Result<(), Error> {
    let labels: Vec<&str> = ratings.utf8()?.lines().collect();
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() != labels.len() {
        return Err(ratings.wrong(format!(
            "it has {} ratings for the {} reviews of {}; unpack the scale data again",
            labels.len(),
            lines.len(),
            texts.place
        )));
    }
    for (index, (text, label)) in lines.iter().zip(labels).enumerate() {
        let wrong = |raw: &Raw, reason| Error::Line {
            place: raw.place.clone(),
            line: index + 1,
            reason,
        };
        let label = label
            .trim()
            .parse()
            .map_err(|_| wrong(ratings, format!("{label:?} is no number")))?;
        let text = (*text).to_owned();
        let blame = if text.trim().is_empty() {
            texts
        } else {
            ratings
        };
        reviews.push(review_of(Review { text, label }).map_err(|reason| wrong(blame, reason))?);
    }
    Ok(())
}
