//! Which experiments a list shows: walked in its order along one index, as many as are looked through at once.
//!
//! There are more filters together than there can be indexes. So a list walks along the index of one of its filters, and
//! looks at the others row by row; after [`LOOKED_THROUGH`] rows it stops, shows what it has, and says where to go on. A
//! page so costs the same whatever is asked of however many.

use crate::db::text_search::Terms;
use breakmywork_protocol::db::along_indexes;
use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool, Postgres, QueryBuilder};
use std::fmt;
use std::str::FromStr;

/// Rows that are looked through for one page.
pub const LOOKED_THROUGH: i64 = 5_000;

/// Experiments with a word, up to which that word is looked up and no index is walked.
const RARE: i64 = 500;

/// Which experiments to list; empty fields do not filter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Tests of this claim.
    pub claim: Option<ClaimId>,
    /// Proposed by this person.
    pub author: Option<String>,
    /// In this state.
    pub state: Option<String>,
    /// With this verdict.
    pub outcome: Option<String>,
    /// On this task; sealed ones are on none.
    pub task: Option<String>,
    /// With these words; sealed ones have none.
    pub words: Option<Terms>,
    /// Only those that take forecasts.
    pub takes_forecasts: bool,
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// The latest proposal first.
    #[default]
    Newest,
    /// The first proposal first.
    Oldest,
    /// What was concluded last first; of what has ended alone.
    Concluded,
}

impl Sort {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Newest, Self::Oldest, Self::Concluded];

    /// As in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::Concluded => "concluded",
        }
    }
}

/// Where an experiment stands in a list: written `12`, or `12.1795770245120000` where its end is what it is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its number.
    pub id: i64,
    /// When it was concluded.
    pub concluded: Option<DateTime<Utc>>,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.concluded {
            None => write!(f, "{}", self.id),
            Some(at) => write!(f, "{}.{}", self.id, at.timestamp_micros()),
        }
    }
}

impl FromStr for Key {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const STRANGE: &str = "is no place in this list";
        let (id, at) = match text.split_once('.') {
            None => (text, None),
            Some((id, at)) => (id, Some(at)),
        };
        let concluded = at
            .map(|at| DateTime::from_timestamp_micros(at.parse().ok()?))
            .map(|at| at.ok_or(STRANGE));
        Ok(Self {
            id: id.parse().map_err(|_| STRANGE)?,
            concluded: concluded.transpose()?,
        })
    }
}

/// From where a list goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// With what is older than this.
    Before(Key),
    /// With what is newer than this.
    After(Key),
}

/// One page of a list.
#[derive(Debug, Clone, Default)]
pub struct Walked {
    /// Its experiments, in order.
    pub ids: Vec<ExperimentId>,
    /// The page before.
    pub previous: Option<Place>,
    /// The next page.
    pub next: Option<Place>,
    /// Whether the page ends because [`LOOKED_THROUGH`] rows were looked through.
    pub stopped: bool,
}

/// What a list is walked along.
enum Along {
    /// What may still take forecasts.
    Open,
    Ids(Vec<i64>),
    Claim(ClaimId),
    Author(AccountId),
    Ends,
    Outcome(String),
    State(String),
    Task(String),
    All,
}

