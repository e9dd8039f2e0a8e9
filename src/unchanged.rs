//! Answers to visitors, given again for as long as nothing was written: a page that did not change costs one small
//! query, which those who ask at the same moment share.
//!
//! A snapshot says which transactions of the database have ended. While it is the same, so is whatever is read, so an
//! answer is given again only if a snapshot taken after it was asked for is the one from before it was drawn. This holds
//! for any number of web processes, and whoever writes need not know of it.
//!
//! What answers without looking who asks ([`Looked`]) gives everybody what it gives visitors, so a script with a token gets
//! that, too.
//!
//! Where people write all the time, every look would draw the page. Visitors then get it a little late
//! ([`Unchanged::late`]); scripts, which look at what they have just written, never do.

use axum::{
    body::{Body, Bytes, to_bytes},
    http::{Extensions, HeaderValue, StatusCode, header, response::Parts},
    response::{IntoResponse, Response},
};
use breakmywork_protocol::record::Head;
use lru::LruCache;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use std::{
    collections::HashSet,
    future::Future,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// An answer is given again for this long at most: pages tell times to the second, and some of what they show is looked
/// up aside.
const LONGEST: Duration = Duration::from_secs(5);

/// Answers that are held at once; those that nobody asked for longest go first.
const HELD: NonZeroUsize = NonZeroUsize::new(256).expect("is not 0");

/// Larger answers, in bytes, are not held.
const LARGEST: usize = 256 * 1024;

/// What was asked for, in all that an answer to a visitor may depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    /// Path and query.
    pub address: String,
    /// Whether the answer may be compressed.
    pub gzip: bool,
}

/// In the extensions of a request: whether anything has looked who asks.
#[derive(Debug, Clone, Default)]
pub struct Looked(Arc<AtomicBool>);

impl Looked {
    /// Notes that somebody looks.
    pub fn note(extensions: &Extensions) {
        if let Some(Self(looked)) = extensions.get::<Self>() {
            looked.store(true, Ordering::Relaxed);
        }
    }

    /// Whether anybody has.
    pub fn at_all(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The answers that are held; cheap to clone.
#[derive(Debug, Clone)]
pub struct Unchanged(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// How old an answer may be that was drawn again so soon after it was drawn.
    late: Duration,
    seen: tokio::sync::Mutex<Option<Seen>>,
    slots: Mutex<LruCache<Asked, Arc<Slot>>>,
    /// Routes that answer without looking who asks: as many as there are at most.
    for_all: Mutex<HashSet<String>>,
}

/// The place of one answer.
#[derive(Debug, Default)]
struct Slot {
    /// Whoever draws it holds this, and who asked meanwhile waits.
    drawing: tokio::sync::Mutex<()>,
    held: Mutex<Option<Arc<Held>>>,
}

/// A snapshot, none if the database did not tell; and when it was asked for one.
#[derive(Debug)]
struct Seen {
    begun: Instant,
    snapshot: Option<Arc<str>>,
}

/// What answers depend on: the database, and where the record ended as far as this process knows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Moment {
    snapshot: Arc<str>,
    head: Option<Head>,
}

/// An answer, and from before which moment on it was drawn.
#[derive(Debug)]
struct Held {
    moment: Moment,
    begun: Instant,
    /// How soon after the one before it; none if it is the first.
    after: Option<Duration>,
    parts: Parts,
    body: Bytes,
}

impl Default for Unchanged {
    /// Answers that are never late.
    fn default() -> Self {
        Self::late(Duration::ZERO)
    }
}

impl Unchanged {
    /// Answers that visitors get up to `late` after something was written, where they were drawn twice within that time.
    pub fn late(late: Duration) -> Self {
        Self(Arc::new(Inner {
            late,
            seen: tokio::sync::Mutex::default(),
            slots: Mutex::new(LruCache::new(HELD)),
            for_all: Mutex::default(),
        }))
    }

