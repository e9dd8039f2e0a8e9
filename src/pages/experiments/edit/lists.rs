//! The controls of what a search looks over, and of what is tuned: rows of settings.

use super::EditPage;
use crate::{
    pages::experiments::fields::{
        FINER, SITES, has,
        listed::{List, SPACE, TUNED},
        own, when,
    },
    render::{
        form::{choice, input, suggesting},
        html::Html,
    },
};
use breakmywork_protocol::{
    metric,
    spec::{SiteName, TaskName, USUAL_LEVELS, tunable_paths},
};
use serde_json::Value;

/// What is written over a field of a row; the place of the row follows.
fn label(key: &str) -> &'static str {
    match key {
        "field" => "Setting",
        "values" => "Values",
        "from" => "or from",
        "to" => "to",
        "scale" => "In equal",
        _ => "How many",
    }
}

impl EditPage {
    /// The rows of what a search looks over, each with its controls.
    pub(super) fn space(&self) -> Vec<Vec<Html>> {
        self.list(&SPACE)
    }

    /// The rows of what is tuned.
    pub(super) fn tuned(&self) -> Vec<Vec<Html>> {
        self.list(&TUNED)
    }

    /// Settings that a search may look over, to choose from.
    pub(super) fn searchable(&self) -> Vec<String> {
        let of_sites = self.dropped_sites(|site| {
            let finer = FINER.map(|(key, _)| key).into_iter();
            let finer = finer.filter(|key| has(site, key));
            ["rate", when(site)].into_iter().chain(finer).collect()
        });
        own::settings().chain(of_sites).collect()
    }

    /// Settings that may be tuned, to choose from.
    pub(super) fn tunable(&self) -> Vec<String> {
        let of_sites = self.dropped_sites(|_| vec!["rate", "until"]);
        let paths = tunable_paths().into_iter();
        let of_base = paths.filter(|path| !path.starts_with("dropout."));
        of_base.chain(of_sites).collect()
    }

    /// Paths of fields of the sites at which some arm drops something.
    fn dropped_sites(&self, keys: impl Fn(SiteName) -> Vec<&'static str>) -> Vec<String> {
        let arms = &self.made.fields.arms;
        let sites = SITES.into_iter().enumerate();
        sites
            .filter(|(place, _)| arms.iter().any(|arm| arm.drops(*place)))
            .flat_map(|(_, site)| {
                let path = move |key| format!("dropout.{}.{key}", site.name());
                keys(site).into_iter().map(path)
            })
            .collect()
    }

    fn list(&self, list: &List) -> Vec<Vec<Html>> {
        let rows = self.made.fields.rows(list).into_iter().enumerate();
        rows.map(|(row, typed)| {
            let fields = list.names(row).into_iter().zip(&typed);
            let control = |(field, typed): (String, &String)| {
                let key = field.rsplit('-').next().unwrap_or_default();
                let label = format!("{} ({})", label(key), row + 1);
                let scales = ["=default", "additive=steps", "log=ratios"];
                match key {
                    "field" => suggesting(&field, &label, list.suggestions(), typed, &self.errors),
                    "scale" => choice(&field, &label, "", &scales, typed, &self.errors),
                    _ => {
                        let default = self.made_of(&field);
                        input(&field, &label, "", &default, typed, &self.errors)
                    }
                }
            };
            fields.map(control).collect()
        })
        .collect()
    }

    /// What holds where that field of a row is empty; of values those that its range makes.
    fn made_of(&self, field: &str) -> String {
        let pointer = format!("/{}", field.replace('-', "/"));
        match self.made.defaults.pointer(&pointer) {
            Some(Value::Array(values)) => {
                let values = values.iter().map(Value::to_string);
                values.collect::<Vec<_>>().join(", ")
            }
            None if field.ends_with("-levels") => USUAL_LEVELS.to_string(),
            _ => String::new(),
        }
    }

    /// Metrics by which an arm may choose its settings; those of all tasks while none is chosen.
    pub(super) fn tuning_metrics(&self) -> Vec<&'static str> {
        let mut options = vec!["=default (the criterion’s)"];
        let tasks = TaskName::ALL.into_iter();
        let tasks = tasks.filter(|task| self.task().is_none_or(|chosen| chosen == *task));
        for name in tasks.flat_map(metric::validation_metrics) {
            if !options.contains(&name) {
                options.push(name);
            }
        }
        options
    }

    /// Whether what a search may take and where it looks is in view: it is one, or something is said about it.
    pub(super) fn shows_search(&self) -> bool {
        self.made.fields.get("criterion-kind") == "search"
            || self.says_any("search", &["budget"])
            || self.says_rows(&SPACE)
    }

    /// Whether what is tuned is in view: something is said about it.
    pub(super) fn shows_tuning(&self) -> bool {
        self.says_any("tuning", &["search", "trials", "seeds", "metric"]) || self.says_rows(&TUNED)
    }

    fn says_rows(&self, list: &List) -> bool {
        let rows = self.made.fields.rows(list).into_iter().enumerate();
        rows.into_iter().any(|(row, typed)| {
            typed.iter().any(|typed| !typed.is_empty())
                || list.names(row).iter().any(|field| self.errors.has(field))
        })
    }
}
