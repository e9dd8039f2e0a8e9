//! Passwords: what is accepted, and how they are hashed.

use crate::address::Origin;
use crate::error::Error;
use crate::share::Shares;
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use breakmywork_protocol::visible;
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;

/// OWASP's argon2id setting: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes at once: a flood of sign-ins takes at most four times 19 MiB and four threads.
const AT_ONCE: usize = 4;

/// Passwords that one address may have in hand, so that a flood from there leaves room for everybody else.
const OF_ONE: usize = 4;

/// Passwords that wait from places where nobody has signed in before: two or three seconds of work on two cores.
const WAITING: usize = 64;

/// Seconds after which somebody who found the queue full tries again.
const RETRY_AFTER: u32 = 3;

const SHORTEST: usize = 8;
const LONGEST: usize = 128;

/// Longest password that is looked at, in bytes; longer ones cannot have been accepted at sign-up.
pub const LONGEST_BYTES: usize = 4 * LONGEST;

/// Fewest guesses that a password must withstand: two months at the limit of one address.
const GUESSES: u64 = 1_000_000;

/// Verified when there is no such account, so that the answer takes as long.
static DUMMY: LazyLock<String> =
    LazyLock::new(|| hash_now("a password nobody has").unwrap_or_default());

/// Hashes and verifies passwords away from the request threads, a few at a time.
#[derive(Debug, Clone)]
pub struct Passwords {
    at_once: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    shares: Shares<Origin>,
}

/// For whom a password is hashed.
#[derive(Debug, Clone, Copy)]
pub struct Asker {
    /// Where the request comes from.
    pub origin: Origin,
    /// Whether this browser has signed in with the account before: then strangers cannot fill the queue before it.
    pub known: bool,
}

/// Why a password was not hashed; says nothing about the password.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// One address has too many in hand.
    #[error("too many passwords from one address at once")]
    TooMany,
    /// Too many wait.
    #[error("too many passwords wait")]
    Busy,
    /// It failed.
    #[error("a password could not be hashed: {0}")]
    Failed(String),
}

