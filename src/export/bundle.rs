//! A ZIP archive that is sent while it is made: however much was measured, little of it is in memory at once.

use super::written::Written;
use axum::body::{Body, Bytes};
use futures_util::{StreamExt, stream};
use std::io::{self, Write};
use tokio::sync::mpsc::{self, Receiver, Sender};
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};

/// What is sent, piece by piece; whoever sends waits for whoever reads.
pub type Pieces = Sender<io::Result<Bytes>>;

/// A body whose pieces are sent by somebody else. An error breaks it off, so that nobody takes a part for the whole.
pub fn streamed() -> (Pieces, Body) {
    let (sender, receiver) = mpsc::channel(2);
    let pieces = stream::unfold(
        receiver,
        |mut receiver: Receiver<io::Result<Bytes>>| async move {
            receiver.recv().await.map(|piece| (piece, receiver))
        },
    );
    // Whoever compresses a body asks once more after its end, where only a fused stream has an answer.
    (sender, Body::from_stream(pieces.fuse()))
}

/// An archive under way.
pub struct Bundle {
    zip: ZipWriter<StreamWriter<Written>>,
    written: Written,
    pieces: Pieces,
}

impl Bundle {
    /// An empty one.
    pub fn new(pieces: Pieces) -> Self {
        let written = Written::default();
        Self {
            zip: ZipWriter::new_stream(written.clone()),
            written,
            pieces,
        }
    }

    /// Begins a file.
    ///
    /// # Errors
    /// If nobody reads any more.
    pub async fn file(&mut self, name: &str) -> io::Result<()> {
        let options = SimpleFileOptions::default();
        self.zip
            .start_file(name, options)
            .map_err(io::Error::other)?;
        self.send().await
    }

    /// Adds to the file that was begun last.
    ///
    /// # Errors
    /// If nobody reads any more.
    pub async fn add(&mut self, text: &str) -> io::Result<()> {
        self.zip.write_all(text.as_bytes())?;
        self.send().await
    }

    /// Ends it.
    ///
    /// # Errors
    /// If nobody reads any more.
    pub async fn finish(self) -> io::Result<()> {
        let rest = self.zip.finish().map_err(io::Error::other)?;
        drop(rest);
        let last = self.written.take();
        send(&self.pieces, last).await
    }

    async fn send(&mut self) -> io::Result<()> {
        send(&self.pieces, self.written.take()).await
    }
}

/// Sends a piece, if there is something in it.
///
/// # Errors
/// If nobody reads any more.
pub async fn send(pieces: &Pieces, bytes: Vec<u8>) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    let sent = pieces.send(Ok(bytes.into())).await;
    sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
}
