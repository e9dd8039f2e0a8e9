//! Passwords: what is accepted, and how they are hashed.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;

/// OWASP's argon2id setting: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes at once: a flood of sign-ins takes at most four times 19 MiB and four threads.
const AT_ONCE: usize = 4;

const SHORTEST: usize = 8;
const LONGEST: usize = 128;

/// The passwords of eight characters and more that lead every list of leaked ones.
const COMMON: &str = include_str!("common_passwords.txt");

/// Verified when there is no such account, so that the answer takes as long.
static DUMMY: LazyLock<String> =
    LazyLock::new(|| hash_now("a password nobody has").unwrap_or_default());

/// Hashes and verifies passwords away from the request threads, a few at a time.
#[derive(Debug, Clone)]
pub struct Passwords(Arc<Semaphore>);

/// Hashing failed; says nothing about the password.
#[derive(Debug, thiserror::Error)]
#[error("a password could not be hashed: {0}")]
pub struct HashError(String);

impl Passwords {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }

    /// argon2id in PHC form.
    pub async fn hash(&self, password: String) -> Result<String, HashError> {
        self.run(move || hash_now(&password)).await?
    }

    /// Whether the password belongs to the hash. Without a hash the work is done all the same, and the answer is no.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, HashError> {
        self.run(move || {
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
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let permit = Arc::clone(&self.0)
            .acquire_owned()
            .await
            .map_err(|error| HashError(error.to_string()))?;
        tokio::task::spawn_blocking(move || {
            // Held until the work is done, even if the asker has gone.
            let _permit = permit;
            work()
        })
        .await
        .map_err(|error| HashError(error.to_string()))
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
        .map_err(|error| HashError(error.to_string()))
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
    let lower = password.to_lowercase();
    if COMMON.lines().any(|common| common == lower) {
        return Err(
            "This password is on the lists that guessers try first. Choose another one.".to_owned(),
        );
    }
    if !name.is_empty() && lower.contains(name) && length < name.len() + 6 {
        return Err("The password is nearly the name. Choose another one.".to_owned());
    }
    let mut letters = lower.chars();
    let first = letters.next();
    if letters.all(|letter| Some(letter) == first) {
        return Err("One character many times is no password. Choose another one.".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_refused_with_a_reason() {
        assert!(check("short", "ada").is_err());
        assert!(check("password1", "ada").is_err());
        assert!(check("Password1", "ada").is_err());
        assert!(check("ada-love1", "ada-love").is_err());
        assert!(check("aaaaaaaaaaaa", "ada").is_err());
        assert!(check(&"x1".repeat(65), "ada").is_err());
        assert_eq!(check("correct horse battery", "ada"), Ok(()));
    }

    #[tokio::test]
    async fn verifies_only_the_right_password() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse".into()).await.expect("hash");
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let verify = |word: &str, hash: Option<String>| passwords.verify(word.into(), hash);
        assert!(
            verify("correct horse", Some(hash.clone()))
                .await
                .expect("ran")
        );
        assert!(!verify("wrong horse", Some(hash)).await.expect("ran"));
        assert!(!verify("a password nobody has", None).await.expect("ran"));
    }
}
