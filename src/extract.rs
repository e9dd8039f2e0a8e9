//! What handlers take from a request.

#![expect(
    clippy::disallowed_types,
    reason = "these wrap the framework's own, and nothing else may use them"
)]

use crate::{
    auth::{account::Role, session::Viewer, token::WAITS},
    error::Error,
    middleware::intake::Meter,
    middleware::limits::{BODY, FORM_BYTES},
    render::url,
    unchanged::Looked,
};
use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Request},
    http::{Extensions, HeaderMap, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use breakmywork_protocol::id::AccountId;
use breakmywork_protocol::record::Head;
use futures_util::TryStreamExt;
use serde::de::DeserializeOwned;
use std::convert::Infallible;

/// Who looks at which address: what the frame of every page needs.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Who is signed in.
    pub viewer: Option<Viewer>,
    /// Path and query, to come back to.
    pub address: String,
    /// Where the record ends, for the foot of the page.
    pub head: Option<Head>,
}

impl Visit {
    /// What [`crate::middleware::session`] found out about a request is in the extensions of request and response.
    pub(crate) fn new(uri: &Uri, found: &Extensions) -> Self {
        let address = uri.path_and_query().map_or("/", |address| address.as_str());
        Looked::note(found);
        Self {
            viewer: found.get().cloned(),
            head: found.get().cloned(),
            address: address.to_owned(),
        }
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.address.split('?').next().unwrap_or("/")
    }

    /// The path one step up.
    pub fn above(&self) -> &str {
        match self.path().rsplit_once('/') {
            Some((above, _)) if !above.is_empty() => above,
            _ => "/",
        }
    }

    /// Whether the address lies under this section of the site.
    pub fn within(&self, section: &str) -> bool {
        self.path().starts_with(section)
    }

    /// Where a link to something that only members can do leads: a visitor gets there by way of signing up.
    pub fn as_member(&self, address: &str) -> String {
        match &self.viewer {
            Some(_) => address.to_owned(),
            None => format!("/sign-up?next={}", url::component(address)),
        }
    }

    /// The account of whoever looks.
    pub fn reader(&self) -> Option<AccountId> {
        self.viewer.as_ref().map(|viewer| viewer.id)
    }

    /// Whether the viewer may run the queue.
    pub fn is_admin(&self) -> bool {
        self.viewer
            .as_ref()
            .is_some_and(|viewer| viewer.role.is_admin())
    }

    /// Whether the viewer may hide comments.
    pub fn is_moderator(&self) -> bool {
        self.viewer
            .as_ref()
            .is_some_and(|viewer| viewer.role.is_moderator())
    }
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::new(&parts.uri, &parts.extensions))
    }
}

/// A signed-in person; others are sent to sign in and come back.
#[derive(Debug, Clone)]
pub struct Member(pub Viewer);

impl<S: Sync> FromRequestParts<S> for Member {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Looked::note(&parts.extensions);
        parts
            .extensions
            .get::<Viewer>()
            .cloned()
            .map(Self)
            .ok_or_else(|| Error::SignIn {
                next: return_address(parts),
            })
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Member {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Looked::note(&parts.extensions);
        Ok(parts.extensions.get::<Viewer>().cloned().map(Self))
    }
}

/// Where to go after signing in: this page, or for a form the page it is on.
fn return_address(parts: &Parts) -> String {
    let here = parts
        .uri
        .path_and_query()
        .map_or("/", |address| address.as_str());
    if parts.method.is_safe() {
        return here.to_owned();
    }
    parts
        .headers
        .get(axum::http::header::REFERER)
        .and_then(|referer| referer.to_str().ok()?.parse::<Uri>().ok())
        .and_then(|uri| Some(uri.path_and_query()?.as_str().to_owned()))
        .unwrap_or_else(|| "/".to_owned())
}

macro_rules! needs_role {
    ($($(#[$doc:meta])* $name:ident, $role:expr, $refusal:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(pub Viewer);

        impl<S: Sync> FromRequestParts<S> for $name {
            type Rejection = Error;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
                let Member(viewer) =
                    <Member as FromRequestParts<S>>::from_request_parts(parts, state).await?;
                if viewer.waits.is_some_and(|waiting| waiting >= $role) {
                    return Err(Error::Forbidden(WAITS.to_owned()));
                }
                if viewer.role < $role {
                    tracing::warn!(account = %viewer.id, "refused: needs {:?}", $role);
                    return Err(Error::Forbidden($refusal.to_owned()));
                }
                Ok(Self(viewer))
            }
        }
    )*};
}

needs_role! {
    /// A signed-in person who may hide comments.
    Moderator, Role::Moderator, "Only moderators may do this.";
    /// A signed-in person who may run the queue.
    Admin, Role::Admin, "Only admins see this page. The public queue is at /queue.";
}

/// Parts of the path; one that does not read names nothing.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        <axum::extract::Path<T> as FromRequestParts<S>>::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(value)| Self(value))
            .map_err(|_| Error::NotFound("There is nothing at this address.".to_owned()))
    }
}

/// The query; one that does not read is refused in our words.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        use std::error::Error as _;
        axum::extract::Query::<T>::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection| {
                let words = rejection.source().map_or_else(String::new, ToString::to_string);
                // serde names the parameter first: `limit: invalid digit found in string`.
                Error::BadRequest(match words.split_once(':') {
                    Some((name, _)) if name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_') => {
                        format!("`{name}` in the query has a value that cannot be read. Leave it out, or see /docs/api for what it takes.")
                    }
                    _ => "The query cannot be read: a parameter is there twice or is not UTF-8 text.".to_owned(),
                })
            })
    }
}

/// Whether these headers say that the body is JSON.
pub fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok()?.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Reads a body, at most `most` bytes and within a time, however slowly its sender sends.
///
/// # Errors
/// Too large, too slow, broken off, or one of too many that are being sent.
pub async fn body(request: Request, most: usize) -> Result<(Parts, Bytes), Error> {
    let (parts, body) = request.into_parts();
    let announced = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > most) {
        return Err(Error::TooLarge);
    }
    let mut share = parts.extensions.get::<Meter>().map(Meter::begin);
    let mut bytes = Vec::new();
    let mut chunks = body.into_data_stream();
    let all = async {
        while let Some(chunk) = chunks.try_next().await.map_err(|_| Error::BrokenOff)? {
            if bytes.len() + chunk.len() > most {
                return Err(Error::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
            if let Some(share) = &mut share {
                share.grow_to(bytes.capacity())?;
            }
        }
        Ok(())
    };
    tokio::time::timeout(BODY, all)
        .await
        .map_err(|_| Error::TooSlow)??;
    Ok((parts, bytes.into()))
}

/// A posted form; what does not read is refused in our words.
#[derive(Debug, Clone, Copy)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (parts, bytes) = body(request, FORM_BYTES)
            .await
            .map_err(IntoResponse::into_response)?;
        let whole = Request::from_parts(parts, Body::from(bytes));
        axum::extract::Form::<T>::from_request(whole, state)
            .await
            .map(|axum::extract::Form(value)| Self(value))
            .map_err(|_| {
                Error::BadRequest(
                    "The form could not be read: a field is missing or is not UTF-8 text. Go back, reload the page and send it again.".to_owned(),
                )
                .into_response()
            })
    }
}
