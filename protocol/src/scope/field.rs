//! The fields of a specification over which a claim may be narrowed and a map of what was tried is drawn, and where an
//! experiment lies in them.

use crate::spec::{Cell, Setup, Spec, TaskName};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A field over which a claim may be narrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Time steps of a sequence.
    Length,
    /// The strongest dropout.
    Rate,
    /// Units of a layer.
    Hidden,
    /// The task.
    Task,
    /// The recurrent cell.
    Cell,
    /// The data set.
    Data,
}

impl Field {
    /// All fields, those first over which effects of dropout change most.
    pub const ALL: [Self; 6] = [
        Self::Length,
        Self::Rate,
        Self::Hidden,
        Self::Task,
        Self::Cell,
        Self::Data,
    ];

    /// Its name in an address and in REST.
    pub fn name(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Rate => "rate",
            Self::Hidden => "hidden",
            Self::Task => "task",
            Self::Cell => "cell",
            Self::Data => "data",
        }
    }

    /// What it is, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Length => "Time steps",
            Self::Rate => "Dropout rate",
            Self::Hidden => "Units a layer",
            Self::Task => "Task",
            Self::Cell => "Cell",
            Self::Data => "Data set",
        }
    }

    /// Whether its values are numbers.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Length | Self::Rate | Self::Hidden)
    }
}

/// Where an experiment lies: its values of the [`Field`]s.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The task.
    pub task: TaskName,
    /// The recurrent cell.
    pub cell: Cell,
    /// The data set with its version; none of generated sequences.
    pub data: Option<String>,
    /// Units of a layer.
    pub hidden: u32,
    /// Time steps of a sequence.
    pub length: u32,
    /// The strongest dropout of the arms that are compared; 0 where nothing is dropped.
    pub rate: f64,
}

impl Point {
    /// Where the experiment lies, by the treatment of its first condition; without a criterion by its first arm. Nothing of
    /// one without arms.
    pub fn of(spec: &Spec) -> Option<Self> {
        let compared = compared(spec);
        let [setup, _] = compared.first()?;
        let pairs = match &spec.criterion {
            Some(_) => &compared[..1],
            None => &compared,
        };
        Some(Self {
            task: setup.task.name,
            cell: setup.model.cell,
            data: setup.task.data.clone(),
            hidden: setup.model.hidden,
            length: setup.task.length,
            rate: pairs.iter().map(strongest).fold(0.0, f64::max),
        })
    }

    /// Its value of a field.
    pub fn value(&self, field: Field) -> Value {
        match field {
            Field::Length => Value::Number(self.length.into()),
            Field::Rate => Value::Number(self.rate),
            Field::Hidden => Value::Number(self.hidden.into()),
            Field::Task => Value::Name(self.task.name().into()),
            Field::Cell => Value::Name(self.cell.name().into()),
            Field::Data => Value::Name(self.data.clone().unwrap_or_else(|| GENERATED.into())),
        }
    }
}

/// What stands for the data set of sequences that are generated.
pub const GENERATED: &str = "generated";

/// A value of a field.
#[derive(Debug, Clone, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Value {
    /// Of a field whose values are numbers.
    Number(f64),
    /// Of another.
    Name(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// The pairs of arms that the criterion compares, treatment and control, in each of its conditions; none where it names
/// arms that are not there. Without a criterion the first arm with each other one.
pub(super) fn compared(spec: &Spec) -> Vec<[&Setup; 2]> {
    let Some(criterion) = &spec.criterion else {
        let Some(first) = spec.arms.first() else {
            return Vec::new();
        };
        let others = spec
            .arms
            .iter()
            .skip(1)
            .map(|arm| [&first.setup, &arm.setup]);
        // An arm by itself is a pair with itself.
        return match spec.arms.len() {
            1 => vec![[&first.setup; 2]],
            _ => others.collect(),
        };
    };
    let named = |name: &str| spec.arms.iter().find(|arm| arm.name == name);
    let pairs = criterion.cells().into_iter();
    let pairs: Option<_> = pairs
        .map(|[treatment, control]| Some([&named(treatment)?.setup, &named(control)?.setup]))
        .collect();
    pairs.unwrap_or_default()
}

/// The largest rate of any site of these two; 0 where nothing is dropped.
pub(super) fn strongest(pair: &[&Setup; 2]) -> f64 {
    pair.iter()
        .flat_map(|setup| setup.dropout.sites())
        .map(|(_, site)| site.rate)
        .fold(0.0, f64::max)
}
