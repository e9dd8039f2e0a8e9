//! Brings the fields of the form and the TOML beside it into agreement.

use super::{
    defaults,
    document::Document,
    fields::{ArmFields, Fields, listed, seeds_read},
    posted::Posted,
    toml_text,
};
use crate::{auth::secret, error::Result, heavy};
use breakmywork_protocol::spec::{self, Board, Format, Problem, Problems, Spec};
use serde_json::Value as Json;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use toml::{Table, Value};

/// Problems that are shown at once; nobody mends more before reading on.
const SHOWN: usize = 50;

/// Which fields the form has. A page or a draft from before has another one, or none.
pub(super) const FORM: &str = "2";

/// Longest path of a field that is shown, in characters.
const PATH_CHARS: usize = 80;

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
    /// The first problems.
    pub(super) problems: Vec<Located>,
    /// Problems besides those.
    pub(super) more: usize,
    /// What stands against registering it, if it can be read.
    pub(super) blockers: Vec<Located>,
    /// The specification with every default filled in, as far as it can be told.
    pub(super) defaults: Json,
    /// What happened, in words.
    pub(super) status: String,
    /// Fields and TOML were both changed and disagree.
    pub(super) conflict: bool,
    /// Marks of fields and TOML from before what was posted, where nothing was decided between them.
    was: Option<String>,
}

impl Composition {
    /// Starts from a TOML text; what stands against registering it is told for that board.
    ///
    /// # Errors
    /// If the work fails, which it should not.
    pub(super) async fn of_toml(toml: String, board: Arc<Board>) -> Result<Self> {
        heavy::run(move || Self::from_toml(&toml, &board)).await
    }

    /// Does what the pressed button says to what was posted, and gives that back beside it.
    ///
    /// # Errors
    /// If the work fails, which it should not.
    pub(super) async fn of_form(
        posted: Vec<(String, String)>,
        board: Arc<Board>,
    ) -> Result<(Posted, Self)> {
        heavy::run(move || {
            let posted = Posted::from(posted);
            let made = Self::from_form(&posted, &board);
            (posted, made)
        })
        .await
    }

    fn from_toml(toml: &str, board: &Board) -> Self {
        let toml = toml.replace("\r\n", "\n");
        let document = Document::parse(&toml);
        let fields = document
            .as_ref()
            .map(|document| Fields::from_toml(&document.table))
            .unwrap_or_default();
        Self::new(fields, toml, document, "", board)
    }

    fn from_form(posted: &Posted, board: &Board) -> Self {
        let mut fields = Fields::from_form(posted);
        let toml = posted.text("toml");
        let document = Document::parse(&toml);
        if let Some(document) = &document {
            fields.fill_unsaid_lists(&document.table);
            if posted.get("form") != FORM {
                fields.fill_unsaid(&document.table);
            }
        }
        let before = posted.get("sync").split_once('-').unwrap_or_default();
        let fields_changed = mark(&fields) != before.0;
        let toml_changed = mark(&toml) != before.1;
        let disagree = || {
            document
                .as_ref()
                .is_some_and(|document| Fields::from_toml(&document.table) != fields.whole())
        };
        match posted.action() {
            "read" => Self::read(fields, toml, document, board),
            "save" if !fields_changed => Self::read(fields, toml, document, board),
            "save" if toml_changed && disagree() => {
                // As it came in, so that the next try still knows what was changed.
                let status = "Both the fields and the TOML were changed, and they disagree.";
                let mut both = Self::new(fields, toml, document, status, board);
                both.conflict = true;
                both.was = Some(posted.get("sync").to_owned());
                both
            }
            // As it was left: nothing is decided for anybody.
            "keep" => {
                let mut kept = Self::new(fields, toml, document, "", board);
                kept.was = Some(posted.get("sync").to_owned());
                kept
            }
            action => Self::apply(fields, toml, document, action, board),
        }
    }

    /// What the browser sends back, to tell what was changed since.
    pub(super) fn sync(&self) -> String {
        if let Some(was) = &self.was {
            return was.clone();
        }
        format!("{}-{}", mark(&self.fields), mark(&self.toml))
    }

    fn read(fields: Fields, toml: String, document: Option<Document>, board: &Board) -> Self {
        match &document {
            Some(read) => Self::new(
                Fields::from_toml(&read.table),
                toml,
                document,
                "The fields show what the TOML says.",
                board,
            ),
            None => Self::new(
                fields,
                toml,
                None,
                "The TOML cannot be read yet; the fields are as they were.",
                board,
            ),
        }
    }

