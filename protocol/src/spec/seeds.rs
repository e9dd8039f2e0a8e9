//! The seeds of an experiment: how many the board is to draw, or which.
//!
//! Whoever chooses seeds may have tried them first: ten of a hundred and twenty tried, and the worse arm wins. So an
//! experiment that is to decide something says how many; they follow from the frozen specification and a random number
//! that is drawn, and published, when it is registered. Anyone computes them again.

use super::fields::{Fields, Problem, kind, whole as whole_number};
use super::limits;
use super::types::Spec;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// One run for each arm and seed; arms of one seed share initial weights and data order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Seeds {
    /// So many, drawn at registration.
    Count(u32),
    /// These, chosen by the author: for local runs, and for experiments that look and do not decide.
    Listed(Vec<u32>),
}

impl Seeds {
    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Count(count) => *count as usize,
            Self::Listed(seeds) => seeds.len(),
        }
    }
}

impl Spec {
    /// The seeds that the runs have. Those of a count are drawn with `salt`, the random number of the registration; where
    /// nothing was registered, as when it is trained locally, they are 1, 2, ….
    ///
    /// Seed number i is the first four bytes, most significant first, of SHA-256 of `{spec_sha256}:{salt}:{i}` with i
    /// from 0 on; one that is there already is passed over.
    pub fn seeds_drawn(&self, salt: Option<&str>) -> Vec<u32> {
        let count = match &self.seeds {
            Seeds::Listed(seeds) => return seeds.clone(),
            Seeds::Count(count) => *count,
        };
        self.drawn(count, salt)
    }

    /// The first so many seeds that are drawn: those of the comparison, and then those of its tuning.
    pub(super) fn drawn(&self, count: u32, salt: Option<&str>) -> Vec<u32> {
        salt.map_or_else(
            || (1..=count).collect(),
            |salt| drawn(&self.sha256(), salt, count),
        )
    }
}

/// The first so many seeds that follow from the hash of a specification and the random number of its registration, as
/// [`Spec::seeds_drawn`] says; for whoever has the hash, and need not read the specification.
pub fn drawn(spec_sha256: &str, salt: &str, count: u32) -> Vec<u32> {
    let mut seeds = Vec::new();
    for i in 0.. {
        if seeds.len() == count as usize {
            break;
        }
        let [a, b, c, d, ..] = *Sha256::digest(format!("{spec_sha256}:{salt}:{i}")) else {
            break;
        };
        let seed = u32::from_be_bytes([a, b, c, d]);
        if !seeds.contains(&seed) {
            seeds.push(seed);
        }
    }
    seeds
}

/// What keeps seeds that were chosen from deciding anything, or so few of them.
pub(super) fn undecidable(seeds: &Seeds) -> Option<Problem> {
    let detail = match seeds {
        Seeds::Listed(_) => {
            "are named one by one, so whoever chose them may have tried them first, and nothing can be decided with them. \
             Say how many there are to be, such as 8, and the board draws them; or register it as exploratory."
                .to_owned()
        }
        Seeds::Count(count) if (*count as usize) < limits::SEEDS_REGISTERED => format!(
            "are {count}; a criterion needs at least {}: with fewer pairs no exact test can tell.",
            limits::SEEDS_REGISTERED
        ),
        Seeds::Count(_) => return None,
    };
    Some(Problem {
        pointer: "/seeds".into(),
        detail,
    })
}

/// Reads `seeds`: a number of them or a list.
pub(super) fn read(fields: &mut Fields<'_>, strict: bool) -> Seeds {
    match fields.take("seeds") {
        Some(value @ Value::Number(_)) => counted(fields, value, strict),
        Some(Value::Array(items)) => Seeds::Listed(listed(fields, items, strict)),
        Some(other) => {
            fields.problem(
                "seeds",
                format!(
                    "must be how many the board is to draw, such as 8, or a list such as [1, 2, 3], not {}.",
                    kind(other)
                ),
            );
            Seeds::Count(1)
        }
        None => {
            fields.problem(
                "seeds",
                "is missing; say how many the board is to draw, such as 8.",
            );
            Seeds::Count(1)
        }
    }
}

fn counted(fields: &mut Fields<'_>, value: &Value, strict: bool) -> Seeds {
    let most = *limits::SEEDS.end();
    let count = whole_number(value)
        .filter(|count| *count > 0 && (!strict || limits::SEEDS.contains(&(*count as usize))));
    if count.is_none() {
        fields.problem(
            "seeds",
            format!("is {value}; how many there are to be is a whole number from 1 to {most}."),
        );
    }
    Seeds::Count(count.unwrap_or(1))
}

fn listed(fields: &mut Fields<'_>, items: &[Value], strict: bool) -> Vec<u32> {
    if items.is_empty() {
        fields.problem(
            "seeds",
            "needs at least one seed; an experiment that is registered needs six.",
        );
    }
    if strict && items.len() > *limits::SEEDS.end() {
        fields.problem(
            "seeds",
            format!(
                "has {} seeds; at most {} are allowed.",
                items.len(),
                limits::SEEDS.end()
            ),
        );
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let mut seeds = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let pointer = format!("/seeds/{index}");
        let Some(seed) = whole_number(item) else {
            fields.problems.push(Problem {
                pointer,
                detail: "must be a whole number from 0 to 4294967295.".into(),
            });
            continue;
        };
        if !seen.insert(seed) {
            fields.problems.push(Problem {
                pointer,
                detail: format!("seed {seed} is there twice; each seed gives one run an arm."),
            });
            continue;
        }
        seeds.push(seed);
    }
    seeds
}

#[cfg(test)]
mod tests;
