//! The form for a claim: new, or edited.

use super::{Meanwhile, beside, refusal, scope_text};
use crate::{
    board::{self, Item, NewClaim, Reader, Writer},
    db::{
        board as table,
        claims::{self, Claim},
        works::{self, Work},
    },
    error::{Error, Result},
    extract::{Form, Member, Path, Query, Visit},
    pages::{
        Cache, draft_stored, see_other, show,
        typed::{Typed, point},
        with_status,
    },
    render::form::FormErrors,
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::{
    id::ClaimId,
    metric::{self, METRICS, Metric},
    scope::{Margins, Predicts, Scope},
    spec::{Cell, TaskName},
};
use serde::Deserialize;

/// Where the form starts from.
#[derive(Debug, Default, Deserialize)]
pub struct Start {
    /// The claim whose scope it starts with.
    like: Option<ClaimId>,
}

#[derive(Debug, Template)]
#[template(path = "claim_form.html")]
struct ClaimForm {
    visit: Visit,
    work: Work,
    /// The claim that is edited; none of a new one.
    editing: Option<Claim>,
    /// Whether experiments are registered on it, so that what it says stays as it is.
    under_test: bool,
    /// Claims about the work, whose scope the form may start with.
    others: Vec<Claim>,
    typed: Typed,
    errors: FormErrors,
    meanwhile: Option<Meanwhile>,
    waits: bool,
}

impl ClaimForm {
    fn action(&self) -> String {
        match &self.editing {
            Some(claim) => format!("/claims/{}/edit", claim.id),
            None => address(&self.work.slug),
        }
    }

    fn tasks(&self) -> &'static [TaskName] {
        &TaskName::ALL
    }

    fn cells(&self) -> &'static [Cell] {
        &Cell::ALL
    }

    /// What a claim may speak of: what is measured once, on the test.
    fn metrics(&self) -> impl Iterator<Item = &'static Metric> {
        METRICS.iter().filter(|it| it.at_end && it.is_outcome())
    }

    fn ranges(&self) -> [(&'static str, &'static str); 3] {
        [
            ("hidden", "Units a layer"),
            ("length", "Time steps"),
            ("rate", "Dropout rate"),
        ]
    }

    fn margins(&self) -> [(&'static str, &'static str, f64); 5] {
        let usual = Margins::default();
        [
            ("margin_nats", "Of a log-likelihood, in nats", usual.nats),
            (
                "margin_relative",
                "Of an error, as a log ratio",
                usual.relative,
            ),
            (
                "margin_accuracy",
                "Of a share that is right",
                usual.accuracy,
            ),
            (
                "margin_solve_rate",
                "Of the share of solved seeds",
                usual.solve_rate,
            ),
            (
                "margin_correlation",
                "Of a rank correlation",
                usual.correlation,
            ),
        ]
    }

    fn typed(&self, field: &str, end: &str) -> &str {
        self.typed.get(&format!("{field}_{end}"))
    }
}

/// Metrics as people write them: by name or in words, with commas between; names also with spaces between. What is none stays one
/// piece, so that it is refused once.
fn metrics(typed: &str) -> Vec<String> {
    let named = |part: &str| {
        let is_it = |it: &&Metric| it.name == part || it.words().eq_ignore_ascii_case(part);
        METRICS.iter().find(is_it).map(|it| it.name.to_owned())
    };
    let mut names = Vec::new();
    for part in typed.split([',', ';', '\r', '\n']).map(str::trim) {
        let words = || part.split_whitespace();
        match named(part) {
            Some(name) => names.push(name),
            None if words().all(|word| metric::find(word).is_some()) => {
                names.extend(words().map(str::to_owned));
            }
            None => names.push(part.to_owned()),
        }
    }
    names
}

/// Where a new claim about a work is posted to.
fn address(slug: &str) -> String {
    format!("/works/{slug}/claims/new")
}

