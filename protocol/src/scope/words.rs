//! A scope in words, for people.

use super::Scope;
use crate::spec::number;

impl Scope {
    /// What an experiment must be to move the claim's standing: a subject and what is wanted of it, line by line.
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let listed = |names: Vec<&str>| (!names.is_empty()).then(|| names.join(", "));
        let arm = |wanted: &std::collections::BTreeMap<String, super::Wanted>| {
            let parts: Vec<String> = wanted
                .iter()
                .filter_map(|(path, wanted)| Some(format!("{path} {}", wanted.demand()?)))
                .collect();
            (!parts.is_empty()).then(|| parts.join("; "))
        };
        let data: Vec<&str> = self.data.iter().map(String::as_str).collect();
        let metrics: Vec<&str> = self.metrics.iter().map(String::as_str).collect();
        let lines = [
            (
                "Task",
                listed(self.tasks.iter().map(|task| task.words()).collect()),
            ),
            (
                "Cell",
                listed(self.cells.iter().map(|cell| cell.name()).collect()),
            ),
            ("Data set", listed(data)),
            ("Units a layer", self.hidden.words()),
            ("Time steps", self.length.words()),
            ("Dropout rate", self.rate.words()),
            (
                "Metric",
                Some(listed(metrics).unwrap_or("any that is measured on the test".into())),
            ),
            (
                "Says",
                (self.predicts == super::Predicts::NotWorse)
                    .then(|| "the treatment is no worse than the control, by what counts".into()),
            ),
            ("Treatment", arm(&self.arms.treatment)),
            ("Control", arm(&self.arms.control)),
            ("Smallest effect that counts", Some(self.margin.words())),
        ];
        lines
            .into_iter()
            .filter_map(|(subject, wanted)| Some((subject, wanted?)))
            .collect()
    }

    /// What would falsify the claim, as long as no experiment says it in numbers of its own.
    pub fn falsifier(&self) -> String {
        if self.arms.are_open() {
            return "The claim does not say which arms it compares, so no experiment falsifies it."
                .to_owned();
        }
        let tasks: Vec<&str> = self.tasks.iter().map(|task| task.words()).collect();
        let place = match tasks.split_last() {
            None => String::new(),
            Some((only, [])) => format!(", on {only}"),
            Some((last, others)) => format!(", on {} or {last}", others.join(", ")),
        };
        let proof = match self.predicts {
            super::Predicts::Better => "the advantage of its treatment is smaller than what counts",
            super::Predicts::NotWorse => "its treatment is worse by more than what counts",
        };
        format!("Proof that {proof}{place}: twice, the second time on unused seeds.")
    }
}

/// A share in points, one of them as one.
fn points(share: f64) -> String {
    let points = number(share * 100.0);
    let word = if points == "1" { "point" } else { "points" };
    format!("{points} {word}")
}

impl super::Margins {
    fn words(&self) -> String {
        format!(
            "{} nats; {} in the logarithm of an error; {} of accuracy; {} of solved seeds; {} of a rank correlation",
            number(self.nats),
            number(self.relative),
            points(self.accuracy),
            points(self.solve_rate),
            number(self.correlation)
        )
    }
}
