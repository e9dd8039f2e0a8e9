//! SHA-256 of texts and of JSON.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256 of a text, in hexadecimal.
pub fn text_digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// SHA-256 of a value's canonical JSON (RFC 8785), in hexadecimal. What the database makes of numbers in between (`1e17`
/// comes back as an integer) does not change it.
pub fn digest(value: &Value) -> String {
    text_digest(&canonical(value))
}

/// A value as canonical JSON (RFC 8785).
pub(super) fn canonical(value: &Value) -> String {
    serde_json_canonicalizer::to_string(value).expect("a JSON value is plain data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_through_the_database_changes_no_digest() {
        // As serde_json writes them, and as Postgres gives them back.
        for (ours, theirs) in [
            ("1e17", "100000000000000000"),
            ("1.0", "1.0"),
            ("1e-7", "0.0000001"),
            ("[2.5e20]", "[250000000000000000000]"),
        ] {
            let read = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
            assert_eq!(digest(&read(ours)), digest(&read(theirs)), "{ours}");
        }
    }
}
