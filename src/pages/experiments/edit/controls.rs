//! The controls of the form, as the template asks for them.

use super::EditPage;
use crate::{
    pages::experiments::fields::{ArmFields, FINER, SITES, USUAL, has, own, when},
    render::{
        form::{choice, input},
        html::Html,
    },
};
use breakmywork_protocol::{
    metric::{METRICS, Metric, final_metrics},
    spec::{SiteName, TaskName, limits, presets::PRESETS},
};
use serde_json::Value;
use std::fmt::Display;

impl EditPage {
    /// An input for one field, tied to its hint and errors.
    pub(super) fn input(&self, field: &str, label: &str, hint: &str) -> Html {
        let default = self.default(field);
        input(
            field,
            label,
            hint,
            &default,
            self.made.fields.get(field),
            &self.errors,
        )
    }

    /// What holds if the field stays empty, as far as that can be told.
    fn default(&self, field: &str) -> String {
        let pointer = format!("/{}", field.replace('-', "/"));
        match self.made.defaults.pointer(&pointer) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    pub(super) fn arm_names(&self) -> Vec<&str> {
        let names = self.made.fields.arms.iter().map(|arm| arm.name.as_str());
        // An equals sign would be read as the border between value and words.
        names
            .filter(|name| !name.is_empty() && !name.contains('='))
            // No arm may be called so; the reader says it.
            .filter(|name| name.len() <= 4 * limits::ARM_CHARS)
            .collect()
    }

    pub(super) fn arm_names_or_none(&self) -> Vec<&str> {
        ["=none"].into_iter().chain(self.arm_names()).collect()
    }

    /// The two choices of each further condition.
    pub(super) fn conditions(&self) -> Vec<[Html; 2]> {
        let options = self.arm_names_or_none();
        let rows = self.made.fields.conditions();
        rows.map(|(row, chosen)| {
            let words = ["treatment", "control"];
            [0, 1].map(|side| {
                let field = format!("criterion-conditions-{row}-{side}");
                let label = format!("Condition {}, {}", row + 2, words[side]);
                choice(&field, &label, "", &options, chosen[side], &self.errors)
            })
        })
        .collect()
    }

    /// Whether the further conditions are in view: there are some, or something is said about them.
    pub(super) fn shows_conditions(&self) -> bool {
        let fields = &self.made.fields;
        let any = |(row, chosen): (usize, [&str; 2])| {
            let wrong = |side| {
                self.errors
                    .has(&format!("criterion-conditions-{row}-{side}"))
            };
            chosen != ["", ""] || wrong(0) || wrong(1)
        };
        fields.get("criterion-kind") == "cells"
            || self.says_any("criterion", &["at_least"])
            || fields.conditions().any(any)
    }

    /// A choice for one field; what was typed stays even where it is no option.
    pub(super) fn choice(&self, field: &str, label: &str, hint: &str, options: &[&str]) -> Html {
        choice(
            field,
            label,
            hint,
            options,
            self.made.fields.get(field),
            &self.errors,
        )
    }

    /// The choice of a named method for an arm.
    pub(super) fn preset(&self, index: impl Display, arm: &ArmFields) -> Html {
        let mut options = vec!["=sites below"];
        options.extend(PRESETS.iter().map(|preset| preset.name));
        let field = format!("arms-{index}-dropout-preset");
        let hint = "Stands for sites and their rates; what you set at a site replaces its own.";
        choice(&field, "Method", hint, &options, &arm.preset, &self.errors)
    }

    /// The two fields of each of an arm's sites: the usual ones, or the further ones.
    pub(super) fn sites(
        &self,
        index: impl Display,
        arm: &ArmFields,
        usual: bool,
    ) -> Vec<(Html, Html)> {
        let sites = SITES.into_iter().zip(&arm.sites).enumerate();
        sites
            .filter(|(place, _)| (*place < USUAL) == usual)
            .map(|(_, (name, typed))| {
                let base = format!("arms-{index}-dropout-{}", name.name());
                let (time, rate) = (format!("{base}-{}", when(name)), format!("{base}-rate"));
                let (drop, what, [first, second]) = site_words(name);
                let absent = if arm.has_preset() {
                    "=as the method"
                } else {
                    "=nothing"
                };
                let options = [absent, first, second];
                (
                    choice(&time, drop, "", &options, &typed.when, &self.errors),
                    input(
                        &rate,
                        what,
                        "",
                        &self.default(&rate),
                        &typed.rate,
                        &self.errors,
                    ),
                )
            })
            .collect()
    }

    /// Whether the further sites are in view: something is said about them.
    pub(super) fn shows_further(&self, index: impl Display, arm: &ArmFields) -> bool {
        let wrong = |name: &SiteName| {
            let base = format!("arms-{index}-dropout-{}", name.name());
            ["rate", when(*name)]
                .iter()
                .any(|key| self.errors.has(&format!("{base}-{key}")))
        };
        arm.has_unusual() || SITES[USUAL..].iter().any(wrong)
    }

    /// The finer fields of each of an arm's sites that drop something, with what the site is called.
    pub(super) fn finer(&self, index: impl Display, arm: &ArmFields) -> Vec<(String, Vec<Html>)> {
        let sites = SITES.into_iter().zip(&arm.sites).enumerate();
        sites
            .filter(|(place, _)| arm.drops(*place))
            .map(|(_, (site, typed))| {
                let called = site.name().replace('_', " ");
                let keys = FINER.iter().zip(&typed.finer);
                let controls =
                    keys.filter(|((key, _), _)| has(site, key))
                        .map(|((key, _), typed)| {
                            let field = format!("arms-{index}-dropout-{}-{key}", site.name());
                            let (words, options) = finer_words(key);
                            let label = format!("{words} ({called})");
                            if options.is_empty() {
                                let hint = "Of the steps, the first share in which it drops.";
                                let default = self.default(&field);
                                return input(&field, &label, hint, &default, typed, &self.errors);
                            }
                            choice(&field, &label, "", options, typed, &self.errors)
                        });
                (called.clone(), controls.collect())
            })
            .collect()
    }

    /// What an arm has differently, each a choice of the setting and its value; one more row is left to fill.
    pub(super) fn own(&self, index: &usize, arm: &ArmFields) -> Vec<[Html; 2]> {
        let settings: Vec<String> = own::settings().collect();
        let options: Vec<&str> = ["=nothing more"]
            .into_iter()
            .chain(settings.iter().map(String::as_str))
            .collect();
        let spare = [String::new(), String::new()];
        let rows = arm.own.iter().chain([&spare]).enumerate();
        rows.map(|(row, [setting, value])| {
            let [what, how] = own::names(*index, row);
            let place = row + 1;
            [
                choice(
                    &what,
                    &format!("Differs in ({place})"),
                    "",
                    &options,
                    setting,
                    &self.errors,
                ),
                input(
                    &how,
                    &format!("Value ({place})"),
                    "",
                    "",
                    value,
                    &self.errors,
                ),
            ]
        })
        .collect()
    }

    /// Whether the finer fields are in view: something is said about them.
    pub(super) fn shows_finer(&self, index: impl Display, arm: &ArmFields) -> bool {
        let wrong = |(place, site): (usize, SiteName)| {
            let base = format!("arms-{index}-dropout-{}", site.name());
            let mut keys = FINER.iter();
            arm.drops(place) && keys.any(|(key, _)| self.errors.has(&format!("{base}-{key}")))
        };
        arm.sites.iter().any(|site| site.has_finer()) || SITES.into_iter().enumerate().any(wrong)
    }

    /// The chosen task; none where something else is typed.
    pub(super) fn task(&self) -> Option<TaskName> {
        let typed = self.made.fields.get("task-name");
        TaskName::ALL.into_iter().find(|task| task.name() == typed)
    }

    fn learns_from_data(&self) -> bool {
        self.task().is_some_and(|task| !task.is_generated())
    }

    /// Whether the further settings of the task are in view: it learns from a data set, or something is said there.
    pub(super) fn shows_task(&self) -> bool {
        self.learns_from_data()
            || self.says_any("task", &["data", "vocabulary", "windows", "fraction"])
    }

    pub(super) fn shows_network(&self) -> bool {
        let keys = [
            "embedding",
            "tied_embeddings",
            "initial_range",
            "forget_bias",
            "normalization",
            "normalization_gain",
        ];
        self.says_any("model", &keys)
    }

    pub(super) fn shows_training(&self) -> bool {
        let keys = [
            "epochs",
            "anneal",
            "anneal_after",
            "loss_over_time",
            "weight_decay",
            "decay_by",
            "ar",
            "tar",
            "networks",
        ];
        self.learns_from_data() || self.says_any("training", &keys)
    }

    pub(super) fn shows_measurement(&self) -> bool {
        let keys = ["samples", "uncertainty", "temperature", "shift", "length"];
        self.says_any("evaluation", &keys)
    }

    /// In how many steps a picture can be read, where the task is of pictures.
    pub(super) fn length_hint(&self) -> &'static str {
        match self.task() {
            Some(task) if task.is_of_pictures() => {
                "784: a pixel a step; 28: a row; 1: all at once, so that a plain cell is a multilayer perceptron."
            }
            _ => "",
        }
    }

