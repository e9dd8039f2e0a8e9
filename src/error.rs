//! The one error type at the web's edge.
//!
//! Handlers return [`Error`]; what a person or a script sees is decided by
//! [`crate::middleware::errors`]: a designed page, or `problem+json` under
//! `/api/`. Internal causes go to the log, under the request's id, and never
//! further.

use crate::auth::scope::Scope;
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Serialize;

/// Shorthand for handlers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing; the text names it: "no claim 12".
    #[error("{0}")]
    NotFound(String),
    /// Only signed-in people may; `next` is where to go on after that.
    #[error("sign in first")]
    SignIn {
        /// Path on this site to return to.
        next: String,
    },
    /// The API needs a valid token.
    #[error("{0}")]
    Unauthorized(String),
    /// Not for this person, and why.
    #[error("{0}")]
    Forbidden(String),
    /// The token does not have that scope.
    #[error("the token lacks the scope {0}")]
    Scope(Scope),
    /// The request cannot be understood.
    #[error("{0}")]
    BadRequest(String),
    /// Understood and refused, field by field.
    #[error("{} field problem(s)", .0.len())]
    Invalid(Vec<FieldProblem>),
    /// Not in this state.
    #[error("{0}")]
    Conflict(String),
    /// Changed since the sender read it, by `If-Match`.
    #[error("it was changed since it was read")]
    Changed,
    /// What an outside worker asks for is no longer, or not yet, its own.
    #[error("{detail}")]
    Worker {
        /// Last part of the problem's `type` address, one of those in [`jobs::outside`].
        ///
        /// [`jobs::outside`]: breakmywork_protocol::jobs::outside
        kind: &'static str,
        /// What to do.
        detail: &'static str,
    },
    /// Too often or too much.
    #[error("{detail}")]
    TooMany {
        /// What was exceeded.
        detail: String,
        /// Seconds after which to try again.
        retry_after: u32,
    },
    /// The body is of a type that is not read here.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The body is larger than any request needs.
    #[error("the body is too large")]
    TooLarge,
    /// The body did not arrive in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// The body ended before its end.
    #[error("the body broke off")]
    BrokenOff,
    /// Too much to do at this moment.
    #[error("{detail}")]
    Busy {
        /// Of what there is too much.
        detail: String,
        /// Seconds after which to try again.
        retry_after: u32,
    },
    /// The database cannot do it at this moment.
    #[error("the database cannot do it: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// A fault of ours.
    #[error("{0}")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// One refused field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldProblem {
    /// JSON pointer into the request's body.
    pub pointer: String,
    /// What is wrong and what would be right.
    pub detail: String,
}

impl FieldProblem {
    /// A problem at a place.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            detail: detail.into(),
        }
    }
}

/// What a person or script may know of an error; travels in the response's extensions.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Last part of the problem's `type` address, explained in `docs/api.md`.
    pub kind: &'static str,
    /// A few words.
    pub title: &'static str,
    /// A sentence about this very request.
    pub detail: String,
    /// Refused fields.
    pub fields: Vec<FieldProblem>,
}

/// In the extensions of an answer that sends somebody to sign in: the path to return to. Whoever holds what they typed
/// can then answer better.
#[derive(Debug, Clone)]
pub struct SignInNeeded(pub String);

/// Seconds after which to try again when the database was away.
pub const RETRY_AFTER: u32 = 5;

/// Refused fields that one answer names: nobody mends more at once.
const MOST_FIELDS: usize = 50;

/// The first problems, and how many more there are.
fn shortened(fields: &[FieldProblem]) -> Vec<FieldProblem> {
    let mut kept: Vec<FieldProblem> = fields.iter().take(MOST_FIELDS).cloned().collect();
    let more = fields.len() - kept.len();
    if more > 0 {
        kept.push(FieldProblem::new(
            "",
            format!("There are {more} more problems. Mend these first."),
        ));
    }
    kept
}

/// What keeps the database from doing something that it could do another time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Away,
    Full,
    Crowded,
    Slow,
    Locked,
}

