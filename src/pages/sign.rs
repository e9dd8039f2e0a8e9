//! Sign up, sign in, sign out.

use super::{
    Cache,
    kept::{self, Kept},
    see_other, show, sign_code, with_status,
};
use crate::{
    address::Origin,
    auth::{
        account::{self, Role},
        client::Client,
        device::Device,
        invitation,
        password::{self, Asker},
        provider::Providers,
        session,
        throttle::Wait,
    },
    config,
    db::{accounts, second_factors},
    error::{Error, Result},
    extract::{Form, Member, Query, Visit},
    render::{form::FormErrors, url},
    state::AppState,
};
use askama::Template;
use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use axum_extra::extract::CookieJar;
use breakmywork_protocol::id::AccountId;
use serde::Deserialize;
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// The same words for an unknown name and a wrong password.
const WRONG: &str = "Name and password do not belong together. Check both.";

const NOT_INVITED: &str =
    "This invitation is unknown, was used, or is over. Ask whoever invited you for another one.";

const TAKEN: &str = "This name is taken. Choose another one.";

/// What both forms hold.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Credentials {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
    /// The code of an invitation, for signing up.
    #[serde(default)]
    invitation: String,
    /// A form that is carried along.
    #[serde(flatten)]
    others: BTreeMap<String, String>,
}

/// Where to go on after signing in.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
    /// The code of an invitation, for signing up.
    #[serde(default)]
    invitation: String,
}

#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    visit: Visit,
    errors: FormErrors,
    name: String,
    next: String,
    /// What was typed when the session had ended.
    kept: Option<Kept>,
    /// Other sites to sign in with.
    providers: Providers,
    /// Why it did not work with one of them.
    trouble: Option<String>,
    /// Only signing up needs one.
    invitation: &'static str,
}

impl SignIn {
    fn of(state: &AppState, visit: Visit, next: String, kept: Option<Kept>) -> Self {
        Self {
            visit,
            errors: FormErrors::new(),
            name: String::new(),
            next,
            kept,
            providers: state.settings.sign_in_with.clone(),
            trouble: None,
            invitation: "",
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "sign_up.html")]
struct SignUp {
    visit: Visit,
    errors: FormErrors,
    name: String,
    next: String,
    open: config::SignUp,
    /// The code of an invitation, where one is needed.
    invitation: String,
    /// Other sites to sign up with.
    providers: Providers,
    /// Nothing is carried along here.
    kept: Option<Kept>,
}

impl SignUp {
    fn is_closed(&self) -> bool {
        self.open == config::SignUp::Closed
    }

