//! Whether a scope that somebody wrote can be meant: that its fields exist and that something can lie within.

use super::{Arms, Margins, Range, Scope, Wanted};
use crate::data_set::Reference;
use crate::metric;
use crate::spec::{Problem, Problems, SiteName, limits};
use serde_json::Value;
use std::fmt::Display;

/// Most names in a list, and most fields of an arm.
const MOST: usize = 20;

/// Longest value of an arm's field, in characters.
const VALUE_CHARS: usize = 80;

/// Largest margin that anything asks for.
const LARGEST_MARGIN: f64 = 100.0;

/// What of a setup an arm may be told by, but for its dropout.
const SETTINGS: &[(&str, &[&str])] = &[
    (
        "task",
        &[
            "name",
            "length",
            "data",
            "vocabulary",
            "windows",
            "fraction",
        ],
    ),
    (
        "model",
        &[
            "cell",
            "layers",
            "hidden",
            "normalization",
            "normalization_gain",
            "embedding",
            "tied_embeddings",
            "initial_range",
            "forget_bias",
        ],
    ),
    (
        "training",
        &[
            "optimizer",
            "learning_rate",
            "batch",
            "steps",
            "epochs",
            "anneal",
            "anneal_after",
            "loss_over_time",
            "clip",
            "weight_decay",
            "decay_by",
            "ar",
            "tar",
            "networks",
        ],
    ),
    (
        "evaluation",
        &[
            "every",
            "sequences",
            "samples",
            "uncertainty",
            "temperature",
            "shift",
            "length",
        ],
    ),
];

/// What is said of a dropout site.
const OF_A_SITE: [&str; 9] = [
    "rate", "time", "shared", "noise", "gates", "carry", "scaling", "by", "until",
];

/// Whether an arm has, or may have, a field of that path, or fields below it.
fn is_known(path: &str) -> bool {
    let mut parts = path.split('.');
    let known = match (parts.next(), parts.next()) {
        (Some("dropout"), None) => true,
        (Some("dropout"), Some(site)) => {
            SiteName::ALL.iter().any(|known| known.name() == site)
                && parts.next().is_none_or(|field| OF_A_SITE.contains(&field))
        }
        (Some(section), Some(field)) => SETTINGS
            .iter()
            .any(|(name, fields)| *name == section && fields.contains(&field)),
        _ => false,
    };
    known && parts.next().is_none()
}

impl Scope {
    /// Checks a scope that somebody wrote for a new claim.
    ///
    /// # Errors
    /// Every field that does not exist or in which nothing can lie, with a pointer below the scope.
    pub fn check(&self) -> Result<(), Problems> {
        let mut problems = Vec::new();
        let mut tell = |pointer: String, detail: String| problems.push(Problem { pointer, detail });
        for (name, count) in [
            ("tasks", self.tasks.len()),
            ("cells", self.cells.len()),
            ("data", self.data.len()),
            ("metrics", self.metrics.len()),
        ] {
            if count > MOST {
                tell(format!("/{name}"), format!("Name at most {MOST}."));
            }
        }
        for name in self.data.iter().take(MOST) {
            if let Err(error) = name.parse::<Reference>() {
                tell("/data".into(), format!("A data set's name: {error}."));
            }
        }
        for name in self.metrics.iter().take(MOST) {
            if metric::find(name).is_none() {
                let short: String = name.chars().take(VALUE_CHARS).collect();
                tell(
                    "/metrics".into(),
                    format!("There is no metric {short}; such as test_nll or test_mse."),
                );
            }
        }
        let hidden = between(self.hidden, *limits::HIDDEN.start(), *limits::HIDDEN.end());
        let length = between(
            self.length,
            *limits::PICTURE_LENGTH.start(),
            *limits::LENGTH.end(),
        );
        let rate = between(self.rate, 0.0, 1.0);
        for (name, problem) in [("hidden", hidden), ("length", length), ("rate", rate)] {
            if let Some(detail) = problem {
                tell(format!("/{name}"), detail);
            }
        }
        for (pointer, detail) in arms(&self.arms).into_iter().chain(margins(&self.margin)) {
            tell(pointer, detail);
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Problems(problems)),
        }
    }
}

/// What is wrong with a range of numbers that are possible between two.
fn between<T: PartialOrd + Copy + Display>(range: Range<T>, least: T, most: T) -> Option<String> {
    // Not `outside`: a number that is none lies nowhere.
    let possible = |number: T| least <= number && number <= most;
    let ends = [range.least, range.most];
    if !ends.into_iter().flatten().all(possible) {
        return Some(format!("From {least} to {most} is possible."));
    }
    match ends {
        [Some(from), Some(to)] if from > to => {
            Some("The least is greater than the most, so nothing lies between them.".into())
        }
        _ => None,
    }
}

