//! A token that somebody wants: checked the same way for the page, for scripts and on the command line.

use super::{ApiAccount, PREFIX};
use crate::auth::{
    scope::{Holder, Scope},
    secret,
};
use crate::error::{Error, FieldProblem, Result};
use breakmywork_protocol::{
    id::{AccountId, TokenId},
    visible,
};
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

/// Longest label, in characters, as the table's constraint has it.
pub const LABEL_CHARS: usize = 100;

/// Days that a token lasts where nothing else is said.
pub const DAYS: i32 = 90;

/// Days that a token lasts at most: once a year somebody looks whether it is needed still.
pub const MOST_DAYS: i32 = 365;

/// Days to choose from on the page.
pub const OFFERED_DAYS: [i32; 4] = [7, 30, DAYS, MOST_DAYS];

/// A token to make.
#[derive(Debug, Clone)]
pub struct NewToken {
    label: String,
    scopes: Vec<Scope>,
    days: i32,
    /// The end of the token that asks for this one.
    no_later_than: Option<DateTime<Utc>>,
}

/// A token that was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// Names it for revoking.
    pub id: TokenId,
    /// What a script sends: the only time anybody sees it.
    pub secret: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

impl NewToken {
    /// Checks what somebody wants: what it is for, what it may do, and for how many days.
    ///
    /// # Errors
    /// Everything that is wrong, by field: `/label`, `/scopes`, `/days`.
    pub fn checked(
        label: &str,
        scopes: &[Scope],
        days: i32,
        holder: impl Into<Holder>,
    ) -> Result<Self, Vec<FieldProblem>> {
        let holder = holder.into();
        let mut problems = Vec::new();
        let mut refuse =
            |field: &str, detail: String| problems.push(FieldProblem::new(field, detail));
        let label = match visible::line(label) {
            Ok(label) => label,
            Err(detail) => {
                refuse("/label", format!("The label {detail}"));
                "-".to_owned()
            }
        };
        if !(1..=LABEL_CHARS).contains(&label.chars().count()) {
            refuse(
                "/label",
                format!("Say in 1 to {LABEL_CHARS} characters what the token is for."),
            );
        }
        if scopes.is_empty() {
            refuse(
                "/scopes",
                "Choose at least one thing that the token may do.".to_owned(),
            );
        }
        if let Some(scope) = scopes.iter().find(|scope| !holder.can_use(**scope)) {
            refuse(
                "/scopes",
                format!("Only {} can make a token with `{scope}`.", scope.whose()),
            );
        }
        if !(1..=MOST_DAYS).contains(&days) {
            refuse(
                "/days",
                format!("A token lasts 1 to {MOST_DAYS} days; make another one then."),
            );
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut given = Scope::ALL.to_vec();
        given.retain(|scope| scopes.contains(scope));
        Ok(Self {
            label,
            scopes: given,
            days,
            no_later_than: None,
        })
    }

    /// The same for an agent, which never does more than what members do on the board.
    ///
    /// # Errors
    /// If more is wanted, by field.
    pub fn for_agent(self) -> Result<Self, Vec<FieldProblem>> {
        let more = self
            .scopes
            .iter()
            .find(|scope| !Scope::USUAL.contains(scope));
        match more {
            Some(scope) => Err(vec![FieldProblem::new(
                "/scopes",
                format!(
                    "An agent cannot have `{scope}`; it may have {}.",
                    Scope::USUAL.map(Scope::as_str).join(", ")
                ),
            )]),
            None => Ok(self),
        }
    }

    /// The same for a script that asks with a token of its own: it gives away no more than it has, and for no longer.
    ///
    /// # Errors
    /// If it has less itself.
    pub fn by(mut self, asking: &ApiAccount) -> Result<Self> {
        let more = self
            .scopes
            .iter()
            .find(|scope| !asking.scopes.contains(scope));
        if let Some(scope) = more {
            return Err(Error::field(
                "/scopes",
                format!(
                    "This token lacks `{scope}` itself, so it cannot make one that has it. Make that one at /account#tokens."
                ),
            ));
        }
        self.no_later_than = asking.expires_at;
        Ok(self)
    }
}

/// Makes a token.
///
/// # Errors
/// If the database is away.
pub async fn create(
    db: impl PgExecutor<'_>,
    account: AccountId,
    new: &NewToken,
) -> sqlx::Result<Made> {
    let secret = format!("{PREFIX}{}", secret::random_hex());
    let token_hash = secret::hash(&secret);
    let scopes: Vec<String> = new.scopes.iter().map(ToString::to_string).collect();
    let row = sqlx::query!(
        r#"insert into api_token (account_id, label, token_hash, scopes, expires_at)
           values ($1, $2, $3, $4, least(now() + make_interval(days => $5), $6))
           returning id as "id: TokenId", created_at, expires_at"#,
        account.0,
        new.label,
        token_hash.as_slice(),
        &scopes,
        new.days,
        new.no_later_than,
    )
    .fetch_one(db)
    .await?;
    Ok(Made {
        id: row.id,
        secret,
        created_at: row.created_at,
        expires_at: row.expires_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::account::Role;

    #[test]
    fn what_is_wrong_is_said_field_by_field() {
        let refused = |label: &str, scopes: &[Scope], days, role| {
            let problems = NewToken::checked(label, scopes, days, role).expect_err("refused");
            problems
                .into_iter()
                .map(|problem| problem.pointer)
                .collect::<Vec<_>>()
        };
        let member = Role::Member;
        assert_eq!(refused("", &[], 0, member), ["/label", "/scopes", "/days"]);
        assert_eq!(
            refused("\u{200b}", &[Scope::Read], 366, member),
            ["/label", "/days"]
        );
        assert_eq!(
            refused("x", &[Scope::Admin], 1, Role::Moderator),
            ["/scopes"]
        );
        assert_eq!(
            refused(&"x".repeat(101), &[Scope::Read], 1, member),
            ["/label"]
        );
        let good = NewToken::checked(
            "x",
            &[Scope::Admin, Scope::Read, Scope::Read],
            365,
            Role::Admin,
        );
        assert_eq!(good.expect("good").scopes, [Scope::Read, Scope::Admin]);
    }
}