    fn apply(
        mut fields: Fields,
        toml: String,
        document: Option<Document>,
        action: &str,
        board: &Board,
    ) -> Self {
        let Some(document) = document else {
            let status = "The fields cannot be written into the TOML until it can be read.";
            return Self::new(fields, toml, None, status, board);
        };
        fields.follow_renames(&document.table);
        let mut table = document.table.clone();
        fields.apply(&mut table);
        change_arms(&mut table, action);
        let status = "The TOML says what the fields say.";
        let typed = fields;
        let mut fields = Fields::from_toml(&table);
        fields.keep_begun(&typed);
        if seeds_read(&typed.seeds).is_err() {
            fields.seeds = typed.seeds;
        }
        // Comments and layout last as long as no field says otherwise.
        if table == document.table {
            return Self::new(fields, toml, Some(document), status, board);
        }
        let toml = toml_text::write(&table);
        let document = Document::parse(&toml);
        Self::new(fields, toml, document, status, board)
    }

    fn new(
        mut fields: Fields,
        toml: String,
        document: Option<Document>,
        status: &str,
        board: &Board,
    ) -> Self {
        if fields.arms.is_empty() {
            fields.arms.push(ArmFields::default());
        }
        // NaN and infinity, which JSON has not, become null and are reported as missing.
        let value = document
            .as_ref()
            .and_then(|document| serde_json::to_value(&document.table).ok());
        let read = match &value {
            Some(value) => spec::read_value(value),
            // Says what is wrong with the text.
            None => spec::read(&toml, Format::Toml),
        };
        let places = Places {
            document: document.as_ref(),
            toml: &toml,
            names: fields.names(),
            aliases: fields.aliases(),
            seeds: seeds_read(&fields.seeds).err(),
        };
        let (spec, problems, more) = match read {
            Ok(spec) => (Some(spec), Vec::new(), 0),
            Err(Problems(problems)) => {
                let more = problems.len().saturating_sub(SHOWN);
                let shown = problems.iter().take(SHOWN);
                (None, shown.map(|it| places.locate(it)).collect(), more)
            }
        };
        let against = spec
            .as_ref()
            .and_then(|spec| spec.registrable_on(board).err());
        let blockers = against.iter().flat_map(|problems| &problems.0);
        let blockers = blockers.map(|it| places.locate(it)).collect();
        Self {
            defaults: value.as_ref().map(defaults::of).unwrap_or_default(),
            fields,
            toml,
            spec,
            problems,
            more,
            blockers,
            status: status.to_owned(),
            conflict: false,
            was: None,
        }
    }
}

/// Adds an arm, or removes one, if the pressed button says so.
fn change_arms(table: &mut Table, action: &str) {
    let arms = table
        .entry("arms")
        .or_insert_with(|| Value::Array(Vec::new()));
    let Value::Array(arms) = arms else { return };
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
        table.remove("arms");
    }
}

/// Where problems are found: in the text and among the fields.
struct Places<'a> {
    document: Option<&'a Document>,
    toml: &'a str,
    names: HashSet<String>,
    /// Fields of rows, by the name that a field for it alone would have.
    aliases: HashMap<String, String>,
    /// Why the seeds that were typed cannot be read.
    seeds: Option<String>,
}

impl Places<'_> {
    fn locate(&self, problem: &Problem) -> Located {
        let seeds = self.seeds.as_ref().filter(|_| problem.pointer == "/seeds");
        Located {
            line: self
                .document
                .and_then(|document| document.line(self.toml, &problem.pointer)),
            path: shortened(problem.path()),
            field: self.field(&problem.pointer),
            // About what was typed, not about what it became in the TOML.
            detail: seeds.unwrap_or(&problem.detail).clone(),
        }
    }

    /// The control that a pointer of the specification leads to.
    fn field(&self, pointer: &str) -> String {
        if pointer.starts_with("/seeds/") {
            return "seeds".to_owned();
        }
        let id = pointer.trim_start_matches('/').replace('/', "-");
        // A whole site is chosen by its time, the embedding by what is dropped together.
        let candidates = [
            id.clone(),
            format!("{id}-time"),
            format!("{id}-by"),
            id.replace("-embedding-time", "-embedding-by"),
            format!("{id}-preset"),
            format!("{id}-name"),
            // A condition is a row of two fields.
            format!("{id}-0"),
            format!("{id}-0-0"),
        ];
        let found = candidates.into_iter().find(|id| self.names.contains(id));
        found
            .or_else(|| self.aliases.get(&id).cloned())
            .or_else(|| listed::control(&id).filter(|id| self.names.contains(id)))
            .unwrap_or_else(|| "toml".to_owned())
    }
}

fn shortened(path: String) -> String {
    if path.chars().count() <= PATH_CHARS {
        return path;
    }
    path.chars().take(PATH_CHARS).chain(['…']).collect()
}

/// A short mark of a text or of the fields, equal only if they are.
fn mark(of: &(impl std::fmt::Debug + ?Sized)) -> String {
    hex::encode(&secret::hash(&format!("{of:?}"))[..6])
}

#[cfg(test)]
mod tests;