impl Trouble {
    fn of(error: &sqlx::Error) -> Self {
        let sqlx::Error::Database(database) = error else {
            return Self::Away;
        };
        match database.code().as_deref() {
            Some("53100") => Self::Full,
            Some(code) if code.starts_with("53") => Self::Crowded,
            Some("57014") => Self::Slow,
            Some("55P03" | "40P01" | "40001") => Self::Locked,
            _ => Self::Away,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Away => {
                "The site cannot reach its database. Nothing is lost; try again in a few seconds."
            }
            Self::Full => {
                "The disk of the site's database is full, so nothing new can be stored until its operator makes room. What was stored before is safe. Keep what you typed and try again later."
            }
            Self::Crowded => {
                "The site's database has too much to do at this moment. Nothing was changed; try again in a few seconds."
            }
            Self::Slow => {
                "The site's database took too long over this. Nothing was changed; try again in a few seconds."
            }
            Self::Locked => {
                "Something else is changing the same thing at this moment. Nothing was changed; try again in a few seconds."
            }
        }
    }

    /// Seconds after which to try again.
    fn retry_after(self) -> u32 {
        match self {
            Self::Locked => 2,
            Self::Away | Self::Crowded | Self::Slow => RETRY_AFTER,
            Self::Full => 300,
        }
    }
}

impl Error {
    /// Nothing of that kind under that name.
    pub fn missing(kind: &str, name: impl std::fmt::Display) -> Self {
        Self::NotFound(format!("There is no {kind} {name}."))
    }

    /// A fault that should not happen.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// A single refused field.
    pub fn field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldProblem::new(pointer, detail)])
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::SignIn { .. } | Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::Scope(_) => StatusCode::FORBIDDEN,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict(_) | Self::Worker { .. } => StatusCode::CONFLICT,
            Self::Changed => StatusCode::PRECONDITION_FAILED,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unsupported(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BrokenOff => StatusCode::BAD_REQUEST,
            Self::Busy { .. } | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Says after how many seconds to try again, where that may help.
    pub fn say_when(&self, headers: &mut HeaderMap) {
        let retry_after = match self {
            Self::Unavailable(cause) => Trouble::of(cause).retry_after(),
            Self::TooMany { retry_after, .. } | Self::Busy { retry_after, .. } => *retry_after,
            _ => return,
        };
        headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
    }

    fn reply(&self) -> Reply {
        let mut reply = Reply::of(self.status());
        match self {
            Self::NotFound(detail)
            | Self::Unauthorized(detail)
            | Self::Forbidden(detail)
            | Self::BadRequest(detail)
            | Self::Conflict(detail)
            | Self::Busy { detail, .. }
            | Self::TooMany { detail, .. } => reply.detail.clone_from(detail),
            Self::Scope(scope) => {
                reply.detail = format!(
                    "This token lacks the scope `{scope}`. Make one that has it at /account#tokens, or with `breakmywork token create --scope {scope}`."
                );
            }
            Self::Worker { kind, detail } => {
                reply.kind = kind;
                reply.detail = (*detail).to_owned();
            }
            Self::Invalid(fields) => reply.fields = shortened(fields),
            Self::Unsupported(detail) => reply.detail = (*detail).to_owned(),
            Self::Unavailable(cause) => reply.detail = Trouble::of(cause).words().to_owned(),
            Self::BrokenOff => {
                reply.detail = "The request broke off before its end. Send it again.".into()
            }
            Self::SignIn { .. }
            | Self::Changed
            | Self::TooLarge
            | Self::TooSlow
            | Self::Internal(_) => {}
        }
        reply
    }
}

