//! Reports on their way to the job table: kept until they are accepted or the lease is lost.

use super::board::{Board, Error};
use super::files::Upload;
use super::store;
use breakmywork_protocol::jobs::outside::MOST_POINTS;
use breakmywork_protocol::jobs::{Checkpoint, Lease, MetricPoint, Progress};
use breakmywork_training::events;
use std::path::Path;

/// Checkpoints of an attempt whose files are kept: one to go on from, and one more should it be damaged.
const KEPT: usize = 2;

/// What has not been accepted yet, in order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    points: Vec<MetricPoint>,
    checkpoints: Vec<Checkpoint>,
    /// Keys of checkpoints that the trainer could not go on from.
    unusable: Vec<String>,
    /// The step from which it went on.
    resumed: Option<u32>,
    /// Keys of files to remove: checkpoints that nobody was told of before newer ones were there.
    superseded: Vec<String>,
    /// Keys of the checkpoints that are registered, and kept, oldest first.
    registered: Vec<String>,
    /// Whether the board keeps the files, which are sent before they are registered.
    sends_files: bool,
    /// How far that of the first of `checkpoints` is.
    upload: Upload,
}

impl Outbox {
    /// An empty one; `sends_files` to a board that keeps them.
    pub(super) fn new(sends_files: bool) -> Self {
        Self {
            sends_files,
            ..Self::default()
        }
    }

    /// Nobody goes on from this run any more.
    pub(super) fn keep_files(&mut self) {
        self.sends_files = false;
    }

    pub(super) fn metric(&mut self, name: String, step: u32, value: f64) {
        self.points.push(MetricPoint { name, step, value });
    }

    pub(super) fn checkpoint(&mut self, root: &Path, lease: &Lease, seen: &events::Checkpoint) {
        let Some(object_key) = store::key(root, &seen.path) else {
            tracing::warn!(path = %seen.path.display(), "a checkpoint outside the store is ignored");
            return;
        };
        self.checkpoints.push(Checkpoint {
            epoch: lease.epoch,
            step: seen.step,
            object_key,
            bytes: seen.bytes,
            sha256: seen.sha256.clone(),
        });
        // While the database is away they would fill the disk.
        if self.checkpoints.len() > KEPT {
            self.superseded.push(self.checkpoints.remove(0).object_key);
            self.upload = Upload::default();
        }
    }

    pub(super) fn unusable(&mut self, root: &Path, path: &Path) {
        self.unusable.extend(store::key(root, path));
    }

    pub(super) fn resumed(&mut self, step: u32) {
        self.resumed = Some(step);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.points.is_empty()
            && self.checkpoints.is_empty()
            && self.unusable.is_empty()
            && self.resumed.is_none()
    }

    /// Sends what is there, and how far the training is; of files as much as goes in a moment. On an error the rest stays:
    /// sending twice is harmless.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] and [`Error::Refused`] are final; anything else can be tried again.
    pub(super) async fn send(
        &mut self,
        board: &Board,
        lease: &Lease,
        root: &Path,
        progress: Progress,
    ) -> Result<(), Error> {
        while let Some(key) = self.unusable.first() {
            board.checkpoint_unusable(lease, key).await?;
            self.unusable.remove(0);
        }
        if let Some(step) = self.resumed {
            board.resumed(lease, step).await?;
            self.resumed = None;
        }
        while !self.points.is_empty() {
            let sent = self.points.len().min(MOST_POINTS);
            let points = &self.points[..sent];
            board.report_metrics(lease, progress, points).await?;
            self.points.drain(..sent);
        }
        while let Some(checkpoint) = self.checkpoints.first() {
            if self.sends_files && !self.upload.go_on(board, lease, root, checkpoint).await? {
                return Ok(());
            }
            board.checkpoint(lease, checkpoint).await?;
            self.upload = Upload::default();
            self.registered.push(self.checkpoints.remove(0).object_key);
        }
        Ok(())
    }

    /// Removes the files of this attempt's older checkpoints, but of those that are registered only once newer ones are.
    pub(super) async fn prune(&mut self, root: &Path) {
        let old = self.registered.len().saturating_sub(KEPT);
        let mut old: Vec<String> = self.registered.drain(..old).collect();
        old.append(&mut self.superseded);
        if old.is_empty() {
            return;
        }
        let root = root.to_owned();
        store::aside(move || old.iter().for_each(|key| store::forget(&root, key))).await;
    }
}