/// The experiments of one page.
///
/// # Errors
/// If the database is away.
pub async fn page(
    pool: &PgPool,
    filter: &Filter,
    sort: Sort,
    place: Option<Place>,
    limit: i64,
) -> sqlx::Result<Walked> {
    let mut tx = pool.begin().await?;
    let author = match &filter.author {
        None => None,
        Some(name) => match super::author_id(&mut *tx, name).await? {
            None => return Ok(Walked::default()),
            found => found,
        },
    };
    along_indexes(&mut tx).await?;
    let walk = Walk {
        along: along(&mut tx, filter, author, sort).await?,
        filter,
        author,
        by_end: sort == Sort::Concluded,
        place,
        down: match place {
            None => sort != Sort::Oldest,
            Some(Place::Before(_)) => true,
            Some(Place::After(_)) => false,
        },
    };
    let mut rows = walk.rows(&mut tx, limit + 1).await?;
    let more = rows.len() as i64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or(0));
    // Where the walk stopped, if it did not end.
    let stopped = match more {
        true => None,
        false => walk.end(&mut tx).await?,
    };
    let forward = walk.down == (sort != Sort::Oldest);
    let onward = rows.last().copied().filter(|_| more).or(stopped);
    // Where it came from: beside its first row, or where it was asked to begin.
    let back = place.map(|place| match (rows.first(), place) {
        (Some(first), _) => *first,
        (None, Place::Before(key) | Place::After(key)) => key,
    });
    let older: fn(Key) -> Place = Place::Before;
    let newer: fn(Key) -> Place = Place::After;
    let (on, from) = match walk.down {
        true => (older, newer),
        false => (newer, older),
    };
    let (onward, back) = (onward.map(on), back.map(from));
    if !forward {
        rows.reverse();
    }
    let (previous, next) = if forward {
        (back, onward)
    } else {
        (onward, back)
    };
    Ok(Walked {
        ids: rows.iter().map(|row| ExperimentId(row.id)).collect(),
        previous,
        next,
        stopped: stopped.is_some(),
    })
}

/// The index of the filter that leaves least, as far as that can be told without counting.
async fn along(
    db: &mut PgConnection,
    filter: &Filter,
    author: Option<AccountId>,
    sort: Sort,
) -> sqlx::Result<Along> {
    if let Some(words) = &filter.words {
        let ids = sqlx::query_scalar!(
            "select id from experiment where words @@ $1::text::tsquery limit $2",
            words.near,
            RARE + 1
        )
        .fetch_all(db)
        .await?;
        if ids.len() as i64 <= RARE {
            return Ok(Along::Ids(ids));
        }
    }
    Ok(match (filter, author) {
        (
            Filter {
                takes_forecasts: true,
                ..
            },
            _,
        ) => Along::Open,
        _ if sort == Sort::Concluded => Along::Ends,
        (
            Filter {
                claim: Some(claim), ..
            },
            _,
        ) => Along::Claim(*claim),
        (_, Some(author)) => Along::Author(author),
        (
            Filter {
                outcome: Some(outcome),
                ..
            },
            _,
        ) => Along::Outcome(outcome.clone()),
        (
            Filter {
                state: Some(state), ..
            },
            _,
        ) => Along::State(state.clone()),
        (
            Filter {
                task: Some(task), ..
            },
            _,
        ) => Along::Task(task.clone()),
        _ => Along::All,
    })
}

/// A walk along one index.
struct Walk<'a> {
    along: Along,
    filter: &'a Filter,
    author: Option<AccountId>,
    by_end: bool,
    place: Option<Place>,
    /// Towards what is older.
    down: bool,
}