    /// What `draw` answers now: as it was drawn before if nothing was written since, else drawn by whoever asks first.
    /// Only successes are held, and none that sets a cookie or may not be kept. Where it changes all the time, who
    /// `may_be_late` gets it as it was.
    pub async fn answer(
        &self,
        pool: &PgPool,
        head: Option<Head>,
        asked: Asked,
        may_be_late: bool,
        draw: impl Future<Output = Response>,
    ) -> Response {
        let slot = self.slot(asked);
        if may_be_late
            && let Some(held) = slot.held()
            && held.may_be_late(self.0.late, slot.is_being_drawn())
        {
            return held.response();
        }
        let since = Instant::now();
        let Some(snapshot) = self.snapshot(pool).await else {
            // Drawing fails by itself and says why, or the database is back.
            return draw.await;
        };
        let moment = Moment { snapshot, head };
        let _drawing = slot.drawing.lock().await;
        let before = slot.held();
        if let Some(held) = &before
            && held.serves(&moment, since)
        {
            return held.response();
        }
        let begun = Instant::now();
        let (mut parts, body) = draw.await.into_parts();
        if !may_be_held(&parts) {
            slot.hold(None);
            return Response::from_parts(parts, body);
        }
        let body = match to_bytes(body, usize::MAX).await {
            Ok(body) => body,
            Err(error) => return crate::error::Error::internal(error).into_response(),
        };
        // What names its version itself has the same one compressed.
        if !parts.headers.contains_key(header::ETAG) {
            parts.headers.insert(header::ETAG, version(&body));
        }
        let new = Held {
            moment,
            begun,
            after: before.map(|before| begun - before.begun),
            parts,
            body,
        };
        let response = new.response();
        slot.hold((new.body.len() <= LARGEST).then(|| Arc::new(new)));
        response
    }

    /// Whether a route is known to answer without looking who asks.
    pub fn is_for_all(&self, route: &str) -> bool {
        let for_all = (self.0.for_all.lock()).unwrap_or_else(PoisonError::into_inner);
        for_all.contains(route)
    }

    /// Remembers that a route has answered without looking who asks: what a handler looks at is the same each time.
    pub fn found_for_all(&self, route: &str) {
        let mut for_all = (self.0.for_all.lock()).unwrap_or_else(PoisonError::into_inner);
        for_all.insert(route.to_owned());
    }

    /// A snapshot that was taken after this was called.
    async fn snapshot(&self, pool: &PgPool) -> Option<Arc<str>> {
        let asked = Instant::now();
        let mut seen = self.0.seen.lock().await;
        if let Some(seen) = seen.as_ref().filter(|seen| seen.begun >= asked) {
            return seen.snapshot.clone();
        }
        let begun = Instant::now();
        let snapshot = sqlx::query_scalar!(r#"select pg_current_snapshot()::text as "now!""#)
            .fetch_one(pool)
            .await;
        let snapshot = snapshot.ok().map(Arc::from);
        *seen = Some(Seen {
            begun,
            snapshot: snapshot.clone(),
        });
        snapshot
    }

    fn slot(&self, asked: Asked) -> Arc<Slot> {
        let mut slots = self.0.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.get_or_insert(asked, Arc::default).clone()
    }
}

impl Slot {
    fn held(&self) -> Option<Arc<Held>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.clone()
    }

    fn hold(&self, new: Option<Arc<Held>>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = new;
    }

    fn is_being_drawn(&self) -> bool {
        self.drawing.try_lock().is_err()
    }
}

impl Held {
    /// Whether it is what would be drawn now: nothing was written, or it was begun after somebody asked at `since`.
    fn serves(&self, moment: &Moment, since: Instant) -> bool {
        self.begun >= since || (self.moment == *moment && self.begun.elapsed() < LONGEST)
    }

    /// Whether visitors get it whatever was written since: it was drawn again within that time. After half of it the next
    /// one who asks draws it, and the others need not wait for that.
    fn may_be_late(&self, late: Duration, is_being_drawn: bool) -> bool {
        let changes_all_the_time = self.after.is_some_and(|after| after < late);
        let longest = if is_being_drawn { late } else { late / 2 };
        changes_all_the_time && self.begun.elapsed() < longest
    }

