//! What a token may do: a few plain words, of which each route asks for one.

use super::account::Role;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use utoipa::ToSchema;

/// What a token allows. Whatever it allows, it never does more than its owner may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TokenScope)]
pub enum Scope {
    /// Read as oneself.
    Read,
    /// Works, claims, experiments, forecasts and reproductions.
    Propose,
    /// Comments, reactions and appeals.
    Discuss,
    /// What is followed, the inbox and mail.
    Follow,
    /// What moderators do; needs the role too.
    Moderate,
    /// Tokens, signed-in browsers, agents and webhooks.
    Account,
    /// Run the queue and see to accounts, invitations and volunteers; needs the role too.
    Admin,
    /// Be a worker; needs the role of an admin too, or an admission as a volunteer.
    Work,
}

/// By what somebody can use scopes.
#[derive(Debug, Clone, Copy)]
pub struct Holder {
    /// The role.
    pub role: Role,
    /// Whether an admin admitted that person as a volunteer.
    pub is_volunteer: bool,
}

impl Holder {
    /// Whether a scope is any good to such a person.
    pub fn can_use(self, scope: Scope) -> bool {
        scope.role() <= self.role || scope == Scope::Work && self.is_volunteer
    }
}

impl From<Role> for Holder {
    fn from(role: Role) -> Self {
        Self {
            role,
            is_volunteer: false,
        }
    }
}

impl Scope {
    /// All of them, those that most scripts need first.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::Propose,
        Self::Discuss,
        Self::Follow,
        Self::Moderate,
        Self::Account,
        Self::Admin,
        Self::Work,
    ];

    /// What a token gets where nothing else is asked for: all that a member does on the board. An agent gets no more.
    pub const USUAL: [Self; 4] = [Self::Read, Self::Propose, Self::Discuss, Self::Follow];

    /// As stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Propose => "propose",
            Self::Discuss => "discuss",
            Self::Follow => "follow",
            Self::Moderate => "moderate",
            Self::Account => "account",
            Self::Admin => "admin",
            Self::Work => "work",
        }
    }

    /// What it allows, for the form.
    pub fn words(self) -> &'static str {
        match self {
            Self::Read => "read as you",
            Self::Propose => {
                "propose, register and stop experiments, add works and claims, forecast, report what was trained again"
            }
            Self::Discuss => "comment, react, appeal",
            Self::Follow => "follow, mark what was read, choose mails",
            Self::Moderate => "hide comments, lock discussions, decide what waits",
            Self::Account => "list, make and revoke tokens, agents and webhooks, end sessions",
            Self::Admin => "run the queue, see to accounts, invitations and volunteers",
            Self::Work => "take runs and report them, as a worker of yours",
        }
    }

    /// The same of an agent's token, by which less is done.
    pub fn agents_words(self) -> &'static str {
        match self {
            Self::Read => "read as your agent",
            Self::Propose => {
                "propose, register and stop experiments, add works and claims, report what was trained again"
            }
            Self::Discuss => "comment, appeal",
            Self::Follow => "follow, mark what was read",
            other => other.words(),
        }
    }

    /// The least role whose owner can use it.
    pub fn role(self) -> Role {
        match self {
            Self::Read | Self::Propose | Self::Discuss | Self::Follow | Self::Account => {
                Role::Member
            }
            Self::Moderate => Role::Moderator,
            // What it reports is believed; of a volunteer's it is not.
            Self::Admin | Self::Work => Role::Admin,
        }
    }

    /// Who can use it, for people.
    pub fn whose(self) -> String {
        match self {
            Self::Work => "admins, and volunteers whom an admin admitted,".to_owned(),
            other => format!("{}s", other.role()),
        }
    }

    /// Those that somebody can use.
    pub fn of(holder: impl Into<Holder>) -> Vec<Self> {
        let holder = holder.into();
        let mut scopes = Self::ALL.to_vec();
        scopes.retain(|scope| holder.can_use(*scope));
        scopes
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| {
                let known = Self::ALL.map(Self::as_str).join(", ");
                format!("no scope {text:?}: there are {known}")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
            assert_eq!(serde_json::json!(scope), scope.as_str());
        }
        assert!("write".parse::<Scope>().is_err());
    }

    #[test]
    fn nobody_is_offered_what_their_role_cannot_use() {
        assert!(!Scope::of(Role::Member).contains(&Scope::Moderate));
        assert!(!Scope::of(Role::Moderator).contains(&Scope::Admin));
        assert_eq!(Scope::of(Role::Admin), Scope::ALL);
        let volunteer = Holder {
            role: Role::Member,
            is_volunteer: true,
        };
        let mut scopes = Scope::of(Role::Member);
        scopes.push(Scope::Work);
        assert_eq!(Scope::of(volunteer), scopes);
    }
}
