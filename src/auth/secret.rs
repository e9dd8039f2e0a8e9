//! Random secrets, and the hashes of them that are stored.

use sha2::{Digest, Sha256};

/// 32 random bytes in hexadecimal: what a cookie or token carries.
pub fn random_hex() -> String {
    let mut bytes = [0; 32];
    fill(&mut bytes);
    hex::encode(bytes)
}

/// Random bytes that nobody can guess.
pub(crate) fn fill(bytes: &mut [u8]) {
    // The operating system's generator does not fail once it is up; going on without it would be worse than stopping.
    getrandom::fill(bytes).expect("the operating system gives random bytes");
}

/// What is stored of a secret. A plain hash is enough for 256 random bits.
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_hash_to_32_bytes() {
        let (one, other) = (random_hex(), random_hex());
        assert_eq!(one.len(), 64);
        assert_ne!(one, other);
        assert_ne!(hash(&one), hash(&other));
    }
}