    fn response(&self) -> Response {
        Response::from_parts(self.parts.clone(), Body::from(self.body.clone()))
    }
}

fn may_be_held(parts: &Parts) -> bool {
    let cache = parts.headers.get(header::CACHE_CONTROL);
    let private = cache.is_some_and(|cache| cache.as_bytes().starts_with(b"no-store"));
    parts.status == StatusCode::OK && !private && !parts.headers.contains_key(header::SET_COOKIE)
}

/// The name of this version of an answer, so that who has it need not get it again.
pub fn version(body: &[u8]) -> HeaderValue {
    let hash = hex::encode(&Sha256::digest(body)[..16]);
    HeaderValue::try_from(format!("W/\"{hash}\"")).unwrap_or(HeaderValue::from_static("*"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::see_other;

    fn moment(snapshot: &str) -> Moment {
        Moment {
            snapshot: snapshot.into(),
            head: None,
        }
    }

    #[test]
    fn an_answer_is_given_again_while_nothing_was_written_and_for_a_while() {
        let begun = Instant::now() - LONGEST / 2;
        let mut held = Held {
            moment: moment("1:1:"),
            begun,
            after: None,
            parts: Response::new(()).into_parts().0,
            body: Bytes::new(),
        };
        let later = Instant::now();
        assert!(held.serves(&moment("1:1:"), later));
        assert!(!held.serves(&moment("1:2:1"), later), "something is new");
        assert!(
            held.serves(&moment("1:2:1"), begun),
            "it was drawn for them"
        );
        let head = Head {
            seq: 1,
            hash: "a".into(),
        };
        let told = Moment {
            head: Some(head),
            ..moment("1:1:")
        };
        assert!(
            !held.serves(&told, later),
            "the record's end is on the page"
        );
        held.begun = begun - LONGEST;
        assert!(!held.serves(&moment("1:1:"), later), "it tells the time");
    }

    #[test]
    fn what_is_drawn_all_the_time_may_be_late_and_nothing_else() {
        let late = Duration::from_secs(100);
        let mut held = Held {
            moment: moment("1:1:"),
            begun: Instant::now() - late / 4,
            after: None,
            parts: Response::new(()).into_parts().0,
            body: Bytes::new(),
        };
        assert!(!held.may_be_late(late, true), "it was drawn once");
        held.after = Some(late);
        assert!(!held.may_be_late(late, true), "the one before is long ago");
        held.after = Some(late / 2);
        assert!(held.may_be_late(late, false));
        assert!(!held.may_be_late(Duration::ZERO, true), "nothing ever is");
        held.begun -= late / 2;
        assert!(!held.may_be_late(late, false), "somebody draws it");
        assert!(held.may_be_late(late, true), "somebody is drawing it");
        held.begun -= late / 2;
        assert!(!held.may_be_late(late, true), "it is too old");
    }

    #[test]
    fn what_is_private_or_no_success_is_not_held() {
        let held = |response: Response| may_be_held(&response.into_parts().0);
        assert!(held("a page".into_response()));
        assert!(!held(([(header::SET_COOKIE, "a=b")], "").into_response()));
        assert!(!held(
            ([(header::CACHE_CONTROL, "no-store")], "").into_response()
        ));
        assert!(!held(StatusCode::NOT_FOUND.into_response()));
        assert!(!held(see_other("/")));
    }

    #[test]
    fn no_more_than_so_many_answers_are_held() {
        let answers = Unchanged::default();
        let asked = |number: usize| Asked {
            address: number.to_string(),
            gzip: false,
        };
        let first = answers.slot(asked(0));
        assert!(Arc::ptr_eq(&first, &answers.slot(asked(0))));
        for number in 1..=HELD.get() {
            answers.slot(asked(number));
        }
        assert_eq!(answers.0.slots.lock().expect("whole").len(), HELD.get());
        assert!(!Arc::ptr_eq(&first, &answers.slot(asked(0))), "it went");
    }
}
