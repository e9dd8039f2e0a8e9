//! What an account may do, and which names are allowed.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What an account may do; each role may do all that the ones before it may.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    sqlx::Type,
    utoipa::ToSchema,
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

/// How the name of an agent ends, and of nobody else: who reads it anywhere knows that a program wrote.
pub const AGENT_SUFFIX: &str = "-agent";

/// Names that would be mistaken for the site itself or for who runs it, without digits and marks.
const RESERVED: &[&str] = &[
    "about",
    "account",
    "admin",
    "administrator",
    "agent",
    "anonymous",
    "api",
    "board",
    "bot",
    "breakmywork",
    "everyone",
    "help",
    "info",
    "machine",
    "mod",
    "moderation",
    "moderator",
    "nobody",
    "noreply",
    "official",
    "operator",
    "owner",
    "postmaster",
    "result",
    "root",
    "security",
    "staff",
    "superuser",
    "support",
    "sysadmin",
    "system",
    "team",
    "webmaster",
];

/// Checks the form of a name, and says what would be right.
///
/// # Errors
/// A sentence for the person.
pub fn check_name(name: &str) -> Result<(), String> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let form = (3..=32).contains(&bytes.len())
        && bytes
            .iter()
            .all(|&byte| inner(byte) || byte == b'-' || byte == b'_')
        && inner(bytes[0])
        && inner(bytes[bytes.len() - 1]);
    if form {
        return Ok(());
    }
    Err(
        "A name has 3 to 32 characters: lower-case letters, digits, - and _, with a letter or digit at both ends."
            .to_owned(),
    )
}

/// Checks a name that a stranger wants: neither the site's own, nor like one, nor like the name of somebody on the
/// `staff`, the moderators and admins. On the command line every name is free.
///
/// # Errors
/// A sentence for the person.
pub fn check_sign_up(name: &str, staff: &[String]) -> Result<(), String> {
    check_name(name)?;
    if name.replace('_', "-").ends_with(AGENT_SUFFIX) {
        return Err(format!(
            "Names that end in {AGENT_SUFFIX} are those of agents. Sign up as yourself, and make one on your account's page."
        ));
    }
    let kept = |wanted: &str| looks(name).iter().any(|look| looks(wanted).contains(look));
    let reserved = RESERVED.iter().any(|word| kept(word));
    // Of a taken name the sign-up itself says so, in better words.
    let like_staff = staff.iter().any(|other| other != name && kept(other));
    if reserved || like_staff {
        return Err(
            "This name is kept for the site, or looks like the name of who runs it. Choose another one."
                .to_owned(),
        );
    }
    Ok(())
}

/// What stands before `-agent` in an agent's name.
pub fn stem(name: &str) -> Option<&str> {
    name.strip_suffix(AGENT_SUFFIX)
}

/// Checks a name that somebody wants for an agent: one that a person could have, then `-agent`; not that of another one of the
/// staff, with whose voice it would seem to speak.
///
/// # Errors
/// A sentence for the person.
pub fn check_agent(name: &str, sponsor: &str, staff: &[String]) -> Result<(), String> {
    let Some(stem) = stem(name) else {
        return Err(format!(
            "The name of an agent ends in {AGENT_SUFFIX}, so that everybody sees what it is."
        ));
    };
    check_name(name)?;
    check_sign_up(stem, staff)?;
    match stem != sponsor && staff.iter().any(|other| other == stem) {
        true => Err(OTHERS_NAME.to_owned()),
        false => Ok(()),
    }
}

/// Said of an agent's name that is somebody else's but for its end.
pub const OTHERS_NAME: &str = "Before -agent stands the name of somebody else, for whom it would seem to speak. Choose another one.";

/// What a name may be read as: marks are overlooked, digits are read as letters or as numbers behind a name.
fn looks(name: &str) -> [String; 3] {
    let letters: String = name
        .chars()
        .filter(|char| char.is_ascii_alphanumeric())
        .collect();
    let read = |one: char, text: &str| -> String {
        text.chars()
            .map(|char| match char {
                '0' => 'o',
                '1' => one,
                '2' => 'z',
                '3' => 'e',
                '4' => 'a',
                '5' => 's',
                '7' => 't',
                '8' => 'b',
                '9' => 'g',
                other => other,
            })
            .collect::<String>()
            .replace("rn", "m")
            .replace("vv", "w")
    };
    let bare = letters.trim_matches(|char: char| char.is_ascii_digit());
    [read('i', &letters), read('l', &letters), read('i', bare)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["ada", "a-b", "x_9", "yarin-gal", "admin", "root"] {
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
            &"a".repeat(33),
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn strangers_cannot_take_a_name_like_the_sites_or_its_staffs() {
        let staff = ["boss".to_owned(), "emil7".to_owned()];
        for bad in [
            "admin",
            "administrator",
            "admin1",
            "4dmin",
            "adm1n",
            "ad-min",
            "adrnin",
            "support1",
            "support_2",
            "5upport",
            "m0derator",
            "breakmyw0rk",
            "break-my-work",
            "root",
            "staff99",
            "b0ss",
            "bo55",
            "boss1",
            "b-oss",
            "emi17",
        ] {
            assert!(check_sign_up(bad, &staff).is_err(), "{bad}");
        }
        for good in [
            "ada",
            "bob2",
            "administration-of-kisses",
            "rooter",
            "adam",
            "bossa",
            "modest",
        ] {
            assert_eq!(check_sign_up(good, &staff), Ok(()), "{good}");
        }
        assert_eq!(
            check_sign_up("boss", &staff),
            Ok(()),
            "is taken, which is said elsewhere"
        );
    }

    #[test]
    fn an_agent_says_what_it_is_and_nobody_else_does() {
        let staff = ["boss".to_owned()];
        for good in ["scout-agent", "a-b-agent", "x_9-agent"] {
            assert_eq!(check_agent(good, "ada", &staff), Ok(()), "{good}");
            assert!(check_sign_up(good, &staff).is_err(), "{good}");
        }
        assert!(check_sign_up("scout_agent", &staff).is_err());
        assert_eq!(check_sign_up("reagent", &staff), Ok(()));
        for bad in [
            "scout",
            "-agent",
            "ab-agent",
            "admin-agent",
            "b0ss-agent",
            "boss-agent",
            "scout-agent-agent",
            "Scout-agent",
            "scout--agent",
            &format!("{}-agent", "x".repeat(30)),
        ] {
            assert!(check_agent(bad, "ada", &staff).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_staff_may_name_agents_after_themselves() {
        let staff = ["boss".to_owned(), "mona".to_owned()];
        assert_eq!(check_agent("boss-agent", "boss", &staff), Ok(()));
        assert!(check_agent("mona-agent", "boss", &staff).is_err());
    }

    #[test]
    fn roles_are_ordered() {
        assert!(Role::Admin.is_moderator());
        assert!(!Role::Moderator.is_admin());
        assert_eq!("admin".parse(), Ok(Role::Admin));
    }
}
