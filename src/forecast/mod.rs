//! Forecasts: a member's probability that the claim survives an experiment. What form and REST have in common.
//!
//! Nothing of what others gave is even read from the database before the reader may know it ([`seen`]), so it cannot
//! leak by a length, a header or a sort.

mod score;
mod surprises;

pub use score::{Bin, Score, Tally};
pub use surprises::{Surprises, look_again};

use crate::db::accounts;
use crate::db::forecasts::{self as table, About};
use crate::error::{Error, Result};
use crate::render::number;
use breakmywork_protocol::id::{AccountId, ExperimentId};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Forecasts of one person within an hour.
const PER_HOUR: i64 = 60;

/// A probability in whole percent, 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(i16);

impl Percent {
    /// From a whole number.
    ///
    /// # Errors
    /// A sentence for the person who wrote it.
    pub fn new(percent: i64) -> Result<Self, String> {
        match i16::try_from(percent) {
            Ok(whole @ 0..=100) => Ok(Self(whole)),
            _ => Err("A forecast is a whole number of percent, from 0 to 100.".to_owned()),
        }
    }

    /// As a person typed it, with or without the sign.
    ///
    /// # Errors
    /// A sentence for that person.
    pub fn read(typed: &str) -> Result<Self, String> {
        let number = typed.trim().trim_end_matches('%').trim_end();
        // What is no number is refused in the same words as a number that is too large.
        Self::new(number.parse().unwrap_or(-1))
    }

    /// As a column has it.
    pub(crate) fn stored(percent: i16) -> Self {
        Self(percent.clamp(0, 100))
    }

    /// Its number.
    pub fn get(self) -> i16 {
        self.0
    }
}

impl std::fmt::Display for Percent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// Whether an experiment takes forecasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// There is nothing to see of its runs yet.
    Open,
    /// There is something to see of them, but no verdict.
    Closed,
    /// It is concluded or withdrawn: everybody sees who forecast what.
    Ended,
    /// It is exploratory, carries no verdict and takes no forecast.
    Exploratory,
    /// It is sealed: only its author knows what there is to forecast.
    Sealed,
    /// It is a proposal that a moderator hid.
    Hidden,
}

/// What the members but the author gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Crowd {
    /// How many.
    pub forecasts: i64,
    /// Mean of their probabilities, from 0 to 1.
    pub mean: f64,
    /// How many in each tenth: 0 to 10 %, 11 to 20 %, and so on.
    pub histogram: [i64; 10],
}

impl Crowd {
    /// None if nobody gave one.
    fn of(tallies: &[(Percent, i64)]) -> Option<Self> {
        let forecasts: i64 = tallies.iter().map(|(_, times)| times).sum();
        if forecasts == 0 {
            return None;
        }
        let sum: i64 = tallies
            .iter()
            .map(|(percent, times)| i64::from(percent.get()) * times)
            .sum();
        let mut histogram = [0; 10];
        for (percent, times) in tallies {
            histogram[score::tenth(*percent)] += times;
        }
        Some(Self {
            forecasts,
            mean: sum as f64 / (forecasts * 100) as f64,
            histogram,
        })
    }
}

/// What a reader may know of the forecasts of an experiment.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Whether it takes forecasts.
    pub stage: Stage,
    /// The reader's own, and when it was given.
    pub own: Option<(Percent, DateTime<Utc>)>,
    /// Whether the reader may know what others gave.
    pub revealed: bool,
    /// What others gave; none if nobody did, or the reader may not know.
    pub crowd: Option<Crowd>,
    /// What the experiment's author gave; none as above.
    pub author: Option<Percent>,
    /// Whether the claim survived; none before the end, and where the outcome decides nothing.
    pub survived: Option<bool>,
    /// Whether a dispute keeps it from counting.
    pub disputed: bool,
}

