//! Who is connected. When all places are taken, a newcomer gets the place of who has waited idly for the longest.

use crate::address::Origin;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Descriptors that are kept for the database, files and logs.
const RESERVED: usize = 192;

/// Most connections, whatever the system allows.
const MOST: usize = 8_192;

/// An answer that takes longer than this may be cut off for a newcomer: a live stream, which the browser opens again,
/// or somebody who asks and does not read.
const LONG: Duration = Duration::from_secs(60);

/// The connections of a server.
#[derive(Debug, Clone)]
pub(super) struct Connections(Arc<Mutex<Registry>>);

#[derive(Debug)]
struct Registry {
    most: usize,
    /// Most of one origin, where origins tell clients apart.
    most_of_one: usize,
    next: u64,
    open: BTreeMap<u64, Open>,
    of: HashMap<Origin, usize>,
}

#[derive(Debug)]
struct Open {
    origin: Origin,
    /// Whether a request is being answered.
    busy: bool,
    /// Since when it is busy, or not.
    since: Instant,
    given_away: CancellationToken,
}

/// A connection's place; free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    id: u64,
    given_away: CancellationToken,
    connections: Connections,
}

/// A request is being answered, until dropped.
#[derive(Debug)]
pub(super) struct Busy {
    id: u64,
    connections: Connections,
}

impl Connections {
    /// As many as the descriptors allow. Behind a proxy all have one origin, so only without one has an origin a limit
    /// of its own: half of all.
    pub(super) fn new(descriptors: usize, origins_differ: bool) -> Self {
        let most = descriptors.saturating_sub(RESERVED).clamp(16, MOST);
        Self(Arc::new(Mutex::new(Registry {
            most,
            most_of_one: if origins_differ { most / 2 } else { most },
            next: 0,
            open: BTreeMap::new(),
            of: HashMap::new(),
        })))
    }

    /// A place for a new connection; none if all are taken by who cannot be sent away.
    pub(super) fn admit(&self, origin: Origin) -> Option<Place> {
        let mut registry = self.registry();
        registry.make_room(origin)?;
        let id = registry.next;
        registry.next += 1;
        *registry.of.entry(origin).or_insert(0) += 1;
        let given_away = CancellationToken::new();
        registry.open.insert(
            id,
            Open {
                origin,
                busy: false,
                since: Instant::now(),
                given_away: given_away.clone(),
            },
        );
        Some(Place {
            id,
            given_away,
            connections: self.clone(),
        })
    }

    fn mark(&self, id: u64, busy: bool) {
        if let Some(open) = self.registry().open.get_mut(&id) {
            open.busy = busy;
            open.since = Instant::now();
        }
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    /// Sends somebody away if there is no place for a newcomer of that origin; none if nobody can be.
    fn make_room(&mut self, origin: Origin) -> Option<()> {
        let from = if self.of.get(&origin).copied().unwrap_or(0) >= self.most_of_one {
            origin
        } else if self.open.len() >= self.most {
            // Who holds the most gives one up.
            *self.of.iter().max_by_key(|(_, held)| **held)?.0
        } else {
            return Some(());
        };
        let id = self
            .open
            .iter()
            .filter(|(_, open)| open.origin == from)
            .filter(|(_, open)| !open.busy || open.since.elapsed() > LONG)
            .max_by_key(|(id, open)| (!open.busy, open.since.elapsed(), Reverse(**id)))
            .map(|(id, _)| *id)?;
        self.remove(id)?.given_away.cancel();
        Some(())
    }

    fn remove(&mut self, id: u64) -> Option<Open> {
        let open = self.open.remove(&id)?;
        if let Some(held) = self.of.get_mut(&open.origin) {
            *held -= 1;
            if *held == 0 {
                self.of.remove(&open.origin);
            }
        }
        Some(open)
    }
}

impl Place {
    /// Cancelled when another connection gets the place.
    pub(super) fn given_away(&self) -> CancellationToken {
        self.given_away.clone()
    }

    /// Marks that a request is being answered.
    pub(super) fn busy(&self) -> Busy {
        self.connections.mark(self.id, true);
        Busy {
            id: self.id,
            connections: self.connections.clone(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.registry().remove(self.id);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.connections.mark(self.id, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn origin(number: u32) -> Origin {
        Origin::of(Ipv4Addr::from_bits(number).into())
    }

    /// Twenty places.
    fn connections(origins_differ: bool) -> Connections {
        Connections::new(RESERVED + 20, origins_differ)
    }

    #[test]
    fn who_waits_for_the_longest_makes_room() {
        let connections = connections(false);
        let places: Vec<Place> = (0..20)
            .map(|_| connections.admit(origin(1)).expect("room"))
            .collect();
        let _busy = places[0].busy();
        let newcomer = connections.admit(origin(1)).expect("room is made");
        assert!(!places[0].given_away.is_cancelled(), "it is being answered");
        assert!(places[1].given_away.is_cancelled());
        assert_eq!(
            places
                .iter()
                .filter(|place| place.given_away.is_cancelled())
                .count(),
            1
        );
        drop(places);
        drop(newcomer);
        assert!(connections.registry().open.is_empty() && connections.registry().of.is_empty());
    }

    #[test]
    fn one_origin_has_half_and_cannot_push_others_out() {
        let connections = connections(true);
        let quiet = connections.admit(origin(2)).expect("room");
        let mut places = Vec::new();
        for _ in 0..100 {
            places.push(connections.admit(origin(1)).expect("room"));
        }
        assert!(!quiet.given_away.is_cancelled());
        let left = |origin: Origin| connections.registry().of.get(&origin).copied();
        assert_eq!(left(origin(1)), Some(10));
        // Three more crowds: whoever holds the most makes room.
        for number in 3..6 {
            for _ in 0..10 {
                places.push(connections.admit(origin(number)).expect("room"));
            }
        }
        assert!(!quiet.given_away.is_cancelled());
        assert!(connections.registry().open.len() <= 20);
    }

    #[test]
    fn where_all_are_being_answered_a_newcomer_is_refused() {
        let connections = connections(false);
        let places: Vec<Place> = (0..20)
            .map(|_| connections.admit(origin(1)).expect("room"))
            .collect();
        let busy: Vec<Busy> = places.iter().map(Place::busy).collect();
        assert!(connections.admit(origin(2)).is_none());
        drop(busy);
        assert!(connections.admit(origin(2)).is_some());
    }
}
