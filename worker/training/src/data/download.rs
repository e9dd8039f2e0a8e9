//! One file over HTTP: goes on where an earlier download stopped, and counts only with the right SHA-256.

use super::known::Download;
use super::store::cannot_write;
use super::{Error, manifest};
use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;
use ureq::http::{Response, StatusCode, Uri, header};
use ureq::{Agent, Body};

/// Seconds without a byte after which a server counts as gone.
const SILENCE: Duration = Duration::from_secs(60);

/// Gets the file's bytes from that address, by way of `partial`, which stays until the caller is done with it.
///
/// `progress` hears how many bytes are here.
pub(super) fn download(
    from: &Download,
    url: &str,
    partial: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<u8>, Error> {
    if let Some(folder) = partial.parent() {
        fs::create_dir_all(folder).map_err(cannot_write(folder))?;
    }
    let mut target = Target::open(partial, from.bytes)?;
    // A second time, from the start, if the server cannot go on from where we are.
    while target.here < from.bytes {
        if receive(from, url, &mut target, progress)? {
            break;
        }
    }
    progress(target.here);
    let bytes = fs::read(partial).map_err(|source| Error::Read {
        path: partial.into(),
        source,
    })?;
    let got = manifest::sha256(&bytes);
    if got != from.sha256 {
        fs::remove_file(partial).map_err(cannot_write(partial))?;
        return Err(Error::WrongDownload {
            url: url.to_owned(),
            got,
            expected: from.sha256.to_owned(),
        });
    }
    Ok(bytes)
}

/// The partial file, ours alone while it is open.
struct Target<'a> {
    path: &'a Path,
    file: File,
    here: u64,
}

impl<'a> Target<'a> {
    fn open(path: &'a Path, expected: u64) -> Result<Self, Error> {
        let options = File::options()
            .read(true)
            .append(true)
            .create(true)
            .open(path);
        let file = options.map_err(cannot_write(path))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => Error::Busy { path: path.into() },
            TryLockError::Error(source) => cannot_write(path)(source),
        })?;
        let here = file.metadata().map_err(cannot_write(path))?.len();
        let mut target = Self { path, file, here };
        if here > expected {
            target.restart()?;
        }
        Ok(target)
    }

    fn restart(&mut self) -> Result<(), Error> {
        let emptied = self.file.set_len(0);
        let emptied = emptied.and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(cannot_write(self.path))?;
        self.here = 0;
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file
            .write_all(bytes)
            .map_err(cannot_write(self.path))?;
        self.here += bytes.len() as u64;
        Ok(())
    }
}

impl Drop for Target<'_> {
    fn drop(&mut self) {
        // Closing is not enough while a child that is just being started has a copy of the file.
        let _ = self.file.unlock();
    }
}

/// Asks once; false if the answer does not fit what is here, which is then given up.
fn receive(
    from: &Download,
    url: &str,
    target: &mut Target<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<bool, Error> {
    let start = target.here;
    let mut request = agent(url).get(url);
    if start > 0 {
        request = request.header(header::RANGE, format!("bytes={start}-"));
    }
    let response = request.call().map_err(|error| Error::Connection {
        url: url.to_owned(),
        reason: breakmywork_roots::explained(&error),
    })?;
    let offered = match response.status() {
        StatusCode::OK => {
            let offered = response.body().content_length();
            refuse_another_file(from, url, offered)?;
            // The server ignores Range.
            target.restart()?;
            offered
        }
        StatusCode::PARTIAL_CONTENT if start > 0 => {
            let (first, offered) = content_range(&response);
            refuse_another_file(from, url, offered)?;
            if first != Some(start) {
                target.restart()?;
                return Ok(false);
            }
            offered
        }
        StatusCode::RANGE_NOT_SATISFIABLE if start > 0 => {
            target.restart()?;
            return Ok(false);
        }
        status => {
            return Err(Error::Status {
                url: url.to_owned(),
                status: status.as_u16(),
            });
        }
    };
    tracing::debug!(url, start, ?offered, "download begins");
    copy(from, url, response, target, progress)?;
    Ok(true)
}

fn copy(
    from: &Download,
    url: &str,
    mut response: Response<Body>,
    target: &mut Target<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    // One byte more than expected is enough to know that it is another file.
    let left = from.bytes + 1 - target.here;
    let mut body = response.body_mut().as_reader().take(left);
    let mut buffer = vec![0; 1 << 16];
    let reason = loop {
        match body.read(&mut buffer) {
            Ok(0) => break "the connection ended".to_owned(),
            Ok(read) => target.append(&buffer[..read])?,
            Err(error) => break error.to_string(),
        }
        progress(target.here);
    };
    target.file.sync_all().map_err(cannot_write(target.path))?;
    if target.here < from.bytes {
        return Err(Error::Truncated {
            url: url.to_owned(),
            got: target.here,
            expected: from.bytes,
            reason,
        });
    }
    Ok(())
}

fn agent(url: &str) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .tls_config(breakmywork_roots::tls())
        .timeout_connect(Some(SILENCE))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .user_agent(concat!("breakmywork-worker/", env!("CARGO_PKG_VERSION")));
    let uri: Option<Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(Uri::host);
    // A mirror on this very machine is behind no proxy.
    if host.is_some_and(|host| ["127.0.0.1", "localhost", "[::1]"].contains(&host)) {
        return config.proxy(None).build().into();
    }
    config.build().into()
}

/// Whole bytes that the server says the file has must be those we know; else going on would never end.
fn refuse_another_file(from: &Download, url: &str, offered: Option<u64>) -> Result<(), Error> {
    match offered {
        Some(offered) if offered != from.bytes => Err(Error::OtherFile {
            url: url.to_owned(),
            offered,
            expected: from.bytes,
        }),
        _ => Ok(()),
    }
}

/// First byte and whole length of `bytes FIRST-LAST/LENGTH`.
fn content_range(response: &Response<Body>) -> (Option<u64>, Option<u64>) {
    let range = response.headers().get(header::CONTENT_RANGE);
    let range = range.and_then(|value| value.to_str().ok()?.strip_prefix("bytes "));
    let Some((range, length)) = range.and_then(|range| range.split_once('/')) else {
        return (None, None);
    };
    let first = range
        .split_once('-')
        .and_then(|(first, _)| first.parse().ok());
    (first, length.parse().ok())
}