impl Walk<'_> {
    /// The rows that fit, in the order of the walk.
    async fn rows(&self, db: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Key>> {
        let mut query = QueryBuilder::new("select id, concluded_at from (");
        self.walked(&mut query);
        // What a moderator hid is in no list.
        query.push(") walked where hidden_at is null");
        let filter = self.filter;
        if let Some(claim) = filter.claim {
            query.push(" and claim_id = ").push_bind(claim.0);
        }
        if let Some(author) = self.author {
            query.push(" and author_id = ").push_bind(author.0);
        }
        if let Some(state) = &filter.state {
            query.push(" and state = ").push_bind(state);
        }
        if let Some(task) = &filter.task {
            query.push(" and task = ").push_bind(task);
        }
        if let Some(outcome) = &filter.outcome {
            query
                .push(" and exists (select from verdict where experiment_id = walked.id and outcome = ")
                .push_bind(outcome)
                .push(")");
        }
        if let Some(words) = &filter.words {
            query
                .push(" and words @@ ")
                .push_bind(&words.exact)
                .push("::text::tsquery");
        }
        if filter.takes_forecasts {
            query.push(
                " and concluded_at is null and withdrawn_at is null and not exploratory and not closed
                 and not experiment_shows_results(id)",
            );
        }
        self.order(&mut query, "walked");
        query.push(" limit ").push_bind(limit);
        self.keys(query, db).await
    }

    /// The row at which it stopped; none if it went through to the end.
    async fn end(&self, db: &mut PgConnection) -> sqlx::Result<Option<Key>> {
        let mut query = QueryBuilder::new("select id, concluded_at from (");
        self.walked(&mut query);
        query.push(") walked");
        self.order(&mut query, "walked");
        query.push(" limit 1 offset ").push_bind(LOOKED_THROUGH - 1);
        Ok(self.keys(query, db).await?.pop())
    }

    async fn keys(
        &self,
        mut query: QueryBuilder<Postgres>,
        db: &mut PgConnection,
    ) -> sqlx::Result<Vec<Key>> {
        let rows: Vec<(i64, Option<DateTime<Utc>>)> = query.build_query_as().fetch_all(db).await?;
        let key = |(id, concluded): (i64, Option<DateTime<Utc>>)| Key {
            id,
            concluded: concluded.filter(|_| self.by_end),
        };
        Ok(rows.into_iter().map(key).collect())
    }

    /// The rows that are looked through: of the experiments themselves nothing but what filters them.
    fn walked(&self, query: &mut QueryBuilder<Postgres>) {
        query.push(
            "select e.id, e.claim_id, e.author_id, e.state, e.task, e.words, e.concluded_at, e.withdrawn_at, e.exploratory, e.closed,
             e.hidden_at",
        );
        match &self.along {
            Along::Outcome(outcome) => query
                .push(" from verdict v join experiment e on e.id = v.experiment_id where v.outcome = ")
                .push_bind(outcome.clone()),
            Along::Ids(ids) => query
                .push(" from experiment e where e.id = any (")
                .push_bind(ids.clone())
                .push(")"),
            Along::Claim(claim) => query
                .push(" from experiment e where e.claim_id = ")
                .push_bind(claim.0),
            Along::Author(author) => query
                .push(" from experiment e where e.author_id = ")
                .push_bind(author.0),
            Along::State(state) => query
                .push(" from experiment e where e.state = ")
                .push_bind(state.clone()),
            Along::Task(task) => query
                .push(" from experiment e where e.task = ")
                .push_bind(task.clone()),
            Along::Ends => query.push(" from experiment e where e.state = 'concluded'"),
            Along::Open => query.push(
                " from experiment e where e.concluded_at is null and e.withdrawn_at is null and not e.exploratory",
            ),
            Along::All => query.push(" from experiment e where true"),
        };
        if self.by_end && !matches!(self.along, Along::Ends) {
            query.push(" and e.concluded_at is not null");
        }
        if let Some(Place::Before(key) | Place::After(key)) = self.place {
            let sign = if self.down { "<" } else { ">" };
            match key.concluded.filter(|_| self.by_end) {
                Some(at) => query
                    .push(format!(" and (e.concluded_at, e.id) {sign} ("))
                    .push_bind(at)
                    .push(", ")
                    .push_bind(key.id)
                    .push(")"),
                None => query
                    .push(format!(" and {}.{} {sign} ", self.table(), self.number()))
                    .push_bind(key.id),
            };
        }
        self.order(query, "e");
        query.push(" limit ").push_bind(LOOKED_THROUGH);
    }

    /// The table whose index is walked.
    fn table(&self) -> &'static str {
        match self.along {
            Along::Outcome(_) => "v",
            _ => "e",
        }
    }

    /// What that table calls the number of an experiment.
    fn number(&self) -> &'static str {
        match self.along {
            Along::Outcome(_) => "experiment_id",
            _ => "id",
        }
    }

    fn order(&self, query: &mut QueryBuilder<Postgres>, of: &str) {
        let way = if self.down { "desc" } else { "asc" };
        if self.by_end {
            query.push(format!(" order by {of}.concluded_at {way}, {of}.id {way}"));
        } else if of == "e" {
            query.push(format!(
                " order by {}.{} {way}",
                self.table(),
                self.number()
            ));
        } else {
            query.push(format!(" order by {of}.id {way}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_written() {
        for key in [
            Key {
                id: 12,
                concluded: None,
            },
            Key {
                id: 7,
                concluded: DateTime::from_timestamp_micros(1_795_770_245_120_001),
            },
        ] {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        for strange in [
            "",
            "x",
            "1.x",
            "1.",
            ".1",
            "1.2.3",
            "1.99999999999999999999",
        ] {
            assert!(strange.parse::<Key>().is_err(), "{strange}");
        }
    }
}