/// What `reader` may know of an experiment's forecasts; none if there is no such experiment.
///
/// # Errors
/// If the database is away.
pub async fn seen(
    db: &mut PgConnection,
    experiment: ExperimentId,
    reader: Option<AccountId>,
) -> sqlx::Result<Option<Seen>> {
    let Some(about) = table::about(&mut *db, experiment, reader).await? else {
        return Ok(None);
    };
    let stage = about.stage();
    let revealed = stage == Stage::Ended || about.own.is_some();
    let mut seen = Seen {
        stage,
        revealed,
        crowd: None,
        author: None,
        survived: about.survived(),
        disputed: about.disputed,
        own: about.own.map(Percent::stored).zip(about.own_at),
    };
    if revealed {
        seen.crowd = Crowd::of(&table::tallies(&mut *db, experiment).await?);
        seen.author = table::of_author(&mut *db, experiment).await?;
    }
    Ok(Some(seen))
}

/// Stores a member's forecast. The same one sent again changes nothing. `version` is the last change of the proposal that
/// its reader knew.
///
/// # Errors
/// Not open, another one given before, too many within an hour, or no such experiment: then roll `tx` back.
pub async fn give(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    member: AccountId,
    percent: Percent,
    version: Option<DateTime<Utc>>,
) -> Result<()> {
    accounts::lock(tx, member).await?;
    // A proposal does not change between this look and the end of the transaction.
    let about = table::lock_about(&mut *tx, experiment, member)
        .await?
        .ok_or_else(|| Error::missing("experiment", experiment))?;
    if let Some(own) = about.own.map(Percent::stored) {
        return match own == percent {
            true => Ok(()),
            false => Err(Error::Conflict(format!(
                "You gave your forecast, {own}. It is final, since you have seen those of others."
            ))),
        };
    }
    if let Some(why) = refusal(&about) {
        return Err(Error::Conflict(why.to_owned()));
    }
    if about.state == "proposed" && version.is_some_and(|version| version != about.updated_at) {
        return Err(Error::Conflict(
            "The proposal was changed since you read it. Read it again, then give your forecast."
                .to_owned(),
        ));
    }
    if table::within_an_hour(&mut *tx, member).await? >= PER_HOUR {
        return Err(Error::TooMany {
            detail: format!(
                "You gave {} within an hour. Wait a while, then give this one.",
                number::plural(PER_HOUR, "forecast", "forecasts")
            ),
            retry_after: 600,
        });
    }
    table::create(tx, experiment, member, percent).await?;
    Ok(())
}

/// Why an experiment takes no forecast, if it takes none.
fn refusal(about: &About) -> Option<&'static str> {
    match about.stage() {
        Stage::Open => None,
        Stage::Closed => Some(
            "There is something to see of its runs already, so a forecast would be none. Forecasts are taken from the proposal on until the first measurement of a run.",
        ),
        Stage::Ended => Some("It has ended: there is nothing left to forecast."),
        Stage::Sealed => Some(
            "It is sealed, and only its author knows what it predicts. Forecasts are taken once it is opened, if there is nothing to see of its runs by then.",
        ),
        Stage::Hidden => Some("A moderator hid this proposal; nothing is forecast of it."),
        Stage::Exploratory => {
            Some("It is exploratory and never carries a verdict, so there is nothing to forecast.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_read_as_people_write_it() {
        for (typed, percent) in [("0", 0), (" 70 ", 70), ("100%", 100), ("5 %", 5)] {
            assert_eq!(Percent::read(typed).map(Percent::get), Ok(percent));
        }
        for bad in [
            "",
            "101",
            "-1",
            "0.5",
            "70%%x",
            "9999999999999999999999",
            "NaN",
        ] {
            assert!(Percent::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_crowd_has_a_mean_and_tenths() {
        let tallies = [(0, 1), (10, 1), (11, 2), (100, 1)];
        let tallies = tallies.map(|(percent, times)| (Percent(percent), times));
        let crowd = Crowd::of(&tallies).expect("five");
        assert_eq!(crowd.forecasts, 5);
        assert!((crowd.mean - 0.264).abs() < 1e-12);
        assert_eq!(crowd.histogram, [2, 2, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(Crowd::of(&[]), None);
    }
}
