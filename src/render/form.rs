//! What is wrong with a form, said at the top and again at each field.

use super::html::Html;
use askama::filters::HtmlSafe;
use std::fmt::{self, Write};

/// Problems of a form, by the `id` of their field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormErrors(Vec<(String, String)>);

impl FormErrors {
    /// Nothing wrong so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what is wrong with a field.
    pub fn add(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.0.push((field.into(), detail.into()));
    }

    /// Notes the problem, if there is one.
    pub fn check(&mut self, field: &str, result: Result<(), String>) {
        if let Err(detail) = result {
            self.add(field, detail);
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether that field is wrong.
    pub fn has(&self, field: &str) -> bool {
        self.0.iter().any(|(name, _)| name == field)
    }

    /// Attributes of the field's control: what describes it, and that it is invalid.
    /// `hint` is the id of a standing hint, or empty.
    pub fn tie(&self, field: &str, hint: &str) -> Html {
        let mut attributes = String::new();
        if self.has(field) {
            let ids = format!("{field}-error {hint}");
            let _ = write!(
                attributes,
                " aria-invalid=\"true\" aria-describedby=\"{}\"",
                Escaped(ids.trim())
            );
        } else if !hint.is_empty() {
            let _ = write!(attributes, " aria-describedby=\"{}\"", Escaped(hint));
        }
        Html(attributes)
    }

    /// What is wrong with the field, to stand beside it.
    pub fn at(&self, field: &str) -> Html {
        let mut html = String::new();
        let mut details = self.0.iter().filter(|(name, _)| name == field).peekable();
        if details.peek().is_some() {
            let _ = write!(html, "<div id=\"{}-error\">", Escaped(field));
            for (_, detail) in details {
                let _ = write!(html, "<p class=\"error\">{}</p>", Escaped(detail));
            }
            html.push_str("</div>");
        }
        Html(html)
    }

    /// All of it, for the top of the page, each line a link to its field.
    pub fn summary(&self) -> Html {
        if self.is_empty() {
            return Html(String::new());
        }
        let heading = match self.0.len() {
            1 => "One thing needs a change".to_owned(),
            many => format!("{many} things need a change"),
        };
        let mut html =
            format!("<div class=\"summary\" role=\"alert\" id=\"errors\"><h2>{heading}</h2><ul>");
        for (field, detail) in &self.0 {
            let _ = write!(
                html,
                "<li><a href=\"#{}\">{}</a></li>",
                Escaped(field),
                Escaped(detail)
            );
        }
        html.push_str("</ul></div>");
        Html(html)
    }
}

/// A labelled text input; `default` is what holds if it stays empty.
pub fn input(
    field: &str,
    label: &str,
    hint: &str,
    default: &str,
    value: &str,
    errors: &FormErrors,
) -> Html {
    // The form has a hundred of these.
    let placeholder = match default {
        "" => String::new(),
        default => format!(" placeholder=\"{}\"", Escaped(default)),
    };
    text(field, label, hint, &placeholder, value, errors)
}

/// A labelled text input that suggests what the `<datalist>` of that id holds: a page with many of them writes it once.
pub fn suggesting(
    field: &str,
    label: &str,
    datalist: &str,
    value: &str,
    errors: &FormErrors,
) -> Html {
    let list = format!(" list=\"{}\"", Escaped(datalist));
    text(field, label, "", &list, value, errors)
}

fn text(
    field: &str,
    label: &str,
    hint: &str,
    attribute: &str,
    value: &str,
    errors: &FormErrors,
) -> Html {
    let id = Escaped(field);
    let (hint_id, hint) = hinted(field, hint);
    Html(format!(
        "<div class=\"field\"><label for=\"{id}\">{}</label>{hint}<input id=\"{id}\" name=\"{id}\" value=\"{}\"{attribute} autocomplete=\"off\"{}>{}</div>",
        Escaped(label),
        Escaped(value),
        errors.tie(field, &hint_id),
        errors.at(field),
    ))
}

/// Id and paragraph of a standing hint; empty if there is none.
fn hinted(field: &str, hint: &str) -> (String, String) {
    if hint.is_empty() {
        return Default::default();
    }
    let id = format!("{field}-hint");
    let html = format!(
        "<p class=\"hint\" id=\"{}\">{}</p>",
        Escaped(&id),
        Escaped(hint)
    );
    (id, html)
}

/// A labelled choice. A value that is no option stays as one, so that it can be seen and put right.
/// An option is a value, or `value=what it says`.
pub fn choice(
    field: &str,
    label: &str,
    hint: &str,
    options: &[&str],
    value: &str,
    errors: &FormErrors,
) -> Html {
    let id = Escaped(field);
    let (hint_id, hint) = hinted(field, hint);
    let known = |option: &&str| option.split('=').next() == Some(value);
    let strange = (!options.iter().any(known)).then_some(value);
    let mut list = String::new();
    for option in strange.iter().chain(options) {
        let (option_value, text) = option.split_once('=').unwrap_or((option, option));
        let selected = if option_value == value {
            " selected"
        } else {
            ""
        };
        // A word stands for itself, which leaves a fifth of a long form away.
        let is_word = text.bytes().all(|byte| byte.is_ascii_graphic());
        if option_value == text && selected.is_empty() && is_word {
            let _ = write!(list, "<option>{}</option>", Escaped(text));
            continue;
        }
        let _ = write!(
            list,
            "<option value=\"{}\"{selected}>{}</option>",
            Escaped(option_value),
            Escaped(text)
        );
    }
    Html(format!(
        "<div class=\"field\"><label for=\"{id}\">{}</label>{hint}<select id=\"{id}\" name=\"{id}\"{}>{list}</select>{}</div>",
        Escaped(label),
        errors.tie(field, &hint_id),
        errors.at(field),
    ))
}

/// Text with everything escaped that HTML would read, in text and in attributes.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

impl HtmlSafe for Escaped<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_tied_to_their_field_and_escaped() {
        let mut errors = FormErrors::new();
        assert_eq!(
            errors.tie("name", "name-hint").0,
            " aria-describedby=\"name-hint\""
        );
        errors.add("name", "not <b>");
        assert_eq!(
            errors.tie("name", "name-hint").0,
            " aria-invalid=\"true\" aria-describedby=\"name-error name-hint\""
        );
        assert!(errors.at("name").0.contains("not &lt;b&gt;"));
        assert!(errors.summary().0.contains("href=\"#name\""));
        assert_eq!(errors.at("other").0, "");
    }
}