/// Reads the form; what of it cannot be read goes to `errors`.
fn new_claim(typed: &Typed, errors: &mut FormErrors) -> NewClaim {
    let text = |name: &str| typed.get(name).replace("\r\n", "\n");
    let mut arm = |side: &str| {
        let read = scope_text::read(typed.get(side));
        read.map_err(|detail| errors.add(side, detail))
            .unwrap_or_default()
    };
    let (treatment, control) = (arm("treatment"), arm("control"));
    let usual = Margins::default();
    let mut margin = |field: &str, usual: f64| {
        let given = typed.get(field).trim();
        match point(given).parse::<f64>() {
            _ if given.is_empty() => usual,
            Ok(number) => number,
            Err(_) => {
                errors.add(field, "That is no number.");
                usual
            }
        }
    };
    let margin = Margins {
        nats: margin("margin_nats", usual.nats),
        relative: margin("margin_relative", usual.relative),
        accuracy: margin("margin_accuracy", usual.accuracy),
        solve_rate: margin("margin_solve_rate", usual.solve_rate),
        correlation: margin("margin_correlation", usual.correlation),
    };
    let predicts = match typed.get("predicts") {
        "not_worse" => Predicts::NotWorse,
        _ => Predicts::Better,
    };
    let mut covers = Scope {
        tasks: typed.chosen("tasks", "Choose tasks of the list.", errors),
        cells: typed.chosen("cells", "Choose cells of the list.", errors),
        data: typed.names("data"),
        metrics: metrics(typed.get("metrics")),
        hidden: typed.range("hidden", errors),
        length: typed.range("length", errors),
        rate: typed.range("rate", errors),
        predicts,
        margin,
        ..Scope::default()
    };
    covers.arms.treatment = treatment;
    covers.arms.control = control;
    NewClaim {
        sentence: typed.get("sentence").to_owned(),
        said_at: typed.get("said_at").to_owned(),
        scope: text("scope"),
        evidence: text("evidence"),
        covers,
    }
}

/// What would be typed to say this.
fn typed_of(claim: Option<&Claim>, scope: &Scope) -> Typed {
    let words = |of: fn(&Claim) -> &String| claim.map(of).cloned().unwrap_or_default();
    let usual = Margins::default();
    // What is usual stays empty, as where nobody typed it.
    let margin = |given: f64, usual: f64| match given == usual {
        true => String::new(),
        false => given.to_string(),
    };
    let predicts = match scope.predicts {
        Predicts::Better => "better",
        Predicts::NotWorse => "not_worse",
    };
    let mut pairs = vec![
        (
            "version",
            claim.map_or(0, |claim| claim.version).to_string(),
        ),
        ("sentence", words(|claim| &claim.sentence)),
        ("said_at", words(|claim| &claim.said_at)),
        ("scope", words(|claim| &claim.scope)),
        ("evidence", words(|claim| &claim.evidence)),
        ("data", scope.data.join(", ")),
        ("metrics", scope.metrics.join(", ")),
        ("predicts", predicts.to_owned()),
        ("treatment", scope_text::write(&scope.arms.treatment)),
        ("control", scope_text::write(&scope.arms.control)),
        ("margin_nats", margin(scope.margin.nats, usual.nats)),
        (
            "margin_relative",
            margin(scope.margin.relative, usual.relative),
        ),
        (
            "margin_accuracy",
            margin(scope.margin.accuracy, usual.accuracy),
        ),
        (
            "margin_solve_rate",
            margin(scope.margin.solve_rate, usual.solve_rate),
        ),
        (
            "margin_correlation",
            margin(scope.margin.correlation, usual.correlation),
        ),
    ];
    pairs.extend(scope.tasks.iter().map(|it| ("tasks", it.name().to_owned())));
    pairs.extend(scope.cells.iter().map(|it| ("cells", it.name().to_owned())));
    let mut typed = Typed::from_pairs(pairs);
    typed.push_range("hidden", scope.hidden);
    typed.push_range("length", scope.length);
    typed.push_range("rate", scope.rate);
    typed
}

async fn work(state: &AppState, slug: &str, reader: Reader) -> Result<Work> {
    works::seen(&state.pool, slug, reader)
        .await?
        .ok_or_else(|| Error::missing("work called", slug))
}

async fn new_page(
    state: &AppState,
    visit: Visit,
    who: Writer,
    slug: &str,
    typed: Typed,
    errors: FormErrors,
) -> Result<ClaimForm> {
    let work = work(state, slug, who.reader()).await?;
    let others = claims::of_work(&state.pool, work.id, Reader::default()).await?;
    Ok(ClaimForm {
        visit,
        waits: !work.is_shown() || board::waits(&state.pool, who).await?,
        work,
        editing: None,
        under_test: false,
        others,
        typed,
        errors,
        meanwhile: None,
    })
}

/// The form for a new claim.
pub async fn new(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(slug): Path<String>,
    Query(start): Query<Start>,
) -> Result<Response> {
    let who = Writer::from(&viewer);
    let like = match start.like {
        Some(id) => claims::seen(&state.pool, id, who.reader()).await?,
        None => None,
    };
    let scope = like.and_then(|claim| claim.covers.0.into_inner());
    let typed = typed_of(None, &scope.unwrap_or_default());
    let page = new_page(&state, visit, who, &slug, typed, FormErrors::new()).await?;
    show(&page, Cache::Never)
}

