//! Bringing in a known data set from its address.

use super::download::download;
use super::import::{Draft, unpack};
use super::known::Known;
use super::raw::Raw;
use super::store::cannot_write;
use super::{Error, Imported, Store};
use std::fs;

/// Folder of downloads, below the data folder.
const DOWNLOADS: &str = ".downloads";

/// Downloads a known data set and imports it as version 1; does nothing if it is here.
///
/// `url` is a mirror to take instead of its address; what comes must have the same SHA-256. `progress` hears
/// how many bytes of the download are here. What came of a download that ended early stays, and the next call
/// goes on from there.
///
/// # Errors
/// If it has no address, the download fails or is another file, or the disk cannot be written.
pub fn fetch(
    store: &Store,
    known: &Known,
    url: Option<&str>,
    progress: &mut dyn FnMut(u64),
) -> Result<Imported, Error> {
    let reference = known.reference()?;
    let Some(from) = known.download else {
        return Err(Error::NotFetchable {
            name: known.name.to_owned(),
            reason: format!(
                "no address for it is known; get its files and run `{}`",
                store.command(&reference)
            ),
        });
    };
    if let Some(manifest) = store.find(&reference)? {
        return Ok(Imported {
            manifest,
            fresh: false,
        });
    }
    let url = url.unwrap_or(from.url);
    let folder = store.dir().join(DOWNLOADS);
    let partial = folder.join(format!("{}.partial", known.name));
    let bytes = download(&from, url, &partial, progress)?;
    let raw = Raw {
        place: url.to_owned(),
        bytes,
    };
    let Draft {
        content,
        source,
        notes,
    } = unpack(known, &raw, url.to_owned(), Vec::new())?;
    let imported = store.add(&reference, &content, source, notes)?;
    fs::remove_file(&partial).map_err(cannot_write(&partial))?;
    // Only succeeds when no other download is under way.
    let _ = fs::remove_dir(&folder);
    Ok(imported)
}
