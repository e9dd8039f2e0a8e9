//! MNIST's four idx files, compressed with gzip or not.

use super::{Draft, name_of, not_known};
use crate::data::known::Known;
use crate::data::raw::Raw;
use crate::data::{Content, Error, Image, Splits, idx, manifest};
use flate2::read::MultiGzDecoder;
use std::io::Read;
use std::path::Path;

/// Pictures at the end of the training file that become the validation split.
const VALID: usize = 10_000;

/// SHA-256 of the unpacked files of MNIST itself, which others with as many pictures imitate.
const ORIGINALS: [(&str, &str); 4] = [
    (
        "train-images",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    (
        "train-labels",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    (
        "t10k-images",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    (
        "t10k-labels",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
];

/// Reads the folder; under a known name the files must be the originals.
pub(super) fn read(folder: &Path, known: Option<&Known>) -> Result<Draft, Error> {
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
        let images = idx::images(&pictures, &labels)?;
        if let Some(known) = known {
            check(
                known,
                &format!("{prefix}-images"),
                "file of pictures",
                &pictures,
            )?;
            check(
                known,
                &format!("{prefix}-labels"),
                "file of labels",
                &labels,
            )?;
        }
        Ok((images, pictures))
    };
    let (mut train, pictures): (Vec<Image>, Raw) = pair("train")?;
    let (test, _) = pair("t10k")?;
    if train.len() <= VALID {
        return Err(pictures.wrong(format!(
            "it has {} pictures, of which the last {VALID} would become the validation split; import a data set of more",
            train.len()
        )));
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

/// Refuses what is not the original file.
fn check(known: &Known, stem: &str, what: &'static str, raw: &Raw) -> Result<(), Error> {
    let got = manifest::sha256(&raw.bytes);
    let original = ORIGINALS.iter().find(|(name, _)| *name == stem);
    match original.filter(|(_, sha256)| *sha256 != got) {
        Some((_, sha256)) => Err(not_known(raw, what, known.name, got, sha256)),
        None => Ok(()),
    }
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