    fn needs_invitation(&self) -> bool {
        self.open == config::SignUp::Invite
    }
}

/// The form for signing in.
pub async fn sign_in_form(
    State(state): State<AppState>,
    visit: Visit,
    Query(query): Query<Next>,
) -> Result<Response> {
    let next = url::local(&query.next).to_owned();
    if visit.viewer.is_some() {
        return Ok(see_other(&next));
    }
    show(&SignIn::of(&state, visit, next, None), Cache::Never)
}

/// The form for signing in, in answer to a form that was sent after the session had ended: it carries that one along.
///
/// # Errors
/// If the page cannot be made, which it always can.
pub fn interrupted(state: &AppState, visit: Visit, next: String, kept: Kept) -> Result<Response> {
    let page = SignIn::of(state, visit, next, Some(kept));
    with_status(StatusCode::UNAUTHORIZED, &page, Cache::Never)
}

/// The form for signing in, for whoever gave a code too late: from the beginning, with what was typed.
///
/// # Errors
/// If the page cannot be made, which it always can.
pub(super) fn anew(
    state: &AppState,
    visit: Visit,
    next: String,
    kept: Option<Kept>,
) -> Result<Response> {
    let mut page = SignIn::of(state, visit, next, kept);
    page.errors.add(
        "name",
        "It is more than ten minutes since you gave your password, or it was changed since. Sign in anew.",
    );
    with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
}

/// The form for signing in, for whoever could not sign in by another site, with the reason.
pub(super) fn otherwise(
    state: &AppState,
    visit: Visit,
    next: String,
    status: StatusCode,
    trouble: String,
) -> Result<Response> {
    let mut page = SignIn::of(state, visit, next, None);
    page.trouble = Some(trouble);
    with_status(status, &page, Cache::Never)
}

/// Signs in.
pub async fn sign_in(
    State(state): State<AppState>,
    visit: Visit,
    origin: Origin,
    client: Client,
    cookies: CookieJar,
    Form(form): Form<Credentials>,
) -> Result<Response> {
    let name = form.name.trim().to_lowercase();
    let next = url::local(&form.next).to_owned();
    // A name that nobody can have is as unknown as one that nobody has, but is not remembered.
    let possible = account::check_name(&name).is_ok();
    let credentials = match possible {
        true => accounts::credentials(&state.pool, &name).await?,
        false => None,
    };
    let device = credentials
        .as_ref()
        .and_then(|found| Device::of(&cookies, &state.settings, &name, &found.password_hash));
    let counted = if possible { name.as_str() } else { "" };
    let attempt = state
        .throttle
        .sign_in(counted, device, origin)
        .map_err(|wait| too_many(wait, "sign-in"))?;
    let asker = Asker {
        origin,
        known: device.is_some(),
    };
    // Longer ones are refused at sign-up, so hashing them here would only cost time.
    let right = if form.password.len() > password::LONGEST_BYTES {
        false
    } else {
        let hash = credentials
            .as_ref()
            .map(|found| found.password_hash.clone());
        match state.passwords.verify(asker, form.password, hash).await {
            Ok(right) => right,
            Err(error) => {
                attempt.unused();
                return Err(error.into());
            }
        }
    };
    let Some(found) = credentials.filter(|_| right) else {
        tracing::warn!("sign-in refused");
        let mut page = SignIn::of(&state, visit, next, Kept::carried(form.others));
        page.errors.add("name", WRONG);
        page.name = name.chars().take(LONGEST_SHOWN).collect();
        return with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never);
    };
    attempt.right();
    if let Some(reason) = found.disabled {
        return Err(disabled(found.id, &reason));
    }
    let kept = Kept::carried(form.others);
    if second_factors::is_on(&state.pool, found.id).await? {
        let step = second_factors::begin_step(&state.pool, found.id).await?;
        return sign_code::ask(visit, step, next, kept);
    }
    let known = Device::cookie(device, &state.settings, &name, &found.password_hash);
    signed_in(&state, &visit, &client, found.id, &known, &next, kept).await
}

/// Refuses whose account was disabled.
pub(super) fn disabled(account: AccountId, reason: &str) -> Error {
    tracing::warn!(%account, "sign-in of a disabled account");
    Error::Forbidden(format!("This account was disabled. The reason: {reason}"))
}

/// Begins a session, and goes on with what was to be done.
pub(super) async fn signed_in(
    state: &AppState,
    visit: &Visit,
    client: &Client,
    account: AccountId,
    known: &str,
    next: &str,
    kept: Option<Kept>,
) -> Result<Response> {
    tracing::info!(%account, "signed in");
    let response = match kept {
        Some(kept) => resume(state, visit, client, account, kept, next).await?,
        None => start(state, visit, client, account, next).await?,
    };
    Ok(with_cookie(response, known))
}

/// Longest name that the form gives back, in characters: no name is longer, a guesser's may be.
pub(super) const LONGEST_SHOWN: usize = 100;

/// Says that one has to wait, and how long.
pub(super) fn too_many(Wait(seconds): Wait, what: &str) -> Error {
    let minutes = seconds.div_ceil(60);
    Error::TooMany {
        detail: format!("Too many tries of {what} from where you are. Try again in {minutes} min."),
        retry_after: seconds,
    }
}

/// The form for signing up.
pub async fn sign_up_form(
    State(state): State<AppState>,
    visit: Visit,
    Query(query): Query<Next>,
) -> Result<Response> {
    let next = url::local(&query.next).to_owned();
    if visit.viewer.is_some() {
        return Ok(see_other(&next));
    }
    let page = SignUp {
        visit,
        errors: FormErrors::new(),
        name: String::new(),
        next,
        open: state.settings.sign_up,
        invitation: query.invitation.chars().take(LONGEST_SHOWN).collect(),
        providers: state.settings.sign_in_with.clone(),
        kept: None,
    };
    show(&page, Cache::Never)
}