/// Takes a new claim.
pub async fn add(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(slug): Path<String>,
    Form(typed): Form<Vec<(String, String)>>,
) -> Result<Response> {
    let who = Writer::from(&viewer);
    let typed = Typed(typed);
    let mut errors = FormErrors::new();
    let new = new_claim(&typed, &mut errors);
    match board::check_claim(new, true) {
        Ok(claim) if errors.is_empty() => {
            let mut tx = state.pool.begin().await?;
            match board::add_claim(&mut tx, who, &slug, &claim).await {
                Ok(id) => {
                    tx.commit().await?;
                    tracing::info!(claim = %id, account = %viewer.id, "claim stated");
                    let to = see_other(&format!("/claims/{id}"));
                    return Ok(draft_stored(to, &address(&slug)));
                }
                Err(error) => refusal(error, &mut errors, "sentence")?,
            }
        }
        Ok(_) => {}
        Err(problems) => beside(&mut errors, problems),
    }
    let page = new_page(&state, visit, who, &slug, typed, errors).await?;
    with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
}

async fn editable(state: &AppState, id: ClaimId, who: Writer) -> Result<Claim> {
    let claim = claims::seen(&state.pool, id, who.reader())
        .await?
        .ok_or_else(|| Error::missing("claim", id))?;
    board::may_edit_claim(&claim, who)?;
    Ok(claim)
}

async fn edit_page(
    state: &AppState,
    visit: Visit,
    claim: Claim,
    who: Writer,
    typed: Typed,
) -> Result<ClaimForm> {
    Ok(ClaimForm {
        visit,
        work: work(state, &claim.work_slug, who.reader()).await?,
        under_test: table::is_under_test(&state.pool, claim.id).await?,
        editing: Some(claim),
        others: Vec::new(),
        typed,
        errors: FormErrors::new(),
        meanwhile: None,
        waits: false,
    })
}

/// The form for editing a claim.
pub async fn edit(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<ClaimId>,
) -> Result<Response> {
    let who = Writer::from(&viewer);
    let claim = editable(&state, id, who).await?;
    let scope = claim.covers.0.get().cloned().ok_or_else(|| {
        Error::Conflict("What is stored of this claim's scope cannot be read any more.".into())
    })?;
    let typed = typed_of(Some(&claim), &scope);
    let page = edit_page(&state, visit, claim, who, typed).await?;
    show(&page, Cache::Never)
}

/// Takes an edit of a claim. What somebody else saved meanwhile is shown beside what was typed, and nothing is overwritten.
pub async fn save(
    State(state): State<AppState>,
    visit: Visit,
    Member(viewer): Member,
    Path(id): Path<ClaimId>,
    Form(typed): Form<Vec<(String, String)>>,
) -> Result<Response> {
    let who = Writer::from(&viewer);
    let claim = editable(&state, id, who).await?;
    let mut page = edit_page(&state, visit, claim, who, Typed(typed)).await?;
    let claim = page
        .editing
        .clone()
        .ok_or_else(|| Error::missing("claim", id))?;
    // What stays as it is, the form does not send.
    let mut new = new_claim(&page.typed, &mut page.errors);
    if page.under_test {
        new.sentence.clone_from(&claim.sentence);
        new.scope.clone_from(&claim.scope);
        new.covers = claim.covers.0.get().cloned().unwrap_or_default();
    }
    let checked = board::check_claim(new, false);
    if page.typed.get("version").trim().parse() != Ok(claim.version) {
        let stored = table::fields(&state.pool, Item::Claim(id)).await?;
        let mine = match &checked {
            Ok(mine) => serde_json::to_value(mine).map_err(Error::internal)?,
            Err(_) => stored.clone(),
        };
        page.meanwhile = Some(Meanwhile {
            differences: board::differences_of(stored, mine).await?,
        });
        page.typed.set("version", claim.version.to_string());
    }
    match checked {
        Ok(to) if page.errors.is_empty() && page.meanwhile.is_none() => {
            let mut tx = state.pool.begin().await?;
            match board::edit_claim(&mut tx, who, &claim, claim.version, &to).await {
                Ok(()) => {
                    tx.commit().await?;
                    tracing::info!(claim = %id, account = %viewer.id, "claim edited");
                    let form = format!("/claims/{id}/edit");
                    return Ok(draft_stored(see_other(&format!("/claims/{id}")), &form));
                }
                Err(error) => refusal(error, &mut page.errors, "sentence")?,
            }
        }
        Ok(_) => {}
        Err(problems) => beside(&mut page.errors, problems),
    }
    let status = match page.meanwhile {
        Some(_) => StatusCode::CONFLICT,
        None => StatusCode::UNPROCESSABLE_ENTITY,
    };
    with_status(status, &page, Cache::Never)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_named_as_people_write_them() {
        assert_eq!(metrics("Test error, test_nll"), ["test_mse", "test_nll"]);
        assert_eq!(metrics("test_mse test_nll"), ["test_mse", "test_nll"]);
        assert_eq!(metrics("the best one"), ["the best one"]);
        assert!(metrics(" , ").is_empty());
    }
}
