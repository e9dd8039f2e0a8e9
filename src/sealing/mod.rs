//! Secrets that have to be used, and so cannot be kept as hashes, stand in the database sealed with a key that is not there:
//! who reads a dump computes no codes with them and signs nothing.
//!
//! Sealed is what ChaCha20-Poly1305 (RFC 8439) makes of it: a byte for this form, eight that name the key, a nonce, the secret
//! encrypted, and a tag. What kind of secret it is and whose goes into the tag, so it opens in no other row. Without a key
//! secrets stand there as they are, and both forms are read always.

pub mod at_rest;
mod keys;

pub use keys::{Keys, make};

use crate::auth::secret;
use breakmywork_protocol::id::AccountId;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::fmt;

/// The first byte of what is sealed.
const FORM: u8 = 1;
const ID_LEN: usize = 8;
const HEAD_LEN: usize = 1 + ID_LEN + NONCE_LEN;
/// By how much what is sealed is longer.
const OVERHEAD: usize = HEAD_LEN + 16;

/// A secret that the database keeps sealed.
pub trait Sealable: Sized {
    /// What kind it is; nothing that was sealed as another kind opens as this one.
    const KIND: &'static str;
    /// How many bytes it has, always; fewer than sealing adds, so that its length says whether it is sealed.
    const LEN: usize;
    /// Its bytes.
    fn bytes(&self) -> &[u8];
    /// The one of these bytes; none of another length.
    fn of_bytes(bytes: &[u8]) -> Option<Self>;
}

/// A secret as the database has it: sealed, or in clear where there was no key.
#[derive(Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct Stored(Vec<u8>);

impl Stored {
    /// What goes into the database.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What key it is sealed with; none if it stands there in clear.
    pub fn key(&self) -> Option<KeyId> {
        let id = self.0.get(1..=ID_LEN)?;
        (self.0.len() > OVERHEAD).then_some(KeyId(id.try_into().ok()?))
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stored(…)")
    }
}

/// What names a key: the first bytes of its SHA-256, from which nobody learns anything of 256 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId([u8; ID_LEN]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Why a secret does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// It is sealed with a key that was not given.
    #[error("a secret is sealed with the key {0}, which is not in the file of --secret-key-file")]
    NoKey(KeyId),
    /// It was changed, or is of another row.
    #[error("a secret in the database was changed, or is of another row")]
    Spoilt,
}

impl Keys {
    /// As it is to be stored: sealed with the first key, or as it is where there is none.
    ///
    /// Nonces are random: 96 bits are good for four thousand million secrets of one key (NIST SP 800-38D, 8.3), and each
    /// account has a handful.
    pub fn seal<S: Sealable>(&self, owner: AccountId, secret: &S) -> Stored {
        const { assert!(S::LEN < OVERHEAD, "its length says whether it is sealed") };
        let Some(key) = self.first() else {
            return Stored(secret.bytes().to_vec());
        };
        let mut nonce = [0; NONCE_LEN];
        secret::fill(&mut nonce);
        let mut sealed = vec![FORM];
        sealed.extend_from_slice(&key.id.0);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(secret.bytes());
        let tag = cipher(&key.bytes)
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                bound_to::<S>(owner),
                &mut sealed[HEAD_LEN..],
            )
            .expect("only what is longer than 256 GB is not sealed");
        sealed.extend_from_slice(tag.as_ref());
        Stored(sealed)
    }

    /// The secret that was stored so.
    ///
    /// # Errors
    /// If its key was not given, or it was not sealed as that and for that owner.
    pub fn open<S: Sealable>(&self, owner: AccountId, stored: &Stored) -> Result<S, Unopened> {
        let Some(id) = stored.key() else {
            return S::of_bytes(&stored.0).ok_or(Unopened::Spoilt);
        };
        let key = self.find(id).ok_or(Unopened::NoKey(id))?;
        let (head, sealed) = stored.0.split_at(HEAD_LEN);
        let (form, nonce) = (head[0], &head[1 + ID_LEN..]);
        if form != FORM {
            return Err(Unopened::Spoilt);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unopened::Spoilt)?;
        let mut sealed = sealed.to_vec();
        let opened = cipher(&key.bytes)
            .open_in_place(nonce, bound_to::<S>(owner), &mut sealed)
            .map_err(|_| Unopened::Spoilt)?;
        S::of_bytes(opened).ok_or(Unopened::Spoilt)
    }
}

fn cipher(key: &[u8; keys::KEY_LEN]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).expect("a key of that length"))
}

/// What kind it is, and whose. Not which row of its owner's: who could exchange those could as well put old ones back.
fn bound_to<S: Sealable>(owner: AccountId) -> Aad<Vec<u8>> {
    Aad::from(format!("{FORM}:{}:{owner}", S::KIND).into_bytes())
}

#[cfg(test)]
mod tests;
