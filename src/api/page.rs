//! Collections in pages, by cursor.

use crate::error::Error;
use crate::render::url;
use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
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

/// In the extensions of an answer: where its collection goes on.
#[derive(Debug, Clone)]
pub(super) struct GoesOn(pub(super) String);

impl<T: Serialize + ToSchema> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let next = self.next.clone().map(GoesOn);
        let mut response = Json(self).into_response();
        if let Some(next) = next {
            response.extensions_mut().insert(next);
        }
        response
    }
}

/// Names the next page in a header too (RFC 8288), so that a script follows it without reading the body.
pub(super) async fn link(request: Request, next: middleware::Next) -> Response {
    let uri = request.uri().clone();
    let mut response = next.run(request).await;
    let link = (response.extensions().get::<GoesOn>())
        .map(|GoesOn(cursor)| format!("<{}>; rel=\"next\"", with_cursor(&uri, cursor)));
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

/// The same address at another place of the collection.
fn with_cursor(uri: &Uri, cursor: &str) -> String {
    let mut address = format!("{}?", uri.path());
    let others = (uri.query().unwrap_or_default().split('&'))
        .filter(|part| !part.is_empty() && !part.starts_with("cursor="));
    for part in others {
        address.push_str(part);
        address.push('&');
    }
    address + "cursor=" + &url::component(cursor)
}

/// Where in a collection.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Cursor {
    /// `next` of the page before.
    pub(super) cursor: Option<String>,
    /// Items wanted, 1 to 200; 50 if not given.
    #[param(minimum = 1, maximum = 200)]
    pub(super) limit: Option<i64>,
}

impl Cursor {
    /// The id after which (or before which) to go on.
    pub(super) fn position(&self) -> Result<Option<i64>, Error> {
        self.read()
    }

    /// What a collection of another order than that of ids goes on after.
    pub(super) fn read<K: std::str::FromStr>(&self) -> Result<Option<K>, Error> {
        let parsed = self.cursor.as_ref().map(|cursor| cursor.parse());
        (parsed.transpose())
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

    /// A page of what was read whole, since there is never much of it.
    pub(super) fn within<R, K: std::fmt::Display>(
        mut rows: Vec<R>,
        cursor: &Cursor,
        id: impl Fn(&R) -> K,
        show: impl Fn(R) -> T,
    ) -> Result<Self, Error> {
        if let Some(last) = &cursor.cursor {
            let place = rows.iter().position(|row| id(row).to_string() == *last);
            let place = place.ok_or_else(|| {
                Error::BadRequest(
                    "`cursor` is not one that this API gave out, or what it named is gone. Begin with the first page.".into(),
                )
            })?;
            rows.drain(..=place);
        }
        Ok(Self::cut(rows, cursor.limit()?, id, show))
    }

    /// Of up to `limit + 1` rows, the first `limit`, and where to go on if there is one more.
    pub(super) fn cut<R, K: std::fmt::Display>(
        mut rows: Vec<R>,
        limit: i64,
        id: impl Fn(&R) -> K,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_whole_comes_in_pages_too() {
        let page = |cursor: Option<&str>, limit| {
            let cursor = Cursor {
                cursor: cursor.map(str::to_owned),
                limit,
            };
            Page::within(vec![7, 5, 3], &cursor, |row| *row, |row| row)
                .map(|page| (page.items, page.next))
        };
        let all = (vec![7, 5, 3], None);
        assert_eq!(page(None, None).expect("a page"), all);
        let first = (vec![7, 5], Some("5".to_owned()));
        assert_eq!(page(None, Some(2)).expect("a page"), first);
        assert_eq!(page(Some("5"), Some(2)).expect("a page"), (vec![3], None));
        for (cursor, limit) in [(Some("4"), None), (Some("x"), None), (None, Some(0))] {
            assert!(page(cursor, limit).is_err(), "{cursor:?} {limit:?}");
        }
    }

    #[test]
    fn the_next_page_keeps_the_question() {
        for (asked, next) in [
            ("/api/v1/works", "/api/v1/works?cursor=7%2F"),
            (
                "/a?limit=2&cursor=3&work=x%20y",
                "/a?limit=2&work=x%20y&cursor=7%2F",
            ),
        ] {
            assert_eq!(with_cursor(&asked.parse().expect("an address"), "7/"), next);
        }
    }
}
