//! Invitations, for admins of a board where sign-up is open to invited people alone.

use crate::{
    auth::invitation::{self, NewInvitation, Row},
    config::SignUp,
    error::{Error, Result},
    extract::{Admin, Form, Path, Visit},
    pages::{Cache, see_other, show, with_status},
    render::{filters, form::FormErrors},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::InvitationId;
use serde::Deserialize;

#[derive(Debug, Template)]
#[template(path = "admin_invitations.html")]
struct Invitations {
    visit: Visit,
    /// Whether sign-up asks for one.
    needed: bool,
    open: Vec<Row>,
    /// The link that was just made.
    fresh: Option<String>,
    note: String,
    days: i32,
    errors: FormErrors,
}

async fn page(state: &AppState, visit: Visit) -> Result<Invitations> {
    Ok(Invitations {
        visit,
        needed: state.settings.sign_up == SignUp::Invite,
        open: invitation::open(&state.pool, None, invitation::MOST).await?,
        fresh: None,
        note: String::new(),
        days: invitation::DAYS,
        errors: FormErrors::new(),
    })
}

/// Those that can be used still, and the form for another one.
pub async fn list(State(state): State<AppState>, visit: Visit, _: Admin) -> Result<Response> {
    show(&page(&state, visit).await?, Cache::Never)
}

/// An invitation that an admin wants.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    note: String,
    #[serde(default)]
    days: String,
}

/// Makes an invitation and shows its link, this once.
pub async fn create(
    State(state): State<AppState>,
    visit: Visit,
    Admin(viewer): Admin,
    Form(wanted): Form<Wanted>,
) -> Result<Response> {
    let days = match wanted.days.trim() {
        "" => invitation::DAYS,
        days => days.parse().unwrap_or(0),
    };
    let new = match NewInvitation::checked(&wanted.note, days) {
        Ok(new) => new,
        Err(problems) => {
            let mut page = page(&state, visit).await?;
            for problem in problems {
                let field = problem.pointer.trim_start_matches('/');
                page.errors.add(field, problem.detail);
            }
            page.note = wanted.note;
            page.days = days;
            return with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never);
        }
    };
    let mut tx = state.pool.begin().await?;
    let made = invitation::create(&mut tx, &new, Some(viewer.id))
        .await?
        .ok_or_else(|| Error::Conflict(invitation::too_many()))?;
    tx.commit().await?;
    tracing::info!(account = %viewer.id, invitation = %made.id, "invitation made");
    let mut page = page(&state, visit).await?;
    page.fresh = Some(state.settings.address(&invitation::path(&made.code)));
    show(&page, Cache::Never)
}

/// Takes an invitation back.
pub async fn revoke(
    State(state): State<AppState>,
    Admin(viewer): Admin,
    Path(id): Path<InvitationId>,
) -> Result<Response> {
    if !invitation::revoke(&state.pool, id).await? {
        return Err(Error::missing("open invitation with number", id));
    }
    tracing::info!(account = %viewer.id, invitation = %id, "invitation revoked");
    Ok(see_other("/admin/invitations"))
}
