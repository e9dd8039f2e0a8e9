//! The trainer as a child process: started, listened to, ended.

use crate::child::{self, Training};
use crate::cli::WorkArgs;
use breakmywork_protocol::spec::Plan;
use breakmywork_training::events::Event;
use rustix::process::{Pid, Signal};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// Lines of the trainer's stderr that are kept for the reason of a failure.
const TAIL_LINES: usize = 20;
/// Longest line that is kept, in characters.
const TAIL_WIDTH: usize = 300;

/// Whether the device can be used: asked of a child, so that this process holds none of the device's memory.
/// The child says on stderr what is wrong.
pub(super) async fn device_works(args: &WorkArgs) -> io::Result<bool> {
    let mut command = Command::from(child::program(args.device.device));
    command
        .args(["probe", "--device", &args.device.device.to_string()])
        .args(["--products", &args.device.products.to_string()])
        .stdin(Stdio::null());
    Ok(command.status().await?.success())
}

/// A running trainer, in a process group of its own.
pub(super) struct Trainer {
    child: Child,
    group: Option<Pid>,
    /// What it says; ends when its stdout does. Unbounded: while the database is away it goes on training.
    pub(super) events: mpsc::UnboundedReceiver<Event>,
    tail: Arc<Mutex<VecDeque<String>>>,
}

impl Trainer {
    /// Starts training `plan`; checkpoints go to `directory`. It goes on from the first of `resume` that it can use.
    pub(super) async fn start(
        args: &WorkArgs,
        plan: &Plan,
        directory: &Path,
        resume: &[PathBuf],
    ) -> io::Result<Self> {
        let mut command = Command::from(child::trainer(&Training {
            device: args.device.device,
            products: args.device.products,
            threads: args.device.threads,
            data_sets: &args.folder.data_sets,
            directory,
            checkpoint_every: args.checkpoint_every,
            resume,
        }));
        command.stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(io::Error::other("the trainer has no pipes"));
        };
        let (sender, events) = mpsc::unbounded_channel();
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        tokio::spawn(listen(stdout, sender, Arc::clone(&tail)));
        tokio::spawn(keep_tail(stderr, Arc::clone(&tail)));
        // A child that died before reading is seen by its exit status, which says more than this error.
        let _ = stdin.write_all(&serde_json::to_vec(plan)?).await;
        drop(stdin);
        Ok(Self {
            group: child.id().and_then(child::group),
            child,
            events,
            tail,
        })
    }

    /// Asks it to write a checkpoint and end.
    pub(super) fn ask_to_stop(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it and whatever it started, at once.
    pub(super) async fn kill(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait().await;
    }

    fn signal(&self, signal: Signal) {
        child::signal(self.group, signal);
    }

    /// Waits for its end.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// The last lines it wrote beside its events.
    pub(super) fn last_words(&self) -> String {
        let tail = self
            .tail
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Vec::from_iter(tail.iter().cloned()).join("\n")
    }
}

impl Drop for Trainer {
    fn drop(&mut self) {
        // It may be dropped while it trains: a run whose lease is lost is not waited for.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::KILL);
        }
    }
}

/// The next line, whatever bytes are in it: a library that crashes writes what it likes.
async fn next_line(lines: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut line = Vec::new();
    match lines.read_until(b'\n', &mut line).await {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(String::from_utf8_lossy(line.trim_ascii_end()).into_owned()),
    }
}

async fn listen(
    stdout: impl AsyncRead + Unpin,
    events: mpsc::UnboundedSender<Event>,
    tail: Arc<Mutex<VecDeque<String>>>,
) {
    let mut lines = BufReader::new(stdout);
    while let Some(line) = next_line(&mut lines).await {
        match serde_json::from_str(&line) {
            Ok(event) => {
                if events.send(event).is_err() {
                    return;
                }
            }
            Err(_) => remember(&tail, &line),
        }
    }
}

async fn keep_tail(stderr: impl AsyncRead + Unpin, tail: Arc<Mutex<VecDeque<String>>>) {
    let mut lines = BufReader::new(stderr);
    while let Some(line) = next_line(&mut lines).await {
        tracing::debug!(trainer = line);
        remember(&tail, &line);
    }
}

fn remember(tail: &Mutex<VecDeque<String>>, line: &str) {
    let mut tail = tail
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if tail.len() == TAIL_LINES {
        tail.pop_front();
    }
    tail.push_back(line.chars().take(TAIL_WIDTH).collect());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_that_is_no_text_hides_none_after_it() {
        let mut lines = BufReader::new(&b"one\n\xff\xfe two\r\nthree"[..]);
        let mut read = Vec::new();
        while let Some(line) = next_line(&mut lines).await {
            read.push(line);
        }
        assert_eq!(read, ["one", "\u{fffd}\u{fffd} two", "three"]);
    }
}
