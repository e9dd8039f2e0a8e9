//! What a search does with its budget: how many points it looks at, with how many pairs, and how often it may try to make
//! what it found smaller.
//!
//! Successive halving (Jamieson & Talwalkar 2016, as in Li et al. 2018 with η = 2): all points get one pair, the half that
//! lies worst for the claim gets twice as many in all, and so on up to as many as the specification has seeds.

use super::super::limits;
use super::super::types::Spec;
use serde::{Deserialize, Serialize};

/// How a search spends its budget; known before its first run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SearchPlan {
    /// Stages in which the points are halved, the first with all of them.
    pub rungs: Vec<Rung>,
    /// Most trials that make what was found smaller, each with all pairs.
    pub shrinking: u32,
}

/// A stage of successive halving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rung {
    /// Points that are in it.
    pub points: u32,
    /// Pairs that each of them has at its end.
    pub pairs: u32,
}

/// Runs of a pair.
const ARMS: u32 = 2;

impl SearchPlan {
    /// The stages for so many points, each halved, until they have so many pairs.
    pub fn halving(points: u32, pairs: u32) -> Vec<Rung> {
        let mut rungs = vec![Rung {
            points,
            pairs: pairs.min(1),
        }];
        while let Some(last) = rungs.last().copied().filter(|last| last.pairs < pairs) {
            rungs.push(Rung {
                points: last.points.div_ceil(2),
                pairs: pairs.min(last.pairs * 2),
            });
        }
        rungs
    }

    /// The plan of a search: the most points that the budget has room for beside a third of it, or at least a trial for each
    /// field, that makes what was found smaller.
    pub fn of(spec: &Spec) -> Option<Self> {
        let search = spec.search.as_ref()?;
        let pairs = u32::try_from(spec.seeds.count()).ok()?;
        let each = (ARMS * pairs).max(1);
        let fields = u32::try_from(search.space.len()).ok()?;
        let mut shrinking = (search.budget / 3 / each).clamp(fields, limits::SEARCH_SHRINKING);
        let left = search.budget.saturating_sub(shrinking * each);
        let most = search.size().min(f64::from(limits::SEARCH_POINTS)) as u32;
        let points = (1..=most)
            .rev()
            .find(|points| runs(&Self::halving(*points, pairs)) <= left)?;
        let rungs = Self::halving(points, pairs);
        // What so many points leave over is for making it smaller.
        let rest = left - runs(&rungs);
        shrinking = (shrinking + rest / each).min(limits::SEARCH_SHRINKING);
        Some(Self { rungs, shrinking })
    }

    /// Points that are drawn.
    pub fn points(&self) -> u32 {
        self.rungs.first().map_or(0, |rung| rung.points)
    }

    /// Pairs of a point that is left at the end.
    pub fn pairs(&self) -> u32 {
        self.rungs.last().map_or(0, |rung| rung.pairs)
    }

    /// Most runs that it takes.
    pub fn runs(&self) -> u32 {
        runs(&self.rungs) + self.shrinking * self.pairs() * ARMS
    }

    /// The smallest budget with room for so many points and a trial for each field.
    pub(super) fn smallest_budget(points: u32, pairs: u32, fields: u32) -> u32 {
        runs(&Self::halving(points, pairs)) + fields * pairs * ARMS
    }
}

/// Runs of all stages: a point keeps the pairs that it has.
fn runs(rungs: &[Rung]) -> u32 {
    let mut before = 0;
    let mut pairs = 0;
    for rung in rungs {
        pairs += rung.points * (rung.pairs - before);
        before = rung.pairs;
    }
    pairs * ARMS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(points: u32, pairs: u32) -> Vec<(u32, u32)> {
        let rungs = SearchPlan::halving(points, pairs);
        rungs.iter().map(|rung| (rung.points, rung.pairs)).collect()
    }

    /// `n_candidates_` and `n_resources_` of scikit-learn 1.7.2's `HalvingRandomSearchCV(factor=2, min_resources=1,
    /// max_resources=R, n_candidates=N)`: `bench/search/halving.py`.
    #[test]
    fn the_stages_are_those_of_scikit_learn() {
        assert_eq!(stages(16, 8), [(16, 1), (8, 2), (4, 4), (2, 8)]);
        assert_eq!(stages(13, 4), [(13, 1), (7, 2), (4, 4)]);
        assert_eq!(stages(27, 16), [(27, 1), (14, 2), (7, 4), (4, 8), (2, 16)]);
    }

    #[test]
    fn a_number_of_pairs_that_is_no_power_of_two_is_reached_all_the_same() {
        assert_eq!(stages(10, 6), [(10, 1), (5, 2), (3, 4), (2, 6)]);
        assert_eq!(stages(1, 3), [(1, 1), (1, 2), (1, 3)]);
    }

    #[test]
    fn a_point_keeps_its_pairs() {
        // 16 + 8 + 4 × 2 + 2 × 4 pairs of two runs each.
        assert_eq!(runs(&SearchPlan::halving(16, 8)), 80);
    }
}
