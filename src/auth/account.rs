//! What an account may do, and which names are allowed.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What an account may do; each role may do all that the ones before it may.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type,
)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Role {
    /// Proposes and comments.
    Member,
    /// Also hides comments.
    Moderator,
    /// Also runs the queue.
    Admin,
}

impl Role {
    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
        }
    }

    /// May run the queue.
    pub fn is_admin(self) -> bool {
        self >= Self::Admin
    }

    /// May hide comments.
    pub fn is_moderator(self) -> bool {
        self >= Self::Moderator
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "member" => Ok(Self::Member),
            "moderator" => Ok(Self::Moderator),
            "admin" => Ok(Self::Admin),
            _ => Err(format!(
                "no role {text:?}: it is member, moderator or admin"
            )),
        }
    }
}

/// Names that would be mistaken for the site itself.
const RESERVED: &[&str] = &[
    "about",
    "account",
    "anonymous",
    "api",
    "breakmywork",
    "everyone",
    "moderator",
    "nobody",
    "official",
    "root",
    "staff",
    "support",
    "system",
];

/// Checks a name that somebody wants, and says what would be right.
pub fn check_name(name: &str) -> Result<(), String> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let form = (3..=32).contains(&bytes.len())
        && bytes
            .iter()
            .all(|&byte| inner(byte) || byte == b'-' || byte == b'_')
        && inner(bytes[0])
        && inner(bytes[bytes.len() - 1]);
    if !form {
        return Err(
            "A name has 3 to 32 characters: lower-case letters, digits, - and _, with a letter or digit at both ends."
                .to_owned(),
        );
    }
    if RESERVED.contains(&name) {
        return Err("This name is kept for the site. Choose another one.".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["ada", "a-b", "x_9", "yarin-gal", "admin"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "ab",
            "Ada",
            "-ada",
            "ada-",
            "a b c",
            "ädä",
            "root",
            &"a".repeat(33),
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn roles_are_ordered() {
        assert!(Role::Admin.is_moderator());
        assert!(!Role::Moderator.is_admin());
        assert_eq!("admin".parse(), Ok(Role::Admin));
    }
}
