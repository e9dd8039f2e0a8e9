//! Collections in pages, by cursor.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Items of a page where nothing is asked.
const USUAL: i64 = 50;
/// Items of a page at most.
const MOST: i64 = 200;

/// A page of a collection.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page<T: ToSchema> {
    /// The items.
    pub(super) items: Vec<T>,
    /// Send it as `cursor` for the next page; null on the last.
    pub(super) next: Option<String>,
}

/// Where in a collection.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Cursor {
    /// `next` of the page before.
    pub(super) cursor: Option<String>,
    /// Items wanted, 1 to 200; 50 if not given.
    pub(super) limit: Option<i64>,
}

impl Cursor {
    /// The id after which (or before which) to go on.
    pub(super) fn position(&self) -> Result<Option<i64>, Error> {
        let Some(cursor) = &self.cursor else {
            return Ok(None);
        };
        cursor
            .parse()
            .map(Some)
            .map_err(|_| Error::BadRequest("`cursor` is not one that this API gave out.".into()))
    }

    /// How many items.
    pub(super) fn limit(&self) -> Result<i64, Error> {
        match self.limit {
            None => Ok(USUAL),
            Some(limit) if (1..=MOST).contains(&limit) => Ok(limit),
            Some(_) => Err(Error::BadRequest(format!(
                "`limit` must be from 1 to {MOST}."
            ))),
        }
    }
}

impl<T: ToSchema> Page<T> {
    /// All there is.
    pub(super) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }

    /// Of up to `limit + 1` rows, the first `limit`, and where to go on if there is one more.
    pub(super) fn cut<R>(
        mut rows: Vec<R>,
        limit: i64,
        id: impl Fn(&R) -> i64,
        show: impl Fn(R) -> T,
    ) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| id(row).to_string());
        Self {
            items: rows.into_iter().map(show).collect(),
            next,
        }
    }
}