fn arms(arms: &Arms) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (side, wanted) in [("treatment", &arms.treatment), ("control", &arms.control)] {
        let pointer = format!("/arms/{side}");
        if wanted.len() > MOST {
            found.push((pointer, format!("Name at most {MOST} fields.")));
            continue;
        }
        for (path, wanted) in wanted {
            let shown: String = path.chars().take(VALUE_CHARS).collect();
            if !is_known(path) {
                found.push((
                    pointer.clone(),
                    format!("There is no field {shown} that an arm could be told by; such as dropout.state.rate or model.hidden."),
                ));
            } else if !can_be(wanted) {
                found.push((
                    pointer.clone(),
                    format!("Of {shown} say a number, a word, true or false, \"absent\", \"any\", or {{ least = …, most = … }}."),
                ));
            }
        }
    }
    if !arms.are_open() && arms.treatment == arms.control {
        found.push((
            "/arms".into(),
            "Treatment and control are described alike, so nothing tells which is which.".into(),
        ));
    }
    found
}

fn can_be(wanted: &Wanted) -> bool {
    match wanted {
        Wanted::Between(range) => {
            let ends = [range.least, range.most];
            let finite = ends.into_iter().flatten().all(f64::is_finite);
            let ordered = !matches!(ends, [Some(least), Some(most)] if least > most);
            finite && ordered && !range.is_open()
        }
        Wanted::Is(Value::String(text)) => (1..=VALUE_CHARS).contains(&text.chars().count()),
        Wanted::Is(value) => value.is_number() || value.is_boolean(),
    }
}

fn margins(margin: &Margins) -> Vec<(String, String)> {
    let Margins {
        nats,
        relative,
        accuracy,
        solve_rate,
        correlation,
    } = *margin;
    let all = [
        ("nats", nats, LARGEST_MARGIN),
        ("relative", relative, LARGEST_MARGIN),
        ("accuracy", accuracy, 1.0),
        ("solve_rate", solve_rate, 1.0),
        ("correlation", correlation, 2.0),
    ];
    let wrong = all
        .into_iter()
        .filter(|(_, margin, most)| !(*margin > 0.0 && margin <= most));
    wrong
        .map(|(name, _, most)| {
            (
                format!("/margin/{name}"),
                format!("The smallest effect that counts is above 0 and at most {most}."),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{self, Format};

    fn problems(toml: &str) -> Vec<String> {
        let scope: Scope = toml::from_str(toml).expect("a scope");
        match scope.check() {
            Ok(()) => Vec::new(),
            Err(Problems(found)) => found.into_iter().map(|it| it.pointer).collect(),
        }
    }

    #[test]
    fn what_can_be_meant_is_taken() {
        assert_eq!(problems(""), Vec::<String>::new());
        let whole = r#"
            tasks = ["char_lm"]
            data = ["tiny_shakespeare"]
            metrics = ["test_nll"]
            hidden.least = 64
            rate = { least = 0.1, most = 0.5 }
            margin.nats = 0.02
            [arms]
            treatment = { "dropout.state.rate" = { least = 0.05 }, "dropout.state.time" = "fixed" }
            control = { "dropout.state" = "absent", "model.hidden" = "any" }
        "#;
        assert_eq!(problems(whole), Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (toml, pointer) in [
            ("metrics = ['speed']", "/metrics"),
            ("data = ['No Such Name!']", "/data"),
            ("hidden = { least = 64, most = 32 }", "/hidden"),
            ("length.most = 5000000", "/length"),
            ("rate.most = 1.5", "/rate"),
            ("rate.most = nan", "/rate"),
            ("margin.nats = 0.0", "/margin/nats"),
            ("margin.relative = inf", "/margin/relative"),
            (
                "arms.treatment = { 'dropout.brain.rate' = 0.5 }",
                "/arms/treatment",
            ),
            (
                "arms.control = { 'model.hidden.size' = 5 }",
                "/arms/control",
            ),
            ("arms.control = { 'model.hidden' = [5] }", "/arms/control"),
            (
                "arms.control = { 'model.hidden' = { least = 9, most = 2 } }",
                "/arms/control",
            ),
            (
                "arms.treatment = { 'model.cell' = 'gru' }\narms.control = { 'model.cell' = 'gru' }",
                "/arms",
            ),
        ] {
            assert_eq!(problems(toml), [pointer], "{toml}");
        }
    }

    /// Whatever a setup has, a claim may speak of.
    #[test]
    fn every_field_of_a_setup_is_known() {
        let spec = include_str!("../../../examples/specs/gal_medium.toml");
        let spec = spec::read(spec, Format::Toml).expect("reads");
        for arm in &spec.arms {
            let leaves = super::super::arms::paths(&arm.setup);
            assert!(leaves.len() > 15);
            for path in leaves {
                assert!(is_known(&path), "{path}");
            }
        }
    }
}