impl From<HashError> for Error {
    fn from(error: HashError) -> Self {
        match error {
            HashError::TooMany => Self::TooMany {
                detail: format!(
                    "Too many people sign in from your address at this moment. Try again in {RETRY_AFTER} s."
                ),
                retry_after: RETRY_AFTER,
            },
            HashError::Busy => Self::Busy {
                detail: format!(
                    "Too many people sign in at this moment. Try again in {RETRY_AFTER} s."
                ),
                retry_after: RETRY_AFTER,
            },
            HashError::Failed(_) => Self::internal(error),
        }
    }
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self {
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Arc::new(Semaphore::new(WAITING)),
            shares: Shares::new(OF_ONE),
        }
    }

    /// argon2id in PHC form.
    ///
    /// # Errors
    /// If too many are in hand already.
    pub async fn hash(&self, asker: Asker, password: String) -> Result<String, HashError> {
        self.run(asker, move || hash_now(&password)).await?
    }

    /// Whether the password belongs to the hash. Without a hash the work is done all the same, and the answer is no.
    ///
    /// # Errors
    /// If too many are in hand already.
    pub async fn verify(
        &self,
        asker: Asker,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, HashError> {
        self.run(asker, move || {
            let stored = hash.as_deref().unwrap_or(&DUMMY);
            let matches = PasswordHash::new(stored).is_ok_and(|stored| {
                argon2()
                    .verify_password(password.as_bytes(), &stored)
                    .is_ok()
            });
            matches && hash.is_some()
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        asker: Asker,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let share = self.shares.take(&asker.origin).ok_or(HashError::TooMany)?;
        let place = match asker.known {
            true => None,
            false => Some(
                Arc::clone(&self.waiting)
                    .try_acquire_owned()
                    .map_err(|_| HashError::Busy)?,
            ),
        };
        let turn = Arc::clone(&self.at_once)
            .acquire_owned()
            .await
            .map_err(|error| HashError::Failed(error.to_string()))?;
        tokio::task::spawn_blocking(move || {
            // Held until the work is done, even if the asker has gone.
            let _held = (share, place, turn);
            work()
        })
        .await
        .map_err(|error| HashError::Failed(error.to_string()))
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// argon2id in PHC form, on this thread: for the command line.
pub fn hash_now(password: &str) -> Result<String, HashError> {
    argon2()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| HashError::Failed(error.to_string()))
}

/// Checks a password that somebody wants, and says what would be right.
pub fn check(password: &str, name: &str) -> Result<(), String> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Err(format!(
            "A password has at least {SHORTEST} characters; a few words in a row are easy to remember."
        ));
    }
    if length > LONGEST {
        return Err(format!("A password has at most {LONGEST} characters."));
    }
    if !visible::is_there(password) {
        return Err("Blanks alone are no password. Choose another one.".to_owned());
    }
    // Blanks and case are the first things that guessers vary.
    let bare: String = password.to_lowercase().split_whitespace().collect();
    let estimate = [password, &bare]
        .map(|tried| zxcvbn::zxcvbn(tried, &[name, "breakmywork", "break my work"]))
        .into_iter()
        .min_by_key(zxcvbn::Entropy::guesses);
    let weak = estimate.filter(|estimate| estimate.guesses() < GUESSES);
    if let Some(estimate) = weak {
        let why = estimate
            .feedback()
            .and_then(|feedback| feedback.warning())
            .map_or_else(String::new, |warning| format!("{warning} "));
        return Err(format!(
            "{why}It is among the first that guessers try. Choose another one: a few words in a row are easy to remember."
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(known: bool) -> Asker {
        Asker {
            origin: Origin::of([192, 0, 2, 1].into()),
            known,
        }
    }

    #[test]
    fn weak_passwords_are_refused_with_a_reason() {
        for weak in [
            "short",
            "password1",
            "Password1",
            "passw0rd123",
            "ada-love1",
            "breakmywork",
            "breakmywork1",
            "break my work",
            "11111112",
            "12345678",
            "87654321",
            "abcdefgh",
            "abcabcabc",
            "aaaaaaaaaaaa",
            "qwertyuiop",
            "1q2w3e4r",
            "iloveyou",
            "        ",
            "        a",
            "p a s s w o r d",
            "2024-01-01",
        ] {
            assert!(check(weak, "ada-love").is_err(), "{weak:?}");
        }
        assert!(check(&"x1".repeat(65), "ada").is_err());
        for good in [
            "correct horse battery",
            "another good phrase",
            "korrektes Pferd",
            "Zq8!mv2Lp#",
            "3f9a1c77d0be42a6b1c3d5e7",
        ] {
            assert_eq!(check(good, "ada"), Ok(()), "{good:?}");
        }
    }

    #[tokio::test]
    async fn one_address_cannot_fill_the_queue() {
        let passwords = Passwords::new();
        let tries = (0..40).map(|_| passwords.verify(asker(false), "guess".into(), None));
        let answers = futures_util::future::join_all(tries).await;
        let hashed = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(hashed, OF_ONE);
        assert!(
            answers
                .iter()
                .any(|answer| matches!(answer, Err(HashError::TooMany)))
        );
    }

    #[tokio::test]
    async fn a_full_queue_says_so_to_strangers_alone() {
        let passwords = Passwords::new();
        let full = passwords.waiting.acquire_many(WAITING as u32).await;
        let answer = passwords.hash(asker(false), "guess".into()).await;
        assert!(matches!(answer, Err(HashError::Busy)));
        let answer = passwords.hash(asker(true), "correct horse".into()).await;
        assert!(answer.is_ok());
        drop(full);
        let answer = passwords.hash(asker(false), "guess".into()).await;
        assert!(answer.is_ok());
    }

    #[tokio::test]
    async fn verifies_only_the_right_password() {
        let passwords = Passwords::new();
        let hash = passwords
            .hash(asker(false), "correct horse".into())
            .await
            .expect("hash");
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let verify =
            |word: &str, hash: Option<String>| passwords.verify(asker(false), word.into(), hash);
        assert!(
            verify("correct horse", Some(hash.clone()))
                .await
                .expect("ran")
        );
        assert!(!verify("wrong horse", Some(hash)).await.expect("ran"));
        assert!(!verify("a password nobody has", None).await.expect("ran"));
    }
}
