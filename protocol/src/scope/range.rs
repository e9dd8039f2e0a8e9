//! From a least to a most.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Display;

/// From a least to a most, both included; either may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(
    from = "BTreeMap<Bound, Option<T>>",
    bound(deserialize = "T: Deserialize<'de>")
)]
pub struct Range<T> {
    /// The least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least: Option<T>,
    /// The most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most: Option<T>,
}

/// An end of a range, by name: read so, a list is not taken for the two in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Bound {
    Least,
    Most,
}

impl<T> From<BTreeMap<Bound, Option<T>>> for Range<T> {
    fn from(mut bounds: BTreeMap<Bound, Option<T>>) -> Self {
        Self {
            least: bounds.remove(&Bound::Least).flatten(),
            most: bounds.remove(&Bound::Most).flatten(),
        }
    }
}

impl<T: PartialOrd + Copy + Display> Range<T> {
    /// From one number to another.
    pub fn between(least: T, most: T) -> Self {
        Self {
            least: Some(least),
            most: Some(most),
        }
    }

    /// Whether it holds every number.
    pub fn is_open(&self) -> bool {
        self.least.is_none() && self.most.is_none()
    }

    /// Whether the number lies in it.
    pub fn holds(&self, number: T) -> bool {
        self.least.is_none_or(|least| least <= number)
            && self.most.is_none_or(|most| number <= most)
    }

    /// In words, such as `at least 100`; nothing where it is open.
    pub fn words(&self) -> Option<String> {
        match (self.least, self.most) {
            (None, None) => None,
            (Some(least), Some(most)) if least == most => Some(least.to_string()),
            (Some(least), Some(most)) => Some(format!("{least} to {most}")),
            (Some(least), None) => Some(format!("at least {least}")),
            (None, Some(most)) => Some(format!("at most {most}")),
        }
    }
}