/// Signs up and in.
pub async fn sign_up(
    State(state): State<AppState>,
    visit: Visit,
    origin: Origin,
    client: Client,
    Form(form): Form<Credentials>,
) -> Result<Response> {
    let open = state.settings.sign_up;
    let name = form.name.trim().to_owned();
    let next = url::local(&form.next).to_owned();
    let mut errors = check_newcomer(&state, &name, &form.invitation).await?;
    errors.check("password", password::check(&form.password, &name));
    if errors.is_empty() {
        state
            .throttle
            .sign_up(origin)
            .map_err(|wait| too_many(wait, "sign-up"))?;
        let asker = Asker {
            origin,
            known: false,
        };
        let hash = state.passwords.hash(asker, form.password).await?;
        let mut tx = state.pool.begin().await?;
        match make(&state, &mut tx, &name, &hash, &form.invitation).await? {
            Ok(id) => {
                tx.commit().await?;
                tracing::info!(account = %id, "signed up");
                let known = Device::cookie(None, &state.settings, &name, &hash);
                let response = start(&state, &visit, &client, id, &next).await?;
                return Ok(with_cookie(response, &known));
            }
            Err((field, detail)) => errors.add(field, detail),
        }
    }
    let page = SignUp {
        visit,
        errors,
        name: name.chars().take(LONGEST_SHOWN).collect(),
        next,
        open,
        invitation: form.invitation.chars().take(LONGEST_SHOWN).collect(),
        providers: state.settings.sign_in_with.clone(),
        kept: None,
    };
    with_status(StatusCode::UNPROCESSABLE_ENTITY, &page, Cache::Never)
}

/// What is wrong with a new account of that name, by that invitation where one is needed.
///
/// # Errors
/// If nobody may sign up.
pub(super) async fn check_newcomer(
    state: &AppState,
    name: &str,
    invitation: &str,
) -> Result<FormErrors> {
    let open = state.settings.sign_up;
    if open == config::SignUp::Closed {
        return Err(Error::Forbidden(
            "Sign-up is closed here. Ask an admin for an account.".to_owned(),
        ));
    }
    let mut errors = FormErrors::new();
    let staff = accounts::staff(&state.pool).await?;
    errors.check("name", account::check_sign_up(name, &staff));
    let needed = open == config::SignUp::Invite;
    if needed && !invitation::is_good(&state.pool, invitation.trim()).await? {
        errors.add("invitation", NOT_INVITED);
    }
    if errors.is_empty() && accounts::find(&state.pool, name).await?.is_some() {
        errors.add("name", TAKEN);
    }
    Ok(errors)
}

/// Makes a new account; or says, by field, where somebody else was quicker: then roll `tx` back.
pub(super) async fn make(
    state: &AppState,
    tx: &mut PgConnection,
    name: &str,
    hash: &str,
    invitation: &str,
) -> Result<Result<AccountId, (&'static str, &'static str)>> {
    let Some(id) = accounts::create(&mut *tx, name, hash, Role::Member).await? else {
        return Ok(Err(("name", TAKEN)));
    };
    let needed = state.settings.sign_up == config::SignUp::Invite;
    if needed && !invitation::spend(tx, invitation.trim(), id).await? {
        return Ok(Err(("invitation", NOT_INVITED)));
    }
    Ok(Ok(id))
}

/// A new session for every sign-in; the one before ends.
pub(super) async fn start(
    state: &AppState,
    visit: &Visit,
    client: &Client,
    id: AccountId,
    next: &str,
) -> Result<Response> {
    let token = begin(state, visit, client, id).await?;
    Ok(with_cookie(
        see_other(next),
        &session::cookie(&token, &state.settings),
    ))
}

/// The same, and on with the form that was carried along.
async fn resume(
    state: &AppState,
    visit: &Visit,
    client: &Client,
    id: AccountId,
    kept: Kept,
    next: &str,
) -> Result<Response> {
    let token = begin(state, visit, client, id).await?;
    let viewer = session::find(&state.pool, &token, client)
        .await?
        .ok_or_else(|| Error::internal("a session that has just begun is over"))?
        .held_to(&state.settings);
    let page = match kept::go_on(state, viewer, kept, next).await {
        Ok(page) => page,
        Err(error) => error.into_response(),
    };
    Ok(with_cookie(page, &session::cookie(&token, &state.settings)))
}

async fn begin(state: &AppState, visit: &Visit, client: &Client, id: AccountId) -> Result<String> {
    if let Some(viewer) = &visit.viewer {
        session::end(&state.pool, &viewer.session).await?;
    }
    Ok(session::start(&state.pool, id, client).await?)
}

/// Signs out this browser.
pub async fn sign_out(State(state): State<AppState>, member: Option<Member>) -> Result<Response> {
    if let Some(Member(viewer)) = member {
        session::end(&state.pool, &viewer.session).await?;
    }
    Ok(with_cookie(
        see_other("/"),
        &session::removal(&state.settings),
    ))
}

pub(super) fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}
