//! MNIST's four idx files, compressed with gzip or not.

use super::{Draft, name_of};
use crate::data::format::Raw;
use crate::data::{Content, Error, Image, Splits, idx};
use flate2::read::MultiGzDecoder;
use std::io::Read;
use std::path::Path;

/// Pictures at the end of the training file that become the validation split.
const VALID: usize = 10_000;

/// Reads the folder.
pub(super) fn read(folder: &Path) -> Result<Draft, Error> {
    let mut source = Vec::new();
    let mut pair = |prefix: &str| {
        let pictures = file(
            folder,
            &format!("{prefix}-images"),
            "idx3-ubyte",
            &mut source,
        )?;
        let labels = file(
            folder,
            &format!("{prefix}-labels"),
            "idx1-ubyte",
            &mut source,
        )?;
        Ok((idx::images(&pictures, &labels)?, pictures))
    };
    let (mut train, pictures): (Vec<Image>, Raw) = pair("train")?;
    let (test, _) = pair("t10k")?;
    if train.len() <= VALID {
        return Err(Error::TooSmall {
            place: pictures.place,
            reason: format!(
                "it has {} pictures, and the last {VALID} become the validation split",
                train.len()
            ),
        });
    }
    let valid = train.split_off(train.len() - VALID);
    Ok(Draft {
        content: Content::Images(Splits { train, valid, test }),
        source,
        notes: vec![format!(
            "the validation split is the last {VALID} training pictures"
        )],
    })
}

/// One file, by any of the names it goes by.
fn file(folder: &Path, stem: &str, ending: &str, source: &mut Vec<String>) -> Result<Raw, Error> {
    let names = [
        format!("{stem}-{ending}"),
        format!("{stem}-{ending}.gz"),
        format!("{stem}.{ending}"),
        format!("{stem}.{ending}.gz"),
    ];
    let mut paths = names.iter().map(|name| folder.join(name));
    let Some(path) = paths.find(|path| path.is_file()) else {
        return Err(Error::File {
            place: folder.display().to_string(),
            reason: format!(
                "there is no {stem}-{ending} in it, with or without .gz; name the folder with MNIST's four files"
            ),
        });
    };
    source.push(name_of(&path));
    let raw = Raw::read(&path)?;
    if path.extension().is_none_or(|ending| ending != "gz") {
        return Ok(raw);
    }
    let mut bytes = Vec::new();
    match MultiGzDecoder::new(&raw.bytes[..]).read_to_end(&mut bytes) {
        Ok(_) => Ok(Raw { bytes, ..raw }),
        Err(error) => Err(raw.wrong(format!(
            "it cannot be decompressed: {error}; get the whole file"
        ))),
    }
}
