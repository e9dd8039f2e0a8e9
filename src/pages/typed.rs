//! What was typed into a form, as it was typed.

use crate::render::form::FormErrors;
use breakmywork_protocol::scope::Range;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::str::FromStr;

/// What was typed, field by field; a field of several check boxes stands several times.
#[derive(Debug, Clone, Default)]
pub(in crate::pages) struct Typed(pub(in crate::pages) Vec<(String, String)>);

/// A number with a point: a comma for it is common, and can mean nothing else where one number stands.
pub(in crate::pages) fn point(typed: &str) -> String {
    typed.replace(',', ".")
}

impl Typed {
    /// What would be typed to say this.
    pub(in crate::pages) fn from_pairs(pairs: Vec<(&str, String)>) -> Self {
        let pairs = pairs.into_iter();
        Self(
            pairs
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }

    pub(in crate::pages) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(field, _)| field == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// Puts another value in place of what was typed.
    pub(in crate::pages) fn set(&mut self, name: &str, value: String) {
        self.0.retain(|(field, _)| field != name);
        self.0.push((name.to_owned(), value));
    }

    pub(in crate::pages) fn has(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|it| it == value)
    }

    pub(in crate::pages) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let fields = self.0.iter().filter(move |(field, _)| field == name);
        fields.map(|(_, value)| value.as_str())
    }

    /// Names with commas or spaces between them.
    pub(in crate::pages) fn names(&self, field: &str) -> Vec<String> {
        let names = self.get(field).split([',', ' ', '\r', '\n']).map(str::trim);
        let names = names.filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    }

    /// What was ticked of a list.
    pub(in crate::pages) fn chosen<T: DeserializeOwned>(
        &self,
        field: &str,
        refusal: &str,
        errors: &mut FormErrors,
    ) -> Vec<T> {
        let mut chosen = Vec::new();
        for value in self.all(field) {
            match serde_json::from_value(serde_json::Value::from(value)) {
                Ok(value) => chosen.push(value),
                Err(_) => errors.add(field, refusal),
            }
        }
        chosen
    }

    /// The two ends of a range, `FIELD_least` and `FIELD_most`.
    pub(in crate::pages) fn range<T: FromStr>(
        &self,
        field: &str,
        errors: &mut FormErrors,
    ) -> Range<T> {
        let mut end = |end: &str| {
            let name = format!("{field}_{end}");
            let typed = self.get(&name).trim();
            match point(typed).parse() {
                _ if typed.is_empty() => None,
                Ok(number) => Some(number),
                Err(_) => {
                    errors.add(
                        field,
                        format!("The {end} is not a number that is possible here."),
                    );
                    None
                }
            }
        };
        Range {
            least: end("least"),
            most: end("most"),
        }
    }

    /// Types the two ends of a range.
    pub(in crate::pages) fn push_range<T: Display>(&mut self, field: &str, range: Range<T>) {
        for (end, number) in [("least", range.least), ("most", range.most)] {
            let number = number.map(|number| number.to_string());
            self.0
                .push((format!("{field}_{end}"), number.unwrap_or_default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_is_a_decimal_point() {
        let pairs = vec![
            ("rate_least", "0,05".to_owned()),
            ("rate_most", "0.5".to_owned()),
        ];
        let mut errors = FormErrors::new();
        let range: Range<f64> = Typed::from_pairs(pairs).range("rate", &mut errors);
        assert!(errors.is_empty());
        assert_eq!((range.least, range.most), (Some(0.05), Some(0.5)));
    }
}
