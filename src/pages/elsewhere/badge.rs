//! A claim's standing as a badge, for a README or a page: drawn here, or as data for shields.io.

use super::{show, shown};
use crate::{
    db::claims, error::Result, extract::Path, middleware::csp::Elsewhere, render::badge,
    state::AppState,
};
use askama::Template;
use axum::{Json, extract::State, http::StatusCode, response::Response};
use breakmywork_protocol::id::ClaimId;
use serde::Serialize;

/// What a badge says, and how wide each half is, in pixels.
#[derive(Debug, Template)]
#[template(path = "badge.svg")]
struct Picture {
    label: String,
    message: String,
    colour: &'static str,
    label_width: u32,
    message_width: u32,
}

impl Picture {
    fn new(said: Said) -> Self {
        Self {
            label_width: width(&said.label) + 2 * PADDING,
            message_width: width(&said.message) + 2 * PADDING,
            colour: said.colour,
            label: said.label,
            message: said.message,
        }
    }
}

/// Left and right of each half's text.
const PADDING: u32 = 6;

/// The two halves of a badge, and the colour behind the second.
struct Said {
    label: String,
    message: String,
    colour: &'static str,
}

/// What shields.io reads from an address that it is given.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shield {
    schema_version: u8,
    label: String,
    message: String,
    color: &'static str,
    cache_seconds: u16,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_error: bool,
}

/// What there is to say of a claim, and whether there is one.
async fn said(state: &AppState, id: ClaimId) -> Result<(StatusCode, Said)> {
    let found = claims::find(&state.pool, id).await?;
    let said = match &found {
        Some(claim) => {
            let badge = badge::claim(claim);
            Said {
                label: format!("claim {}", claim.label),
                message: format!("{} {}", badge.shape, badge.word),
                colour: badge::on_paper(badge.class),
            }
        }
        None => Said {
            label: format!("claim {id}"),
            message: "not on this board".to_owned(),
            colour: badge::on_paper("missing"),
        },
    };
    let status = match found {
        Some(_) => StatusCode::OK,
        None => StatusCode::NOT_FOUND,
    };
    Ok((status, said))
}

/// The badge as a picture.
pub async fn svg(State(state): State<AppState>, Path(id): Path<ClaimId>) -> Result<Response> {
    let (status, said) = said(&state, id).await?;
    show(
        status,
        "image/svg+xml",
        Elsewhere::Picture,
        &Picture::new(said),
    )
}

/// The badge as data, by the schema of shields.io's endpoint badge.
pub async fn json(State(state): State<AppState>, Path(id): Path<ClaimId>) -> Result<Response> {
    let (status, said) = said(&state, id).await?;
    let shield = Shield {
        schema_version: 1,
        label: said.label,
        message: said.message,
        color: said.colour,
        cache_seconds: 300,
        is_error: !status.is_success(),
    };
    Ok(shown((status, Json(shield)), Elsewhere::Picture))
}

/// About how wide a text is in Verdana at 11 pixels. The picture stretches the text to just that, so that it fits in
/// whatever font there is.
fn width(text: &str) -> u32 {
    let tenths: u32 = text
        .chars()
        .map(|letter| match letter {
            'i' | 'j' | 'l' | '.' | ',' | ':' | '\'' => 35,
            ' ' | 'f' | 't' | 'r' | '-' => 43,
            'm' | 'w' | 'M' | 'W' | '%' => 105,
            '●' | '✕' | '◐' | '○' => 95,
            letter if letter.is_ascii_uppercase() => 78,
            letter if letter.is_ascii() => 67,
            _ => 80,
        })
        .sum();
    tenths.div_ceil(10)
}
