//! How much of bodies that are still being sent is kept at once, in all and of one address: a client that sends all but the end
//! of many requests fills the memory with no more than that.

use crate::address::Origin;
use crate::error::Error;
use crate::state::AppState;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of all unfinished bodies.
const ALL: usize = 64 * 1024 * 1024;
/// Those of one address: sixty-four of the largest forms.
const OF_ONE: usize = 16 * 1024 * 1024;

/// What is kept at this moment.
#[derive(Debug, Clone, Default)]
pub struct Intake(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    all: usize,
    of: HashMap<Origin, usize>,
}

/// Where a request comes from, and what counts its body.
#[derive(Debug, Clone)]
pub struct Meter {
    intake: Intake,
    origin: Origin,
}

/// What is kept of one body; counted no more when dropped.
#[derive(Debug)]
pub struct Share {
    meter: Meter,
    bytes: usize,
}

impl Intake {
    fn held(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Meter {
    /// Begins a body.
    pub fn begin(&self) -> Share {
        Share {
            meter: self.clone(),
            bytes: 0,
        }
    }
}

impl Share {
    /// Counts the body with that many bytes from now on.
    ///
    /// # Errors
    /// If more is being sent than is kept.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), Error> {
        let more = bytes.saturating_sub(self.bytes);
        let mut kept = self.meter.intake.held();
        let of_it = kept.of.get(&self.meter.origin).copied().unwrap_or(0);
        if kept.all + more > ALL || of_it + more > OF_ONE {
            return Err(Error::Busy {
                detail: "Too many large requests are being sent at this moment, so this one was not read. Send it again in a few seconds.".to_owned(),
                retry_after: 5,
            });
        }
        kept.all += more;
        kept.of.insert(self.meter.origin, of_it + more);
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut kept = self.meter.intake.held();
        kept.all -= self.bytes;
        let of_it = kept.of.get(&self.meter.origin).copied().unwrap_or(0);
        match of_it - self.bytes {
            0 => kept.of.remove(&self.meter.origin),
            left => kept.of.insert(self.meter.origin, left),
        };
    }
}

/// Has the body of a request counted by whoever reads it.
pub async fn meter(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let proxies = state.settings.trusted_proxies;
    let origin = Origin::of_sender(request.extensions(), request.headers(), proxies);
    let intake = state.intake.clone();
    request.extensions_mut().insert(Meter { intake, origin });
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn meter(intake: &Intake, last: u8) -> Meter {
        Meter {
            intake: intake.clone(),
            origin: Origin::of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))),
        }
    }

    #[test]
    fn nobody_fills_the_memory_with_what_is_never_whole() {
        let intake = Intake::default();
        let one = meter(&intake, 1);
        let mut shares: Vec<Share> = (0..16).map(|_| one.begin()).collect();
        for share in &mut shares {
            share.grow_to(1000).expect("room");
            share.grow_to(OF_ONE / 16).expect("room");
        }
        assert!(one.begin().grow_to(1).is_err(), "one address has its part");
        let mut others = Vec::new();
        for last in 2..5 {
            let mut share = meter(&intake, last).begin();
            share.grow_to(OF_ONE).expect("room");
            others.push(share);
        }
        let mut late = meter(&intake, 9).begin();
        assert!(late.grow_to(1).is_err(), "and all together have theirs");
        shares.pop();
        late.grow_to(1000).expect("room again");
        drop((shares, others, late));
        let kept = intake.held();
        assert!(kept.all == 0 && kept.of.is_empty());
    }
}
