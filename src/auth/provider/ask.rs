//! What a provider is asked: where to send a browser, and who came back.

use super::{Kind, Provider, github, http::Http, is_safe, openid};
use crate::auth::secret;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, Semaphore, oneshot};

/// Requests to providers at once, whoever waits for them.
const AT_ONCE: usize = 8;
/// How long what a provider says of itself is good.
const GOOD_FOR: Duration = Duration::from_secs(60 * 60);
/// How long a provider that did not answer is not asked again.
const AWAY_FOR: Duration = Duration::from_secs(10);
/// How old its keys have to be before an unknown one makes them be read again.
const KEYS_STAY: Duration = Duration::from_secs(60);

/// Why a provider did not say who somebody is. What is inside is for the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Trouble {
    /// It does not answer, or says that it cannot.
    #[error("away: {0}")]
    Away(String),
    /// What it said does not hold.
    #[error("refused: {0}")]
    Refused(String),
}

/// Somebody, as a provider knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its number or name for them, which it gives to nobody else.
    pub subject: String,
    /// What it calls them; empty if it does not say.
    pub shown: String,
}

/// With what a browser is sent to a provider; random, and good once.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Comes back in the address.
    pub state: String,
    /// Comes back in what is signed.
    pub nonce: String,
    /// Goes with the code; its hash went before.
    pub verifier: String,
}

impl Asked {
    /// Another one.
    pub fn new() -> Self {
        Self {
            state: secret::random_hex(),
            nonce: secret::random_hex(),
            verifier: secret::random_hex(),
        }
    }
}

impl Default for Asked {
    fn default() -> Self {
        Self::new()
    }
}

/// What a provider says of itself, and when it was asked.
type Known = (Instant, Result<Arc<openid::Metadata>, Trouble>);

/// Where that is kept; held while it is asked.
type Slot = Arc<Mutex<Option<Known>>>;

/// Asks providers; cheap to clone.
#[derive(Debug, Clone)]
pub struct Asking {
    http: Http,
    at_once: Arc<Semaphore>,
    known: Arc<std::sync::Mutex<HashMap<String, Slot>>>,
}

impl Default for Asking {
    fn default() -> Self {
        Self {
            http: Http::default(),
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            known: Arc::default(),
        }
    }
}

impl Asking {
    /// Where a browser is sent; it comes back to `back`.
    ///
    /// # Errors
    /// If the provider does not say where.
    pub async fn address(
        &self,
        provider: &Provider,
        asked: &Asked,
        back: &str,
    ) -> Result<String, Trouble> {
        let address = match provider.kind {
            Kind::GitHub => github::address(provider, asked, back),
            Kind::OpenId => {
                let metadata = self.metadata(provider, GOOD_FOR).await?;
                openid::address(provider, &metadata, asked, back)?
            }
        };
        match is_safe(&address) {
            true => Ok(address),
            false => Err(Trouble::Refused("it sends people to http".to_owned())),
        }
    }

    /// Who came back with a code.
    ///
    /// # Errors
    /// If the provider does not answer, or what it says does not hold.
    pub async fn identity(
        &self,
        provider: &Provider,
        asked: Asked,
        code: String,
        back: &str,
    ) -> Result<Identity, Trouble> {
        let (http, owned, back) = (self.http.clone(), provider.clone(), back.to_owned());
        let identity = match provider.kind {
            Kind::GitHub => {
                let ask = move || github::identity(&http, &owned, &asked, &code, &back);
                self.aside(ask).await?
            }
            Kind::OpenId => {
                let metadata = self.metadata(provider, GOOD_FOR).await?;
                let nonce = asked.nonce.clone();
                let known = Arc::clone(&metadata);
                let ask = move || openid::answer(&http, &owned, &known, asked, code, &back);
                let answer = self.aside(ask).await?;
                if answer.is_of_known_key(provider, &metadata) {
                    answer.identity(provider, &metadata, nonce)?
                } else {
                    // It signs with another key than an hour ago.
                    let metadata = self.metadata(provider, KEYS_STAY).await?;
                    answer.identity(provider, &metadata, nonce)?
                }
            }
        };
        let length = identity.subject.chars().count();
        if !(1..=255).contains(&length) || identity.subject.contains('\0') {
            return Err(Trouble::Refused("its number for the person is odd".into()));
        }
        Ok(identity)
    }

    /// What a provider says of itself: asked once, however many wait for it, and not again too soon where it does not answer.
    async fn metadata(
        &self,
        provider: &Provider,
        good_for: Duration,
    ) -> Result<Arc<openid::Metadata>, Trouble> {
        let slot = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(provider.slug.clone()).or_default())
        };
        let mut slot = slot.lock().await;
        if let Some((since, found)) = slot.as_ref() {
            let good_for = if found.is_ok() { good_for } else { AWAY_FOR };
            if since.elapsed() < good_for {
                return found.clone();
            }
        }
        let (http, owned) = (self.http.clone(), provider.clone());
        let found = self.aside(move || openid::metadata(&http, &owned)).await;
        let found = found.map(Arc::new);
        if let Err(trouble) = &found {
            tracing::warn!(
                provider = provider.slug,
                "a provider says nothing of itself: {trouble}"
            );
        }
        *slot = Some((Instant::now(), found.clone()));
        found
    }

    /// Works on a thread of its own, which a stopping server does not wait for.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let busy = || Trouble::Away("too much to do".to_owned());
        let turn = Arc::clone(&self.at_once).acquire_owned().await;
        let turn = turn.map_err(|_| busy())?;
        let (tell, told) = oneshot::channel();
        let thread = std::thread::Builder::new().name("provider".to_owned());
        let spawned = thread.spawn(move || {
            let _held = turn;
            tell.send(work())
        });
        spawned.map_err(|_| busy())?;
        told.await.map_err(|_| busy())?
    }
}
