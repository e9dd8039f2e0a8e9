//! From a known download to its content.

use super::{Draft, split};
use crate::data::known::{Known, Packing};
use crate::data::raw::Raw;
use crate::data::{Error, Splits, format};
use std::io::{Cursor, Read};

/// Reads a download whose SHA-256 was checked; `notes` say what was done to it before.
pub(in crate::data) fn unpack(
    known: &Known,
    raw: &Raw,
    source: String,
    mut notes: Vec<String>,
) -> Result<Draft, Error> {
    let files = match known.download.map(|download| download.packing) {
        Some(Packing::Zip(files)) => files,
        Some(Packing::Plain) | None => return split::one(known.kind, raw, source, notes),
    };
    let splits = extract(raw, files)?;
    let content =
        format::splits(known.kind, &splits, &mut notes)?.ok_or_else(|| super::pictures(raw))?;
    notes.push("splits as in the archive".to_owned());
    Ok(Draft {
        content,
        source: vec![source],
        notes,
    })
}

fn extract(raw: &Raw, files: Splits<&str>) -> Result<Splits<Raw>, Error> {
    let damaged = |name: &str, error: &dyn std::fmt::Display| {
        raw.wrong(format!(
            "{name} cannot be taken out of it: {error}; get the original archive"
        ))
    };
    let mut archive = zip::ZipArchive::new(Cursor::new(&raw.bytes)).map_err(|error| {
        raw.wrong(format!(
            "it is no ZIP archive: {error}; get the original archive"
        ))
    })?;
    files.try_map(|name| {
        let mut file = archive
            .by_name(name)
            .map_err(|error| damaged(name, &error))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(|error| damaged(name, &error))?;
        Ok(Raw {
            place: format!("{} ({name})", raw.place),
            bytes,
        })
    })
}
