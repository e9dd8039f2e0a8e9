//! What one person may have open on a board at once: accounts of theirs count together, and an agent has a share.

use crate::id::AccountId;
use sqlx::PgExecutor;

/// Most proposals of one person that are neither registered nor withdrawn, those of searches included: what others can look
/// through.
pub const OPEN_PROPOSALS: i64 = 50;

/// Of what is counted by person, an agent may use up a quarter: one that runs wild leaves the rest.
pub const SHARE: i64 = 4;

/// What an account and the other accounts of the same person have used up, for a limit.
#[derive(Debug, Clone, Copy)]
pub struct Shared {
    /// All of them together.
    pub all: i64,
    /// This account.
    pub own: i64,
    /// Whether it is an agent's, which has a share alone.
    pub is_agent: bool,
}

impl Shared {
    /// The limit that is reached, if one is: that of the person, or an agent's share of it.
    pub fn reached(self, most: i64) -> Option<i64> {
        let share = most / SHARE;
        match () {
            () if self.all >= most => Some(most),
            () if self.is_agent && self.own >= share => Some(share),
            () => None,
        }
    }
}

/// How many proposals a person has made, for the limits.
#[derive(Debug, Clone, Copy)]
pub struct Proposals {
    /// Neither registered nor withdrawn.
    pub open: Shared,
    /// Made within the last hour.
    pub within_an_hour: Shared,
}

/// Counts a person's proposals.
///
/// # Errors
/// If the database is away.
pub async fn proposals_of(db: impl PgExecutor<'_>, author: AccountId) -> sqlx::Result<Proposals> {
    let row = sqlx::query!(
        r#"select count(*) filter (where state = 'proposed') as "open!",
                  count(*) filter (where state = 'proposed' and author_id = $1) as "own_open!",
                  count(*) filter (where created_at > now() - interval '1 hour') as "within_an_hour!",
                  count(*) filter (where created_at > now() - interval '1 hour' and author_id = $1) as "own_within_an_hour!",
                  (select sponsor_id is not null from account where id = $1) as "is_agent!"
           from experiment where author_id = any (accounts_of($1))"#,
        author as AccountId,
    )
    .fetch_one(db)
    .await?;
    let shared = |all, own| Shared {
        all,
        own,
        is_agent: row.is_agent,
    };
    Ok(Proposals {
        open: shared(row.open, row.own_open),
        within_an_hour: shared(row.within_an_hour, row.own_within_an_hour),
    })
}
