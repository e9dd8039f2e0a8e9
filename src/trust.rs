//! Who vouches for a number: shown beside every run and every reproduction.

use serde::Serialize;
use utoipa::ToSchema;

/// Whose word a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// A worker of the board's own trained it: one with the database's password, or with an admin's token. Only such runs
    /// count for a verdict.
    Board,
    /// Somebody says that their own machine came to it; nobody else saw that, and it moves neither verdict nor standing.
    SelfReported,
}

impl Trust {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Board => "trained by a worker of the board’s own",
            Self::SelfReported => "self-reported",
        }
    }
}
