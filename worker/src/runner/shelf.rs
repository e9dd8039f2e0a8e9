//! The data sets of this machine, told to the board: at the start, and whenever the folder changes.

use super::board::{Board, Error};
use breakmywork_protocol::jobs::{Offer, OtherContent};
use breakmywork_training::data::Store;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The board is told again after this time even if nothing changed, should it have forgotten.
const TELL_AGAIN: Duration = Duration::from_secs(60);
/// Longest that the board may take to answer: behind a dead network it would be waited for for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// What lies in the data folder, as far as the board has been told.
#[derive(Debug)]
pub(super) struct Shelf {
    store: Store,
    told: Option<(Instant, Vec<Offer>)>,
    /// What the board knows by another content.
    other: Vec<OtherContent>,
    /// What stands in the log already: each complaint once, until it is over.
    said: BTreeSet<String>,
}

impl Shelf {
    /// The shelf of that folder, which need not be there yet.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            store: Store::new(folder),
            told: None,
            other: Vec::new(),
            said: BTreeSet::new(),
        }
    }

    /// Looks into the folder, and tells the board if something changed.
    ///
    /// # Errors
    /// If the board is away; nothing is lost, the next call tells it.
    pub(super) async fn tell(&mut self, board: &Board, worker: Uuid) -> Result<(), Error> {
        let store = self.store.clone();
        // On a thread of its own: a folder on a dead network must not stop the heartbeat.
        let (offers, damages) = tokio::task::spawn_blocking(move || look(&store))
            .await
            .unwrap_or_else(|error| (Vec::new(), vec![error.to_string()]));
        let before = self.told.as_ref().map(|(_, offers)| offers);
        let changed = before != Some(&offers);
        let stale = self
            .told
            .as_ref()
            .is_none_or(|(when, _)| when.elapsed() > TELL_AGAIN);
        if changed || stale {
            self.other = tokio::time::timeout(PATIENCE, board.offer(worker, &offers))
                .await
                .map_err(|_| Error::late())
                .flatten()?;
            if changed && (before.is_some() || !offers.is_empty()) {
                tracing::info!(data_sets = names(&offers), "offers");
            }
            self.told = Some((Instant::now(), offers));
        }
        self.complain(damages);
        Ok(())
    }

    /// Logs what is wrong and was not wrong before.
    fn complain(&mut self, damages: Vec<String>) {
        let other = self.other.iter().map(OtherContent::to_string);
        let now: BTreeSet<String> = damages.into_iter().chain(other).collect();
        for complaint in now.difference(&self.said) {
            tracing::warn!("a data set is not offered: {complaint}");
        }
        self.said = now;
    }

    /// The board has to be told anew.
    pub(super) fn forgotten(&mut self) {
        self.told = None;
    }
}

/// What can be offered, by name, and what is wrong with the rest.
fn look(store: &Store) -> (Vec<Offer>, Vec<String>) {
    let found = match store.each() {
        Ok(found) => found,
        Err(error) => return (Vec::new(), vec![error.to_string()]),
    };
    let (mut offers, mut damages) = (Vec::new(), Vec::new());
    for manifest in found {
        let offer = manifest.and_then(|manifest| {
            store.looks_whole(&manifest)?;
            Ok(Offer {
                data_set: manifest.reference()?,
                sha256: manifest.sha256,
            })
        });
        match offer {
            Ok(offer) => offers.push(offer),
            Err(error) => damages.push(error.to_string()),
        }
    }
    offers.sort_by(|a, b| a.data_set.cmp(&b.data_set));
    (offers, damages)
}

fn names(offers: &[Offer]) -> String {
    if offers.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<String> = offers
        .iter()
        .map(|offer| offer.data_set.to_string())
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakmywork_training::data::{Content, Splits};

    #[test]
    fn what_is_damaged_is_not_offered_and_hides_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path().to_owned());
        assert_eq!(look(&store), (Vec::new(), Vec::new()));
        for name in ["whole", "short", "odd"] {
            let text = |word: &str| format!("{name} {word}\n");
            let content = Content::Text(Splits {
                train: text("a"),
                valid: text("b"),
                test: text("c"),
            });
            let reference = name.parse().expect("a name");
            store
                .add(&reference, &content, Vec::new(), Vec::new())
                .expect("adds");
        }
        assert_eq!(look(&store).0.len(), 3);
        let file = |name: &str| folder.path().join(name);
        std::fs::write(file("short/1/valid.txt"), "s").expect("writes");
        std::fs::write(file("odd/1/manifest.json"), "{}").expect("writes");
        let (offers, mut damages) = look(&store);
        assert_eq!(names(&offers), "whole@1");
        damages.sort();
        assert_eq!(damages.len(), 2);
        assert!(damages[0].contains("odd/1/manifest.json is damaged"));
        assert!(damages[1].contains("short/1/valid.txt is damaged: it has 1 bytes"));
    }
}
