//! Identifiers: one type for each table, so that a run is never looked up by a claim's number.

use std::fmt;

macro_rules! identifier {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, sqlx::Type,
        )]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

identifier! {
    /// A person who can sign in.
    AccountId,
    /// A paper or post under test.
    WorkId,
    /// A sentence about a work that could be false.
    ClaimId,
    /// A proposed test of a claim.
    ExperimentId,
    /// A discussion.
    ThreadId,
    /// A post in a discussion.
    CommentId,
    /// One arm with one seed.
    RunId,
    /// An API token.
    TokenId,
    /// A signed-in browser.
    SessionId,
    /// A link to sign up with.
    InvitationId,
    /// By what another site says somebody signs in.
    IdentityId,
    /// Something that followers are told.
    NewsId,
    /// That somebody follows something.
    FollowId,
    /// Where an account wants to be told by an HTTP request.
    WebhookId,
    /// Something that is sent to a webhook.
    DeliveryId,
    /// What somebody's machine made of an experiment's runs.
    ReproductionId,
}
