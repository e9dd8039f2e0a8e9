//! JSON columns that an older version, or another hand, may have filled with something that cannot be read.

use serde::de::{Deserialize, Deserializer};
use serde_json::Value;

/// What a JSON column holds: a `T`, or something that is none. Reading it never fails, so that one such row costs a
/// list one line and not the page.
#[derive(Debug, Clone, PartialEq)]
pub enum Stored<T> {
    /// It reads.
    Readable(T),
    /// It does not.
    Unreadable,
}

impl<T> Stored<T> {
    /// The value, if it reads.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Readable(value) => Some(value),
            Self::Unreadable => None,
        }
    }

    /// The value, if it reads.
    pub fn into_inner(self) -> Option<T> {
        match self {
            Self::Readable(value) => Some(value),
            Self::Unreadable => None,
        }
    }
}

impl<'de, T: for<'any> Deserialize<'any>> Deserialize<'de> for Stored<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(T::deserialize(value).map_or(Self::Unreadable, Self::Readable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_read_is_said_and_not_an_error() {
        let read = |text: &str| serde_json::from_str::<Stored<[f64; 2]>>(text).expect("JSON");
        assert_eq!(read("[1, 2]"), Stored::Readable([1.0, 2.0]));
        for other in ["[1, null]", "null", "{\"a\": 1}", "7", "[]"] {
            assert_eq!(read(other), Stored::Unreadable, "{other}");
        }
    }
}
