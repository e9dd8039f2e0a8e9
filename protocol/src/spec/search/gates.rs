//! What a search must be to be registered: its points bear on the claim, its arms differ, and its budget has room.

use super::super::fields::Problem;
use super::super::limits;
use super::super::seeds::Seeds;
use super::super::types::*;
use super::super::{cost, gates, memory};
use super::{SearchPlan, Settings};
use crate::scope::Scope;
use crate::text;

/// Fewest points that are a search.
const FEWEST_POINTS: u32 = 4;
/// Reasons that are named of a value.
const NAMED: usize = 3;

impl Spec {
    /// Everything that stands against registering it as a search; nothing of what is none.
    pub fn unsearchable(&self) -> Vec<Problem> {
        let Some(search) = &self.search else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let mut tell = |pointer: &str, detail: String| {
            let pointer = pointer.to_owned();
            found.push(Problem { pointer, detail });
        };
        if self.arms.len() != 2 {
            let detail = format!(
                "are {}; a search has two, the treatment and the control.",
                self.arms.len()
            );
            tell("/arms", detail);
        }
        let pairs = match &self.seeds {
            Seeds::Count(pairs) => *pairs,
            Seeds::Listed(_) => {
                tell(
                    "/seeds",
                    "are named one by one; say how many pairs a point has at the end, such as 4, and the board draws them."
                        .into(),
                );
                return found;
            }
        };
        let (least, most) = limits::SEARCH_SEEDS.into_inner();
        if !limits::SEARCH_SEEDS.contains(&pairs) {
            let detail = format!(
                "are {pairs}; a point of a search has {least} to {most} pairs at the end, and the experiment that is \
                 proposed there has as many as it needs."
            );
            tell("/seeds", detail);
        }
        let fields = u32::try_from(search.space.len()).unwrap_or(u32::MAX);
        let fewest = (search.size().min(f64::from(FEWEST_POINTS))) as u32;
        let needed = SearchPlan::smallest_budget(fewest, pairs, fields);
        if search.budget < needed {
            let detail = format!(
                "is {}, which is too small: {fewest} points of which the last have {pairs} pairs, and a trial for each of {fields} fields, \
                 take {needed} runs. Take more runs, fewer seeds or fewer fields.",
                search.budget
            );
            tell("/search/budget", detail);
        }
        found.extend(self.at_base());
        found
    }

    /// What stands against the comparison itself, wherever it is made.
    fn at_base(&self) -> Vec<Problem> {
        match self.at(&Settings::new()) {
            // How many pairs an experiment there has is not this one's business.
            Ok(mut base) => {
                base.seeds = Seeds::Count(*limits::SEEDS.end() as u32);
                gates::problems(&base)
            }
            Err(problems) => problems.0,
        }
    }

    /// The base, and each value of each field alone with where it stands: every field of a point is one of these.
    fn variants(&self) -> impl Iterator<Item = (String, Self)> {
        let axes = self.search.iter().flat_map(|search| &search.space);
        let values = axes.enumerate().flat_map(|(place, axis)| {
            axis.values.iter().enumerate().map(move |(index, value)| {
                let pointer = format!("/search/space/{place}/values/{index}");
                (
                    pointer,
                    Settings::from([(axis.field.clone(), value.clone())]),
                )
            })
        });
        [(String::new(), Settings::new())]
            .into_iter()
            .chain(values)
            .filter_map(|(pointer, settings)| Some((pointer, self.at(&settings).ok()?)))
    }

    /// Why what a search finds could not speak against a claim with that scope, value by value; empty if it could.
    pub fn outside_of(&self, scope: &Scope) -> Vec<Problem> {
        let mut found: Vec<Problem> = Vec::new();
        for (pointer, variant) in self.variants() {
            let mut outside = scope.outside(&variant);
            // What is said of the whole is not said again of each value.
            outside.retain(|reason| !found.iter().any(|it| it.detail.contains(reason)));
            if outside.is_empty() {
                continue;
            }
            let reasons = text::first_of(&outside, NAMED, " ");
            found.push(Problem {
                detail: match pointer.is_empty() {
                    true => format!(
                        "cannot speak against the claim, so there is nothing to search for. {reasons}"
                    ),
                    false => format!("lies outside what the claim speaks about. {reasons}"),
                },
                pointer: if pointer.is_empty() { "/criterion".into() } else { pointer },
            });
        }
        found
    }

    /// What is too much of any of its points, each field looked at alone.
    pub(in crate::spec) fn too_much_of_a_point(&self) -> Vec<Problem> {
        let too_much = |(pointer, variant): (String, Self)| {
            let problem = memory::problem(&variant).or_else(|| cost::too_little_data(&variant))?;
            Some(match pointer.is_empty() {
                true => problem,
                false => Problem {
                    detail: format!("is too much: {}", problem.detail),
                    pointer,
                },
            })
        };
        self.variants().find_map(too_much).into_iter().collect()
    }

    /// Most of a number that a run of the search may have, such as its seconds: that of the base, times how much more each
    /// field makes of it.
    pub(in crate::spec) fn most_at_a_point(&self, of: impl Fn(&Setup) -> f64) -> f64 {
        let most = |spec: &Self| {
            let arms = spec.arms.iter().map(|arm| of(&arm.setup));
            arms.fold(0.0, f64::max)
        };
        let own = most(self).max(f64::MIN_POSITIVE);
        let Some(search) = &self.search else {
            return own;
        };
        let mut times = vec![1.0_f64; search.space.len()];
        for (pointer, variant) in self.variants() {
            let place = pointer
                .split('/')
                .nth(3)
                .and_then(|at| at.parse::<usize>().ok());
            if let Some(largest) = place.and_then(|at| times.get_mut(at)) {
                *largest = largest.max(most(&variant) / own);
            }
        }
        own * times.iter().product::<f64>()
    }

    /// Whether these settings make an experiment that can be run, compares two different arms and bears on the claim.
    pub fn is_searched_at(&self, settings: &Settings, scope: &Scope) -> bool {
        self.at(settings).is_ok_and(|mut point| {
            point.seeds = Seeds::Count(*limits::SEEDS.end() as u32);
            gates::problems(&point).is_empty()
                && memory::problem(&point).is_none()
                && cost::too_little_data(&point).is_none()
                && scope.outside(&point).is_empty()
        })
    }
}
