//! Signatures of Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA-256 over name, time and body.

use crate::sealing::Sealable;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// What requests to one webhook are signed with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// A random one.
    pub fn new() -> Self {
        let mut bytes = [0; 32];
        crate::auth::secret::fill(&mut bytes);
        Self(bytes)
    }

    /// As its owner is shown it, once.
    pub fn shown(&self) -> String {
        format!("whsec_{}", base64(&self.0))
    }

    /// The signature of a request.
    pub fn sign(&self, message: &str, timestamp: i64, body: &[u8]) -> String {
        sign(&self.0, message, timestamp, body)
    }
}

/// Of the secret before, too: it is moved there as it is.
impl Sealable for Secret {
    const KIND: &'static str = "webhook.secret";
    const LEN: usize = 32;

    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn of_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl Default for Secret {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

fn sign(key: &[u8], message: &str, timestamp: i64, body: &[u8]) -> String {
    let mut code = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    code.update(format!("{message}.{timestamp}.").as_bytes());
    code.update(body);
    format!("v1,{}", base64(&code.finalize().into_bytes()))
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding (RFC 4648, 4).
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |place: usize| u32::from(chunk.get(place).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place > chunk.len() {
                '='
            } else {
                letter.into()
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    #[test]
    fn a_signature_is_that_of_standard_webhooks() {
        // Of the specification's reference libraries: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw.
        let key = hex::decode("31f290f6bf06298aab4f08d43c3f082cf648a362da2da4b0").expect("bytes");
        assert_eq!(base64(&key), "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert_eq!(
            sign(
                &key,
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                b"{\"test\": 2432232314}"
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_secret_is_random_and_in_no_log() {
        let secret = Secret::new();
        assert_ne!(secret, Secret::new());
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        let shown = secret.shown();
        assert_eq!(
            (shown.len(), shown.starts_with("whsec_")),
            (6 + 44, true),
            "{shown}"
        );
    }
}
