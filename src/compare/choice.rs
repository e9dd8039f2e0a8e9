//! What is compared, as an address has it.

use breakmywork_protocol::id::{ExperimentId, RunId};

/// Experiments at most: each has at least two columns.
pub const MOST_EXPERIMENTS: usize = 6;
/// Runs at most that are chosen one by one.
pub const MOST_RUNS: usize = 100;

/// Longest list that is read.
const LONGEST: usize = 1_000;

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// All arms of these.
    pub experiments: Vec<ExperimentId>,
    /// These.
    pub runs: Vec<RunId>,
    /// Whether each run is a column of its own, and not each group that differs in the seed alone.
    pub each_run: bool,
}

impl Choice {
    /// Reads the fields of a query: `experiments=1,2`, or ticks one by one, `experiments=1&experiments=2`.
    ///
    /// # Errors
    /// A sentence about what does not read.
    pub fn read(fields: &[(String, String)]) -> Result<Self, String> {
        let mut choice = Self::default();
        for (name, value) in fields {
            let parts = value
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty());
            let numbers = || {
                parts
                    .clone()
                    .take(LONGEST)
                    .map(str::parse)
                    .collect::<Result<Vec<i64>, _>>()
                    .map_err(|_| {
                        format!(
                            "`{name}` takes numbers with commas between them, as in {name}=1,2."
                        )
                    })
            };
            match name.as_str() {
                "experiments" => {
                    let ids = numbers()?.into_iter().map(ExperimentId);
                    choice.experiments.extend(ids);
                }
                "runs" => choice.runs.extend(numbers()?.into_iter().map(RunId)),
                "by" => choice.each_run = value == "run",
                _ => {}
            }
            choice.experiments.truncate(LONGEST);
            choice.runs.truncate(LONGEST);
        }
        once(&mut choice.experiments);
        once(&mut choice.runs);
        Ok(choice)
    }

    /// Whether nothing was chosen.
    pub fn is_empty(&self) -> bool {
        self.experiments.is_empty() && self.runs.is_empty()
    }

    /// The query that is this choice.
    pub fn query(&self) -> String {
        let mut parts = Vec::new();
        if !self.experiments.is_empty() {
            parts.push(format!("experiments={}", listed(&self.experiments)));
        }
        if !self.runs.is_empty() {
            parts.push(format!("runs={}", listed(&self.runs)));
        }
        if self.each_run {
            parts.push("by=run".to_owned());
        }
        match parts.is_empty() {
            true => String::new(),
            false => format!("?{}", parts.join("&")),
        }
    }

    /// As many as are compared, and what is left out.
    pub(super) fn bounded(&self) -> (Self, Vec<String>) {
        let mut left_out = Vec::new();
        let mut choice = self.clone();
        if choice.experiments.len() > MOST_EXPERIMENTS {
            left_out.push(format!(
                "Of {} experiments the first {MOST_EXPERIMENTS} are compared: each has two columns or more, and more nobody reads side by side.",
                choice.experiments.len()
            ));
            choice.experiments.truncate(MOST_EXPERIMENTS);
        }
        if choice.runs.len() > MOST_RUNS {
            left_out.push(format!(
                "Of {} runs the first {MOST_RUNS} are compared.",
                choice.runs.len()
            ));
            choice.runs.truncate(MOST_RUNS);
        }
        (choice, left_out)
    }
}

fn listed<T: ToString>(ids: &[T]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.join(",")
}

/// Each once, in the order in which they were chosen.
fn once<T: Copy + PartialEq>(ids: &mut Vec<T>) {
    let mut kept: Vec<T> = Vec::new();
    ids.retain(|id| {
        let fresh = !kept.contains(id);
        kept.push(*id);
        fresh
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_and_lists_are_the_same_choice() {
        let read = |query: &[(&str, &str)]| {
            let fields: Vec<(String, String)> = query
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            Choice::read(&fields)
        };
        let ticked = read(&[
            ("experiments", "3"),
            ("experiments", "1"),
            ("experiments", "3"),
            ("runs", ""),
        ]);
        assert_eq!(ticked, read(&[("experiments", "3, 1,,")]));
        assert_eq!(ticked.expect("a choice").query(), "?experiments=3,1");
        let runs = read(&[("runs", "1,2"), ("by", "run"), ("other", "x")]).expect("a choice");
        assert_eq!(runs.query(), "?runs=1,2&by=run");
        assert!(read(&[("runs", "1;2")]).is_err());
        assert!(read(&[]).expect("a choice").is_empty());
        let many: Vec<String> = (0..5000).map(|id| id.to_string()).collect();
        let many = read(&[("runs", &many.join(","))]).expect("a choice");
        assert_eq!(many.runs.len(), LONGEST);
        let (few, left_out) = many.bounded();
        assert_eq!((few.runs.len(), left_out.len()), (MOST_RUNS, 1));
    }
}
