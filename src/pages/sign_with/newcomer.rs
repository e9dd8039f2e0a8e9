//! Signing up by another site: whoever came back, and has no account, chooses a name.

use super::{Carried, set_cookie};
use crate::{
    address::Origin,
    auth::{account, client::Client, device::Device},
    config::SignUp,
    db::{
        accounts,
        identities::{self as table, Connecting, Newcomer},
    },
    error::{Error, Result},
    extract::{Form, Visit},
    pages::{
        Cache, show,
        sign::{self, LONGEST_SHOWN, too_many, with_cookie},
        with_status,
    },
    render::form::FormErrors,
    state::AppState,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use axum_extra::extract::CookieJar;
use serde::Deserialize;

#[derive(Debug, Template)]
#[template(path = "sign_up_with.html")]
struct Choose {
    visit: Visit,
    errors: FormErrors,
    provider: String,
    name: String,
    needs_invitation: bool,
    invitation: String,
}

impl Choose {
    fn of(state: &AppState, visit: Visit, newcomer: &Newcomer) -> Self {
        let settings = &state.settings;
        Self {
            visit,
            errors: FormErrors::new(),
            provider: settings.sign_in_with.name_of(&newcomer.issuer).to_owned(),
            name: proposed(&newcomer.identity.shown),
            needs_invitation: settings.sign_up == SignUp::Invite,
            invitation: String::new(),
        }
    }
}

/// The name that is proposed to somebody whom a provider calls so; empty if nothing of it can be a name here.
fn proposed(shown: &str) -> String {
    let mut name = String::new();
    for letter in shown.chars().take(LONGEST_SHOWN) {
        let letter = letter.to_ascii_lowercase();
        let is_inner = letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        if is_inner {
            name.push(letter);
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    name.truncate(32);
    let name = name.trim_matches(['-', '_']);
    match account::check_name(name) {
        Ok(()) => name.to_owned(),
        Err(_) => String::new(),
    }
}

async fn asked(state: &AppState, carried: &Carried) -> Result<Newcomer> {
    let newcomer = table::newcomer(&state.pool, &carried.secret).await?;
    newcomer.ok_or_else(|| {
        Error::NotFound(
            "This browser did not come from another site, or did so more than ten minutes ago. Begin anew at /sign-in."
                .to_owned(),
        )
    })
}

/// The form for the name.
pub async fn form(
    State(state): State<AppState>,
    visit: Visit,
    cookies: CookieJar,
) -> Result<Response> {
    let carried = Carried::by(&cookies, &state.settings);
    let newcomer = asked(&state, &carried).await?;
    let mut page = Choose::of(&state, visit, &newcomer);
    page.invitation = carried.invitation;
    show(&page, Cache::Never)
}

/// The name.
#[derive(Debug, Deserialize)]
pub struct Chosen {
    #[serde(default)]
    name: String,
    #[serde(default)]
    invitation: String,
}

/// Makes the account, connects it, and signs in. It has no password.
pub async fn choose(
    State(state): State<AppState>,
    visit: Visit,
    origin: Origin,
    client: Client,
    cookies: CookieJar,
    Form(form): Form<Chosen>,
) -> Result<Response> {
    let carried = Carried::by(&cookies, &state.settings);
    let newcomer = asked(&state, &carried).await?;
    let name = form.name.trim().to_owned();
    let mut errors = sign::check_newcomer(&state, &name, &form.invitation).await?;
    if errors.is_empty() {
        state
            .throttle
            .sign_up(origin)
            .map_err(|wait| too_many(wait, "sign-up"))?;
        let hash = accounts::no_password();
        let mut tx = state.pool.begin().await?;
        match sign::make(&state, &mut tx, &name, &hash, &form.invitation).await? {
            Ok(id) => {
                if !table::end_newcomer(&mut *tx, &carried.secret).await? {
                    return Err(Error::Conflict(
                        "This form was sent already. If you are not signed in, begin anew at /sign-in."
                            .to_owned(),
                    ));
                }
                let (issuer, identity) = (&newcomer.issuer, &newcomer.identity);
                if table::connect(&mut tx, id, issuer, identity).await? != Connecting::Done {
                    return Err(Error::Conflict(
                        "Another account here signs in with that meanwhile. Begin anew at /sign-in."
                            .to_owned(),
                    ));
                }
                tx.commit().await?;
                tracing::info!(account = %id, provider = newcomer.provider, "signed up by another site");
                let known = Device::cookie(None, &state.settings, &name, &hash);
                let response = sign::start(&state, &visit, &client, id, &newcomer.next).await?;
                let response = with_cookie(response, &known);
                return Ok(with_cookie(response, &set_cookie("", 0, &state.settings)));
            }
            Err((field, detail)) => errors.add(field, detail),
        }
    }
    let mut page = Choose::of(&state, visit, &newcomer);
    page.errors = errors;
    page.name = name.chars().take(LONGEST_SHOWN).collect();
    page.invitation = form.invitation.chars().take(LONGEST_SHOWN).collect();
    with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
}

#[cfg(test)]
mod tests {
    use super::proposed;

    #[test]
    fn a_name_is_made_of_what_a_provider_calls_somebody() {
        for (shown, name) in [
            ("Ada Lovelace", "ada-lovelace"),
            ("octo_cat", "octo_cat"),
            ("--Ada.  L--", "ada-l"),
            ("ada@example.org", "ada-example-org"),
            ("Åda", ""),
            ("李", ""),
            ("", ""),
            ("<b>", ""),
            (&"ab ".repeat(200), "ab-ab-ab-ab-ab-ab-ab-ab-ab-ab-ab"),
        ] {
            assert_eq!(proposed(shown), name, "{shown}");
        }
    }
}