impl Reply {
    /// The general words for a status, where nothing more is known.
    pub fn of(status: StatusCode) -> Self {
        let (kind, title, detail) = match status.as_u16() {
            401 => ("unauthorized", "Sign in first", "This needs an account."),
            403 => ("forbidden", "Not allowed", "This is not open to you."),
            404 => (
                "not-found",
                "Not found",
                "There is nothing at this address.",
            ),
            405 => (
                "method-not-allowed",
                "Not that way",
                "This address exists but does not take that kind of request.",
            ),
            408 => (
                "timeout",
                "Took too long",
                "The request did not arrive in time; nothing was done. Send it again.",
            ),
            409 => (
                "conflict",
                "Not in this state",
                "Something else happened first.",
            ),
            412 => (
                "changed",
                "Changed since",
                "It is not what `If-Match` names any more. Read it again, and send your change with the `ETag` of that.",
            ),
            413 => (
                "too-large",
                "Too large",
                "A request may hold at most 256 kB, a piece of a file 1 MiB. Shorten it and send it again.",
            ),
            415 => (
                "unsupported-type",
                "Unsupported content type",
                "The body is not of a type that this address reads.",
            ),
            422 => ("invalid", "Refused", "Some fields need a change."),
            429 => (
                "too-many",
                "Too many requests",
                "Wait a little and try again.",
            ),
            503 => (
                "unavailable",
                "Away for a moment",
                "The answer took too long. Look whether it was done after all before you send it again.",
            ),
            500.. => (
                "internal",
                "Our fault",
                "Something broke on our side. It has been written down.",
            ),
            _ => (
                "bad-request",
                "Not understood",
                "The request could not be read.",
            ),
        };
        Self {
            kind,
            title,
            detail: detail.to_owned(),
            fields: Vec::new(),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match &self {
            Self::Internal(cause) => tracing::error!(cause = ?cause, "request failed: {cause}"),
            Self::Unavailable(cause) => {
                tracing::warn!(%cause, trouble = ?Trouble::of(cause), "database unavailable: {cause}");
            }
            _ => {}
        }
        if let Self::SignIn { next } = &self {
            let to = format!("/sign-in?next={}", crate::render::url::component(next));
            let mut response = Redirect::to(&to).into_response();
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response.extensions_mut().insert(SignInNeeded(next.clone()));
            return response;
        }
        let reply = self.reply();
        let mut response = (self.status(), reply.detail.clone()).into_response();
        self.say_when(response.headers_mut());
        if let Self::Scope(scope) = &self {
            // RFC 6750, 3.1: a program can read what is lacking.
            let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
            if let Ok(challenge) = HeaderValue::from_str(&challenge) {
                let headers = response.headers_mut();
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
        }
        response.extensions_mut().insert(reply);
        response
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => Self::NotFound("There is nothing at this address.".into()),
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_) => Self::Unavailable(error),
            // Connection exceptions, out of resources, and shut-down or recovery; a statement or lock that took too
            // long, a deadlock, a transaction that was ended because it idled, a server that only reads.
            sqlx::Error::Database(database)
                if database.code().is_some_and(|code| {
                    [
                        "08", "53", "57P", "57014", "55P03", "40P01", "40001", "25P03", "25P04",
                        "25006",
                    ]
                    .iter()
                    .any(|class| code.starts_with(class))
                }) =>
            {
                Self::Unavailable(error)
            }
            // Text with a NUL character or one that the database's encoding lacks.
            sqlx::Error::Database(database)
                if database
                    .code()
                    .is_some_and(|code| ["22021", "22P05"].contains(&code.as_ref())) =>
            {
                Self::BadRequest("The text holds a character that cannot be stored.".to_owned())
            }
            _ => Self::Internal(error.into()),
        }
    }
}

impl From<breakmywork_protocol::jobs::Error> for Error {
    fn from(error: breakmywork_protocol::jobs::Error) -> Self {
        use breakmywork_protocol::jobs::Error as Jobs;
        match error {
            Jobs::Conflict(detail) => Self::Conflict(detail),
            Jobs::NotFound(what) => Self::NotFound(format!("There is no such {what}.")),
            Jobs::Database(error) => error.into(),
            Jobs::LeaseLost { .. } => Self::Worker {
                kind: breakmywork_protocol::jobs::outside::LEASE_LOST,
                detail: "The lease on this run was taken away: write nothing more of it.",
            },
        }
    }
}

impl From<askama::Error> for Error {
    fn from(error: askama::Error) -> Self {
        Self::Internal(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_causes_stay_inside() {
        let response = Error::internal("select secret from place").into_response();
        let reply = response.extensions().get::<Reply>().expect("a reply");
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!reply.detail.contains("secret"));
    }

    #[test]
    fn no_more_problems_are_named_than_somebody_can_mend() {
        let problem = |number| FieldProblem::new(format!("/{number}"), "is wrong.");
        let many = Error::Invalid((0..25_000).map(problem).collect()).into_response();
        let reply = many.extensions().get::<Reply>().expect("a reply");
        assert_eq!(reply.fields.len(), MOST_FIELDS + 1);
        assert!(reply.fields[MOST_FIELDS].detail.contains("24950 more"));
        let few = Error::Invalid((0..50).map(problem).collect()).into_response();
        let reply = few.extensions().get::<Reply>().expect("a reply");
        assert_eq!(reply.fields.len(), 50);
    }

    #[test]
    fn a_database_that_is_away_is_not_our_fault() {
        let response = Error::from(sqlx::Error::PoolTimedOut).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key(header::RETRY_AFTER));
    }
}
