//! Who vouches for a number: shown beside every run and every reproduction.

use serde::Serialize;
use utoipa::ToSchema;

/// Whose word a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// A worker of the board's own trained it: one with the database's password, or with an admin's token.
    Board,
    /// Workers of two volunteers trained it, who do not answer for each other or for the experiment, and got the same numbers:
    /// every bit on a processor, within the tolerance on a card.
    Confirmed,
    /// Somebody says that their own machine came to it; nobody else saw that, and it moves neither verdict nor standing.
    SelfReported,
}

impl Trust {
    /// Of a run, by its column.
    pub fn of_run(stored: &str) -> Self {
        match stored {
            "confirmed" => Self::Confirmed,
            _ => Self::Board,
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Board => "trained by a worker of the board’s own",
            Self::Confirmed => "confirmed by a second host",
            Self::SelfReported => "self-reported",
        }
    }
}