    /// Whether anything is typed into these fields, or wrong with them.
    pub(super) fn says_any(&self, section: &str, keys: &[&str]) -> bool {
        keys.iter().any(|key| {
            let field = format!("{section}-{key}");
            !self.made.fields.get(&field).is_empty() || self.errors.has(&field)
        })
    }

    pub(super) fn data_hint(&self) -> String {
        match self.task().map(TaskName::example_data) {
            None => "Its name, or name@version.".to_owned(),
            Some(None) => "For text, music and pictures.".to_owned(),
            Some(Some(name)) => format!("Such as {name} or {name}@1."),
        }
    }

    /// Metrics that a run of the task reports at its end; all of them while no task is chosen.
    pub(super) fn metrics(&self) -> Vec<&'static str> {
        if let Some(task) = self.task() {
            // An arm may sample though the others do not.
            return final_metrics(task, 1, None);
        }
        let decides = |metric: &&Metric| metric.at_end && !metric.name.starts_with("valid_");
        let at_end = METRICS.iter().filter(decides);
        at_end.map(|metric| metric.name).collect()
    }
}

/// Label of a finer field of a site, and what it chooses from; nothing where a number is typed.
fn finer_words(key: &str) -> (&'static str, &'static [&'static str]) {
    match key {
        "shared" => (
            "Masks",
            &[
                "=default",
                "none=each sequence has its own",
                "batch=one for the minibatch",
            ],
        ),
        "noise" => (
            "Noise",
            &[
                "=default (masks)",
                "mask=masks",
                "moments=normal, of the same moments",
            ],
        ),
        "gates" => ("Gates", &["=default (tied)", "tied=tied", "untied=untied"]),
        "carry" => (
            "Carried on",
            &["=default (masked)", "masked=masked", "unmasked=unmasked"],
        ),
        "scaling" => (
            "Scaling",
            &["=default", "inverted=inverted", "published=as published"],
        ),
        _ => ("Until", &[]),
    }
}

/// Labels of a site's two fields, and what the first of them chooses from.
fn site_words(name: SiteName) -> (&'static str, &'static str, [&'static str; 2]) {
    let masks = ["fixed=same mask", "per_step=new masks"];
    let units = ["fixed=same units", "per_step=other units"];
    match name {
        SiteName::Embedding => (
            "Drop words",
            "Rate (words)",
            ["type=by type", "token=by token"],
        ),
        SiteName::Input => ("Drop input", "Rate (input)", masks),
        SiteName::Between => ("Drop between", "Rate (between)", masks),
        SiteName::State => ("Drop state", "Rate (state)", masks),
        SiteName::RecurrentWeights => ("Drop weights U", "Rate (weights U)", masks),
        SiteName::Update => ("Drop update", "Rate (update)", masks),
        SiteName::Cell => ("Drop cell", "Rate (cell)", masks),
        SiteName::ZoneoutCell => ("Zoneout, cell", "Rate (zoneout, cell)", units),
        SiteName::ZoneoutState => ("Zoneout, state", "Rate (zoneout, state)", units),
        SiteName::Output => ("Drop output", "Rate (output)", masks),
    }
}
