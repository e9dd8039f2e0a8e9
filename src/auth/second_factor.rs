//! Codes of an app (TOTP, RFC 6238: SHA-1, six digits, half minutes, as every app has them), and codes on paper.

use super::secret;
use crate::render::html::Html;
use crate::sealing::Sealable;
use qrcode::{QrCode, render::svg};
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};
use totp_rs::{Builder, Totp};

/// Bytes of a secret: those of an SHA-1, as RFC 4226 recommends.
const SECRET_BYTES: usize = 20;

/// Codes on paper that somebody gets.
pub const RECOVERY_CODES: usize = 10;

/// Random bytes of one: ten, so that a plain hash of it can be stored.
const RECOVERY_BYTES: usize = 10;

/// Who asks for a code, as the app shows it.
const ISSUER: &str = "Break My Work";

/// From which both sides compute codes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret([u8; SECRET_BYTES]);

impl Secret {
    /// A random one.
    pub fn new() -> Self {
        let mut bytes = [0; SECRET_BYTES];
        secret::fill(&mut bytes);
        Self(bytes)
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

impl Sealable for Secret {
    const KIND: &'static str = "second_factor.secret";
    const LEN: usize = SECRET_BYTES;

    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn of_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

fn totp(name: &str, secret: &Secret) -> Totp {
    Builder::new()
        .with_secret(secret.0.to_vec())
        .with_issuer(Some(ISSUER))
        .with_account_name(name)
        .build()
        .expect("names have no colons, and secrets that length")
}

/// The secret as an app takes it that cannot see the picture, in groups of four.
pub fn typed(secret: &Secret) -> String {
    grouped(&totp("-", secret).secret().to_base32())
}

/// The picture that an app sees.
pub fn picture(name: &str, secret: &Secret) -> Html {
    let address = totp(name, secret).to_url().expect("as it was built");
    let code = QrCode::new(address).expect("an address fits");
    let svg = code
        .render::<svg::Color<'_>>()
        .min_dimensions(200, 200)
        .build();
    // Behind the declaration of XML, which HTML does not know.
    let begin = svg.find("<svg").unwrap_or(0);
    Html::kept(svg[begin..].to_owned())
}

/// The half minute since 1970 whose code that is, one more or less for clocks that differ; none if it is wrong.
pub fn step_of(secret: &Secret, code: &str) -> Option<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let step = totp("-", secret).check(code, now.as_secs())?;
    i64::try_from(step).ok()
}

/// Codes on paper: as they are shown, in groups of four.
pub fn new_recovery_codes() -> Vec<String> {
    let code = |_| {
        let mut bytes = [0; RECOVERY_BYTES];
        secret::fill(&mut bytes);
        grouped(&hex::encode(bytes))
    };
    (0..RECOVERY_CODES).map(code).collect()
}

/// What was typed, without what people put between: blanks and dashes, and whatever its letters' case.
pub fn plain(code: &str) -> String {
    let letters = code.chars().filter(char::is_ascii_alphanumeric);
    letters
        .map(|letter| letter.to_ascii_lowercase())
        .take(64)
        .collect()
}

fn grouped(letters: &str) -> String {
    let groups: Vec<&str> = letters
        .as_bytes()
        .chunks(4)
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    groups.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, whose codes of eight digits end in those of six.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = &Secret(*b"12345678901234567890");
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let totp = totp("ada", secret);
            assert_eq!(totp.generate(time).to_string(), code);
            assert_eq!(totp.check(code, time + 30), Some(time / 30));
            assert_eq!(totp.check(code, time + 90), None);
        }
    }

    #[test]
    fn a_code_of_now_is_taken_and_another_is_not() {
        let secret = Secret::new();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("later");
        let code = totp("ada", &secret).generate(now.as_secs()).to_string();
        let step = step_of(&secret, &code).expect("right");
        assert!((step - (now.as_secs() / 30) as i64).abs() <= 1);
        for wrong in ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦"] {
            assert_eq!(step_of(&secret, wrong), None, "{wrong}");
        }
        assert_eq!(step_of(&Secret::new(), &code), None);
    }

    #[test]
    fn what_is_shown_is_read_again_however_it_is_typed() {
        let codes = new_recovery_codes();
        assert_eq!(codes.len(), RECOVERY_CODES);
        for code in codes {
            assert_eq!(code.len(), 24, "{code}");
            let typed = format!(" {} ", code.to_uppercase().replace('-', " "));
            assert_eq!(plain(&typed), code.replace('-', ""));
        }
        assert_eq!(
            typed(&Secret(*b"12345678901234567890")),
            "GEZD-GNBV-GY3T-QOJQ-GEZD-GNBV-GY3T-QOJQ"
        );
        let picture = picture("ada", &Secret::new());
        assert!(picture.as_str().starts_with("<svg") && !picture.as_str().contains("<script"));
    }
}
