//! The form for a work: new, or edited.

use super::{Meanwhile, beside, refusal};
use crate::{
    board::{self, Item, KINDS, NewWork, Reader, Writer},
    db::{
        board as table,
        works::{self, Work},
    },
    error::{Error, Result},
    extract::{Form, Member, Path, Visit},
    pages::{Cache, draft_stored, see_other, show, typed::Typed, with_status},
    render::form::FormErrors,
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};

const NEW: &str = "/works/new";

#[derive(Debug, Template)]
#[template(path = "work_form.html")]
struct WorkForm {
    visit: Visit,
    /// The work that is edited; none of a new one.
    editing: Option<Work>,
    typed: Typed,
    errors: FormErrors,
    meanwhile: Option<Meanwhile>,
    /// Whether what is added waits for a moderator.
    waits: bool,
}

impl WorkForm {
    fn action(&self) -> String {
        match &self.editing {
            Some(work) => format!("/works/{}/edit", work.slug),
            None => NEW.to_owned(),
        }
    }

    fn kinds(&self) -> [(&'static str, &'static str); 3] {
        KINDS
    }

    fn is_kind(&self, kind: &str) -> bool {
        let typed = self.typed.get("kind");
        typed == kind || typed.is_empty() && kind == KINDS[0].0
    }
}

fn new_work(typed: &Typed) -> NewWork {
    NewWork {
        kind: typed.get("kind").to_owned(),
        title: typed.get("title").to_owned(),
        authors: typed.get("authors").lines().map(str::to_owned).collect(),
        year: typed.get("year").to_owned(),
        url: typed.get("url").to_owned(),
        doi: typed.get("doi").to_owned(),
        arxiv: typed.get("arxiv").to_owned(),
        citation: typed.get("citation").to_owned(),
        phenomenon: typed.get("phenomenon").to_owned(),
    }
}

/// What would be typed to say this.
fn typed_of(work: &Work) -> Typed {
    Typed::from_pairs(vec![
        ("version", work.version.to_string()),
        ("kind", work.kind.clone()),
        ("title", work.title.clone()),
        ("authors", work.authors.join("\n")),
        ("year", work.year.to_string()),
        ("url", work.url.clone()),
        ("doi", work.doi.clone().unwrap_or_default()),
        ("arxiv", work.arxiv.clone().unwrap_or_default()),
        ("citation", work.citation.clone()),
        ("phenomenon", work.phenomenon.clone()),
    ])
}

/// The form for a new work.
pub async fn new(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
) -> Result<Response> {
    let waits = board::waits(&state.pool, Writer::from(&viewer)).await?;
    let page = WorkForm {
        visit,
        editing: None,
        typed: Typed::default(),
        errors: FormErrors::new(),
        meanwhile: None,
        waits,
    };
    show(&page, Cache::Never)
}

/// Takes a new work.
pub async fn add(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Form(typed): Form<Vec<(String, String)>>,
) -> Result<Response> {
    let who = Writer::from(&viewer);
    let typed = Typed(typed);
    let mut errors = FormErrors::new();
    match board::check_work(&new_work(&typed)) {
        Ok(work) => {
            let mut tx = state.pool.begin().await?;
            match board::add_work(&mut tx, who, &work).await {
                Ok(slug) => {
                    tx.commit().await?;
                    tracing::info!(work = slug, account = %viewer.id, "work added");
                    return Ok(draft_stored(see_other(&format!("/works/{slug}")), NEW));
                }
                Err(error) => refusal(error, &mut errors, "title")?,
            }
        }
        Err(problems) => beside(&mut errors, problems),
    }
    let page = WorkForm {
        visit,
        editing: None,
        typed,
        errors,
        meanwhile: None,
        waits: board::waits(&state.pool, who).await?,
    };
    with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
}

async fn found(state: &AppState, slug: &str, who: Writer) -> Result<Work> {
    let reader: Reader = who.reader();
    let work = works::seen(&state.pool, slug, reader)
        .await?
        .ok_or_else(|| Error::missing("work called", slug))?;
    board::may_edit_work(&work, who)?;
    Ok(work)
}

/// The form for editing a work.
pub async fn edit(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(slug): Path<String>,
) -> Result<Response> {
    let work = found(&state, &slug, Writer::from(&viewer)).await?;
    let page = WorkForm {
        visit,
        typed: typed_of(&work),
        editing: Some(work),
        errors: FormErrors::new(),
        meanwhile: None,
        waits: false,
    };
    show(&page, Cache::Never)
}

/// Takes an edit of a work. What somebody else saved meanwhile is shown beside what was typed, and nothing is overwritten.
pub async fn save(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(slug): Path<String>,
    Form(typed): Form<Vec<(String, String)>>,
) -> Result<Response> {
    let who = Writer::from(&viewer);
    let work = found(&state, &slug, who).await?;
    let mut typed = Typed(typed);
    let mut errors = FormErrors::new();
    let mut meanwhile = None;
    let checked = board::check_work(&new_work(&typed));
    if typed.get("version").trim().parse() != Ok(work.version) {
        let stored = table::fields(&state.pool, Item::Work(work.id)).await?;
        let mine = match &checked {
            Ok(mine) => serde_json::to_value(mine).map_err(Error::internal)?,
            Err(_) => stored.clone(),
        };
        meanwhile = Some(Meanwhile {
            differences: board::differences_of(stored, mine).await?,
        });
        typed.set("version", work.version.to_string());
    }
    match checked {
        Ok(to) if meanwhile.is_none() => {
            let mut tx = state.pool.begin().await?;
            match board::edit_work(&mut tx, who, &work, work.version, &to).await {
                Ok(()) => {
                    tx.commit().await?;
                    tracing::info!(work = slug, account = %viewer.id, "work edited");
                    let form = format!("/works/{slug}/edit");
                    return Ok(draft_stored(see_other(&format!("/works/{slug}")), &form));
                }
                Err(error) => refusal(error, &mut errors, "title")?,
            }
        }
        Ok(_) => {}
        Err(problems) => beside(&mut errors, problems),
    }
    let status = match meanwhile {
        Some(_) => StatusCode::CONFLICT,
        None => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = WorkForm {
        visit,
        editing: Some(work),
        typed,
        errors,
        meanwhile,
        waits: false,
    };
    with_status(status, &page, Cache::Never)
}
