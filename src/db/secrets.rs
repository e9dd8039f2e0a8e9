//! Every secret that is kept sealed, whatever table it is in: for sealing it again.

use crate::sealing::Stored;
use breakmywork_protocol::id::AccountId;
use sqlx::PgPool;

/// Rows that are read at once.
const PAGE: i64 = 500;

/// Where such secrets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Second factors.
    SecondFactor,
    /// What requests of webhooks are signed with.
    Webhook,
    /// And what they were signed with before.
    WebhookBefore,
}

const PLACES: [Place; 3] = [Place::SecondFactor, Place::Webhook, Place::WebhookBefore];

/// A secret of somebody's.
#[derive(Debug, Clone)]
pub struct Row {
    /// Where it is.
    pub place: Place,
    /// The key of its row there.
    pub row: i64,
    /// Whose.
    pub owner: AccountId,
    /// That one's name.
    pub name: String,
    /// As it is stored.
    pub stored: Stored,
}

/// How far the rows were read; from the start of them by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct At {
    place: usize,
    row: i64,
}

/// The next rows; none at the end. Each is read once, however often it is changed meanwhile.
///
/// # Errors
/// If the database is away.
pub async fn next(pool: &PgPool, at: &mut At) -> sqlx::Result<Option<Vec<Row>>> {
    while let Some(&place) = PLACES.get(at.place) {
        let rows = page(pool, place, at.row).await?;
        if let Some(last) = rows.last() {
            at.row = last.row;
            return Ok(Some(rows));
        }
        *at = At {
            place: at.place + 1,
            row: 0,
        };
    }
    Ok(None)
}

async fn page(pool: &PgPool, place: Place, after: i64) -> sqlx::Result<Vec<Row>> {
    struct Found {
        row: i64,
        owner: AccountId,
        name: String,
        stored: Stored,
    }
    let found = match place {
        Place::SecondFactor => {
            sqlx::query_as!(
                Found,
                r#"select f.account_id as row, f.account_id as "owner: AccountId", name, secret as "stored: Stored"
                   from second_factor f join account a on a.id = f.account_id
                   where f.account_id > $1 order by f.account_id limit $2"#,
                after,
                PAGE,
            )
            .fetch_all(pool)
            .await?
        }
        Place::Webhook => {
            sqlx::query_as!(
                Found,
                r#"select w.id as row, account_id as "owner: AccountId", name, secret as "stored: Stored"
                   from webhook w join account a on a.id = account_id
                   where w.id > $1 order by w.id limit $2"#,
                after,
                PAGE,
            )
            .fetch_all(pool)
            .await?
        }
        Place::WebhookBefore => {
            sqlx::query_as!(
                Found,
                r#"select w.id as row, account_id as "owner: AccountId", name, secret_before as "stored!: Stored"
                   from webhook w join account a on a.id = account_id
                   where w.id > $1 and secret_before is not null order by w.id limit $2"#,
                after,
                PAGE,
            )
            .fetch_all(pool)
            .await?
        }
    };
    let row = |found: Found| Row {
        place,
        row: found.row,
        owner: found.owner,
        name: found.name,
        stored: found.stored,
    };
    Ok(found.into_iter().map(row).collect())
}

/// Puts another form in the place of what was read; false if that was changed since.
///
/// # Errors
/// If the database is away.
pub async fn replace(pool: &PgPool, read: &Row, with: &Stored) -> sqlx::Result<bool> {
    let (row, old, new) = (read.row, read.stored.bytes(), with.bytes());
    let query = match read.place {
        Place::SecondFactor => sqlx::query!(
            "update second_factor set secret = $3 where account_id = $1 and secret = $2",
            row,
            old,
            new,
        ),
        Place::Webhook => sqlx::query!(
            "update webhook set secret = $3 where id = $1 and secret = $2",
            row,
            old,
            new,
        ),
        Place::WebhookBefore => sqlx::query!(
            "update webhook set secret_before = $3 where id = $1 and secret_before = $2",
            row,
            old,
            new,
        ),
    };
    let done = query.execute(pool).await?;
    Ok(done.rows_affected() > 0)
}
