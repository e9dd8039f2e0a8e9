//! A browser that has signed in before: strangers' guesses do not make it wait.
//!
//! The cookie holds a random number and its code under a key that only the database has: the account's password hash.
//! So nothing is stored for it, it is worth nothing for another account, and it ends with the password.

use super::secret;
use crate::config::Settings;
use axum_extra::extract::{CookieJar, cookie::Cookie};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A year: as long as people remember that they signed in here.
const SECONDS: u32 = 365 * 24 * 60 * 60;

/// Names one browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Device([u8; 16]);

fn cookie_name(settings: &Settings) -> &'static str {
    if settings.https() {
        "__Host-breakmywork-device"
    } else {
        "breakmywork-device"
    }
}

impl Device {
    pub(super) fn new() -> Self {
        let mut bytes = [0; 16];
        secret::fill(&mut bytes);
        Self(bytes)
    }

    /// The device that a browser says it is, if the account with this name and password hash signed in on it.
    pub fn of(
        cookies: &CookieJar,
        settings: &Settings,
        name: &str,
        password_hash: &str,
    ) -> Option<Self> {
        let value = cookies.get(cookie_name(settings)).map(Cookie::value)?;
        let (bytes, code) = value.split_once('.')?;
        let device = Self(hex::decode(bytes).ok()?.try_into().ok()?);
        let code = hex::decode(code).ok()?;
        device.code(name, password_hash).verify_slice(&code).ok()?;
        Some(device)
    }

    /// The `Set-Cookie` that makes a browser known to an account.
    pub fn cookie(known: Option<Self>, settings: &Settings, name: &str, hash: &str) -> String {
        let device = known.unwrap_or_else(Self::new);
        let code = hex::encode(device.code(name, hash).finalize().into_bytes());
        let secure = if settings.https() { "; Secure" } else { "" };
        format!(
            "{}={}.{code}; Path=/; Max-Age={SECONDS}; HttpOnly; SameSite=Lax{secure}",
            cookie_name(settings),
            hex::encode(device.0),
        )
    }

    fn code(self, name: &str, password_hash: &str) -> Hmac<Sha256> {
        let mut code = Hmac::<Sha256>::new_from_slice(password_hash.as_bytes())
            .expect("HMAC takes keys of any length");
        code.update(&self.0);
        code.update(name.as_bytes());
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderMap, header};

    #[test]
    fn a_device_is_known_to_the_account_that_signed_in_on_it_and_to_no_other() {
        let settings = Settings::default();
        let cookie = Device::cookie(None, &settings, "ada", "$hash of ada");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"));
        let pair = cookie.split(';').next().expect("a value");
        let jar = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, value.parse().expect("a header"));
            CookieJar::from_headers(&headers)
        };
        let of = |jar: &CookieJar, name, hash| Device::of(jar, &settings, name, hash);
        let sent = jar(pair);
        let device = of(&sent, "ada", "$hash of ada");
        assert!(device.is_some());
        assert_eq!(of(&sent, "bob", "$hash of bob"), None);
        assert_eq!(of(&sent, "ada", "$another hash of ada"), None);
        let again = Device::cookie(device, &settings, "ada", "$hash of ada");
        assert_eq!(again, cookie, "it stays the same device");
        for bad in ["breakmywork-device=", "breakmywork-device=00.00", "x=y"] {
            assert_eq!(of(&jar(bad), "ada", "$hash of ada"), None, "{bad}");
        }
        assert_eq!(of(&jar(&format!("{pair}0")), "ada", "$hash of ada"), None);
    }
}
