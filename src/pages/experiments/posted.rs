//! A form with many fields, as it came in.

use std::collections::HashMap;

/// What was posted, by the name of the field. Of fields with the same name the first counts, as on the page.
#[derive(Debug, Clone, Default)]
pub(super) struct Posted {
    values: HashMap<String, String>,
    action: String,
}

impl Posted {
    /// What a field holds; nothing if it was not sent.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// What a field holds; empty if it was not sent.
    pub(super) fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default()
    }

    /// A field of several lines, with the line ends that everything here uses; browsers send others.
    pub(super) fn text(&self, name: &str) -> String {
        self.get(name).replace("\r\n", "\n")
    }

    /// The button that was pressed.
    pub(super) fn action(&self) -> &str {
        &self.action
    }
}

impl From<Vec<(String, String)>> for Posted {
    fn from(pairs: Vec<(String, String)>) -> Self {
        let mut posted = Self {
            values: HashMap::with_capacity(pairs.len().min(1024)),
            action: "apply".to_owned(),
        };
        for (name, value) in pairs {
            // The last one: the pressed button comes after the hidden fields.
            if name == "action" {
                posted.action = value;
            } else {
                posted.values.entry(name).or_insert(value);
            }
        }
        posted
    }
}
