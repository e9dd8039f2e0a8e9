//! What was typed into a form that could not be taken: carried through a sign-in or shown beside the refusal, so that
//! it can be sent again.

use super::{Cache, experiments::edit, show, thread};
use crate::{
    auth::session::Viewer,
    error::Result,
    extract::{Form, Member, Path, Visit},
    render::url,
    state::AppState,
};
use askama::Template;
use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request, State},
    http::{Method, header},
    response::Response,
};
use breakmywork_protocol::id::{CommentId, ExperimentId, ThreadId};
use std::collections::BTreeMap;

/// The type of a form's body.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Before the name of a field that the form for signing in carries along.
const PREFIX: &str = "kept.";

/// Where the carried form was posted to.
const TO: &str = "kept_to";

/// Fields that are never shown again.
const SECRET: [&str; 4] = ["password", "current", "new", "code"];

/// Fields that only the form itself wrote.
const SILENT: [&str; 4] = ["action", "sync", "version", "next"];

/// Fields that hold what people write.
const WRITTEN: [&str; 18] = [
    "body",
    "words",
    "title",
    "prediction",
    "rationale",
    "amend_reason",
    "toml",
    "reason",
    "sentence",
    "scope",
    "label",
    "authors",
    "citation",
    "phenomenon",
    "said_at",
    "evidence",
    "treatment",
    "control",
];

/// Most fields that are carried along; no form here has nearly as many.
const MOST_FIELDS: usize = 2_000;

/// A form that was not taken.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// Path that it was posted to.
    pub(crate) to: String,
    fields: Vec<(String, String)>,
}

impl Kept {
    /// What a form held; none if nothing in it was typed.
    pub async fn read(to: &str, body: Bytes) -> Option<Self> {
        let request = Request::builder()
            .method(Method::POST)
            .header(header::CONTENT_TYPE, FORM)
            .body(Body::from(body))
            .ok()?;
        let form = Form::<Vec<(String, String)>>::from_request(request, &()).await;
        let Form(fields) = form.ok()?;
        if to == "/sign-in" || to == "/sign-in/code" {
            return Self::carried(fields.into_iter().collect()).filter(|kept| !kept.is_press());
        }
        Self::checked(to, fields)
    }

    /// What the form for signing in carried along.
    pub fn carried(mut fields: BTreeMap<String, String>) -> Option<Self> {
        let to = fields.remove(TO)?;
        let to = url::local(&to);
        let fields = fields.into_iter().filter_map(|(name, value)| {
            let name = name.strip_prefix(PREFIX)?;
            Some((name.to_owned(), value))
        });
        Some(Self::checked(to, fields.collect()).unwrap_or_else(|| Self::pressed(to)))
    }

    /// A button without anything typed beside it: nothing is kept but that it was pressed.
    pub(crate) fn pressed(to: &str) -> Self {
        Self {
            to: to.to_owned(),
            fields: Vec::new(),
        }
    }

    /// Whether it is no more than a button.
    pub(crate) fn is_press(&self) -> bool {
        self.fields.is_empty()
    }

    fn checked(to: &str, mut fields: Vec<(String, String)>) -> Option<Self> {
        fields.retain(|(name, _)| !SECRET.contains(&name.as_str()));
        let typed = |(name, value): &(String, String)| {
            !SILENT.contains(&name.as_str()) && !value.trim().is_empty()
        };
        let whole = fields.len() <= MOST_FIELDS && fields.iter().any(typed);
        whole.then(|| Self {
            to: to.to_owned(),
            fields,
        })
    }

    /// What people wrote, to be seen and changed.
    pub(crate) fn written(&self) -> impl Iterator<Item = &(String, String)> {
        self.fields.iter().filter(|field| is_written(field))
    }

    /// The other fields.
    pub(crate) fn others(&self) -> impl Iterator<Item = &(String, String)> {
        self.fields.iter().filter(|field| !is_written(field))
    }

    /// What a form without a text holds: numbers and choices, to be looked over.
    pub(crate) fn chosen(&self) -> impl Iterator<Item = &(String, String)> {
        let has_text = self.written().next().is_some();
        let fields = self.others().filter(move |_| !has_text);
        fields.filter(|(name, value)| !SILENT.contains(&name.as_str()) && !value.is_empty())
    }

    /// All fields as the form for signing in carries them, where they were posted to first.
    pub(crate) fn carry(&self) -> Vec<(String, &str)> {
        let fields = self.fields.iter();
        let fields = fields.map(|(name, value)| (format!("{PREFIX}{name}"), value.as_str()));
        [(TO.to_owned(), self.to.as_str())]
            .into_iter()
            .chain(fields)
            .collect()
    }

    /// What a field holds, in a word.
    pub(crate) fn word<'a>(&self, name: &'a str) -> &'a str {
        match name {
            "body" => "comment",
            "words" => "appeal",
            "toml" => "specification",
            "amend_reason" => "reason",
            other => other,
        }
    }

    fn get(&self, name: &str) -> String {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map_or_else(String::new, |(_, value)| value.clone())
    }
}

fn is_written((name, value): &(String, String)) -> bool {
    WRITTEN.contains(&name.as_str()) && !value.is_empty()
}

#[derive(Debug, Template)]
#[template(path = "kept.html")]
struct KeptPage {
    visit: Visit,
    kept: Kept,
    /// The page that it was on.
    back: String,
}

/// Goes on with a form after signing in: shows it as it was typed. Nothing is sent until somebody presses its button.
///
/// # Errors
/// As the form's own page.
pub async fn go_on(state: &AppState, viewer: Viewer, kept: Kept, back: &str) -> Result<Response> {
    let visit = Visit {
        viewer: Some(viewer.clone()),
        address: kept.to.clone(),
        head: state.noted.head(),
    };
    let back = back.to_owned();
    if kept.is_press() {
        return show(&KeptPage { visit, kept, back }, Cache::Never);
    }
    let parts: Vec<&str> = kept.to.trim_start_matches('/').split('/').collect();
    match parts.as_slice() {
        ["threads", thread, "comments"] if thread.parse::<ThreadId>().is_ok() => {
            let thread: ThreadId = thread.parse().unwrap_or(ThreadId(0));
            let draft = thread::write::Draft::preview(kept.get("body"), None);
            let state = State(state.clone());
            thread::write::comment(state, visit, Member(viewer), Path(thread), Form(draft)).await
        }
        ["comments", id, what @ ("replies" | "edit")] if id.parse::<CommentId>().is_ok() => {
            let id = Path(id.parse().unwrap_or(CommentId(0)));
            let version = kept.get("version").parse().ok();
            let draft = Form(thread::write::Draft::preview(kept.get("body"), version));
            let (state, viewer) = (State(state.clone()), Member(viewer));
            match *what {
                "edit" => thread::write::edit(state, visit, viewer, id, draft).await,
                _ => thread::write::reply(state, visit, viewer, id, draft).await,
            }
        }
        ["experiments", "new"] => edit::go_on(state, &viewer, visit, None, kept.fields).await,
        ["experiments", id, "edit"] if id.parse::<ExperimentId>().is_ok() => {
            let id = id.parse().ok();
            edit::go_on(state, &viewer, visit, id, kept.fields).await
        }
        _ => show(&KeptPage { visit, kept, back }, Cache::Never),
    }
}
