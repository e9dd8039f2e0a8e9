//! What is reproduced: fetched from a board, or read from a file that came from one.

use super::address;
use super::board::{self, MOST_BYTES};
use breakmywork_protocol::id::RunId;
use breakmywork_protocol::reproduction::{FILE, Handout};
use std::fs::File;
use std::io::{self, Read, Seek};

/// How a ZIP archive begins.
const ARCHIVE: &[u8] = b"PK";

/// A handout, and where it comes from.
pub(super) struct Source {
    pub(super) handout: Handout,
    /// The one run of it that was named.
    pub(super) run: Option<RunId>,
    /// The board that was asked; none of a file.
    pub(super) board: Option<String>,
}

/// Reads an address or a file.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(text: &str) -> Result<Source, String> {
    if address::is_address(text) {
        let (handout, run, board) = board::fetch(text)?;
        return Ok(Source {
            handout,
            run,
            board: Some(board),
        });
    }
    let bytes = of_file(text).map_err(|error| {
        let meant = match text.contains("/experiments/") || text.contains("/runs/") {
            true => " If it is an address, write it with https:// before it.",
            false => "",
        };
        format!("{text} cannot be read: {error}.{meant}")
    })?;
    let handout = serde_json::from_slice(&bytes).map_err(|error| {
        format!("{text} is not {FILE}, nor the archive with it, as an experiment's page offers them: {error}")
    })?;
    Ok(Source {
        handout,
        run: None,
        board: None,
    })
}

fn of_file(path: &str) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    (&mut file)
        .take(ARCHIVE.len() as u64)
        .read_to_end(&mut start)?;
    file.rewind()?;
    if start != ARCHIVE {
        return bounded(file);
    }
    let mut archive = zip::ZipArchive::new(file).map_err(io::Error::other)?;
    let entry = archive.by_name(FILE).map_err(|_| {
        io::Error::other(format!(
            "there is no {FILE} in it; download the archive of a registered experiment anew"
        ))
    })?;
    bounded(entry)
}

/// All of it, if it is no larger than a board's answer may be.
fn bounded(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MOST_BYTES {
        true => Err(io::Error::other(format!(
            "it has more than {MOST_BYTES} bytes"
        ))),
        false => Ok(bytes),
    }
}
