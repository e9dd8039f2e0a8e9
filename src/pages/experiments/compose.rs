//! Brings the fields of the form and the TOML beside it into agreement.

use super::{
    fields::{ArmFields, Fields},
    line, toml_text,
};
use crate::auth::secret;
use breakmywork_protocol::spec::{self, Format, Problem, Spec};
use toml::{Table, Value};

/// A problem of the specification, at its line.
#[derive(Debug, Clone)]
pub(super) struct Located {
    pub(super) line: Option<usize>,
    pub(super) path: String,
    /// Id of the control to go to.
    pub(super) field: String,
    pub(super) detail: String,
}

/// Fields and TOML, and what is wrong with them.
#[derive(Debug)]
pub(super) struct Composition {
    pub(super) fields: Fields,
    pub(super) toml: String,
    pub(super) spec: Option<Spec>,
    pub(super) problems: Vec<Located>,
    /// What happened, in words.
    pub(super) status: String,
    /// Fields and TOML were both changed and disagree.
    pub(super) conflict: bool,
}

impl Composition {
    /// Starts from a TOML text.
    pub(super) fn from_toml(toml: &str) -> Self {
        let toml = toml.replace("\r\n", "\n");
        let fields = toml
            .parse::<Table>()
            .map(|document| Fields::from_toml(&document))
            .unwrap_or_default();
        Self::new(fields, toml, String::new())
    }

    /// Does what the pressed button says to what was posted.
    pub(super) fn from_form(posted: &[(String, String)], action: &str) -> Self {
        let get = |name: &str| {
            let found = posted.iter().find(|(key, _)| key == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let fields = Fields::from_form(posted);
        let toml = get("toml").replace("\r\n", "\n");
        let before = get("sync").split_once('-').unwrap_or_default();
        let fields_changed = mark(&fields) != before.0;
        let toml_changed = mark(&toml) != before.1;
        let disagree = || {
            toml.parse::<Table>()
                .is_ok_and(|document| Fields::from_toml(&document) != fields)
        };
        match action {
            "read" => Self::read(fields, toml),
            "save" if !fields_changed => Self::read(fields, toml),
            "save" if toml_changed && disagree() => {
                let mut both = Self::new(fields, toml, String::new());
                both.conflict = true;
                // As it came in, so that the next try still knows what was changed.
                both.status =
                    "Both the fields and the TOML were changed, and they disagree.".to_owned();
                both
            }
            action => Self::apply(fields, toml, action),
        }
    }

    /// What the browser sends back, to tell what was changed since.
    pub(super) fn sync(&self) -> String {
        format!("{}-{}", mark(&self.fields), mark(&self.toml))
    }

    fn read(fields: Fields, toml: String) -> Self {
        match toml.parse::<Table>() {
            Ok(document) => Self::new(
                Fields::from_toml(&document),
                toml,
                "The fields show what the TOML says.".to_owned(),
            ),
            Err(_) => Self::new(
                fields,
                toml,
                "The TOML cannot be read yet; the fields are as they were.".to_owned(),
            ),
        }
    }

    fn apply(fields: Fields, toml: String, action: &str) -> Self {
        let Ok(mut document) = toml.parse::<Table>() else {
            return Self::new(
                fields,
                toml,
                "The fields cannot be written into the TOML until it can be read.".to_owned(),
            );
        };
        let before = document.clone();
        fields.apply(&mut document);
        if let Some(arms) = document
            .entry("arms")
            .or_insert_with(|| Value::Array(Vec::new()))
            .as_array_mut()
        {
            if action == "add-arm" {
                let name = format!("arm {}", arms.len() + 1);
                arms.push(Value::Table(Table::from_iter([(
                    "name".to_owned(),
                    Value::from(name),
                )])));
            } else if let Some(index) = action.strip_prefix("remove-arm-")
                && let Ok(index) = index.parse::<usize>()
                && index < arms.len()
            {
                arms.remove(index);
            }
            if arms.is_empty() {
                document.remove("arms");
            }
        }
        // Comments and layout last as long as no field says otherwise.
        let toml = if document == before {
            toml
        } else {
            toml_text::write(&document)
        };
        let fields = Fields::from_toml(&document);
        Self::new(
            fields,
            toml,
            "The TOML says what the fields say.".to_owned(),
        )
    }

    fn new(mut fields: Fields, toml: String, status: String) -> Self {
        if fields.arms.is_empty() {
            fields.arms.push(ArmFields::default());
        }
        let (spec, problems) = match spec::read(&toml, Format::Toml) {
            Ok(spec) => (Some(spec), Vec::new()),
            Err(problems) => {
                let located = |problem: Problem| locate(&problem, &toml, &fields);
                (None, problems.0.into_iter().map(located).collect())
            }
        };
        Self {
            fields,
            toml,
            spec,
            problems,
            status,
            conflict: false,
        }
    }
}

/// The control that a pointer of the specification leads to.
pub(super) fn locate(problem: &Problem, toml: &str, fields: &Fields) -> Located {
    let id = problem.pointer.trim_start_matches('/').replace('/', "-");
    // A whole site is chosen by its time, the embedding by what is dropped together.
    let candidates = [
        id.clone(),
        format!("{id}-time"),
        format!("{id}-by"),
        id.replace("-embedding-time", "-embedding-by"),
        format!("{id}-preset"),
        format!("{id}-name"),
    ];
    let field = candidates
        .into_iter()
        .find(|id| fields.has(id))
        .unwrap_or_else(|| "toml".to_owned());
    Located {
        line: line::of(toml, &problem.pointer),
        path: problem.path(),
        field,
        detail: problem.detail.clone(),
    }
}

/// A short mark of a text or of the fields, equal only if they are.
fn mark(of: &(impl std::fmt::Debug + ?Sized)) -> String {
    hex::encode(&secret::hash(&format!("{of:?}"))[..6])
}

#[cfg(test)]
mod tests;
