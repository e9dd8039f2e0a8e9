//! Saying what one thinks of a comment.

use super::link;
use crate::{
    db::comments::reactions::Reaction,
    discussion::reactions,
    error::{Error, Result},
    extract::{Form, Member, Path},
    pages::see_other,
    state::AppState,
};
use axum::{extract::State, response::Response};
use breakmywork_protocol::id::CommentId;
use serde::Deserialize;

/// What is said; with `not-` before it, taken back.
#[derive(Debug, Default, Deserialize)]
pub struct Say {
    #[serde(default)]
    kind: String,
}

/// Says something to a comment, or takes it back.
pub async fn react(
    State(state): State<AppState>,
    Member(viewer): Member,
    Path(id): Path<CommentId>,
    Form(say): Form<Say>,
) -> Result<Response> {
    let (kind, wanted) = match say.kind.strip_prefix("not-") {
        Some(kind) => (kind, false),
        None => (say.kind.as_str(), true),
    };
    let reaction = Reaction::ALL.into_iter().find(|one| one.name() == kind);
    let reaction = reaction.ok_or_else(|| {
        Error::BadRequest("To a comment people say agree, doubt or thanks.".to_owned())
    })?;
    let mut tx = state.pool.begin().await?;
    reactions::react(&mut tx, id, viewer.id, reaction, wanted).await?;
    tx.commit().await?;
    Ok(see_other(&link(&state.pool, id).await?))
}
