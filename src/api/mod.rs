//! REST under `/api/v1`: the same things that the pages show and do, one file a resource.
//!
//! Plural nouns, RFC 3339 times in UTC, collections as `{"items": […], "next": cursor or null}`,
//! errors as `problem+json` with a JSON pointer per field, `Idempotency-Key` on every POST.

mod acceptance;
mod agents;
mod board;
mod body;
mod check;
mod claims;
mod comments;
mod compare;
mod cost;
mod curves;
mod description;
mod diff;
mod disputes;
mod experiments;
mod follows;
mod forecasts;
mod hiding;
mod idempotency;
mod inbox;
mod invitations;
mod mail;
mod moderation;
mod page;
mod people;
mod queue;
mod rate;
mod record;
mod reproductions;
mod revisions;
mod rivals;
mod runs;
mod scope_map;
mod search;
mod sessions;
mod stalled;
mod text_search;
mod threads;
mod tokens;
mod tuning;
mod version;
mod webhooks;
mod worker;
mod worker_files;
mod works;

pub use rate::{Counted, count};

pub use idempotency::forget_old;

use crate::db::comments::reactions::Reaction;
use crate::db::listed::Sort;
use crate::handler::{erased, get};
use crate::middleware::unchanged;
use crate::state::AppState;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use tower_http::compression::CompressionLayer;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{Modify, OpenApi};
use utoipa_axum::PathItemExt;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

/// Where the description of the API lies.
pub const OPENAPI_PATH: &str = "/api/v1/openapi.json";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Break My Work",
        description = "Propose experiments that could falsify a claim, register them, follow their runs and read the verdicts. Reading needs no account; writing needs a token: `Authorization: Bearer bmw_…`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    modifiers(&Bearer),
    // What stands in addresses alone.
    components(schemas(Reaction, Sort, claims::ClaimOrder)),
    tags(
        (name = "works", description = "Papers and posts under test, and their claims"),
        (name = "experiments", description = "Proposed tests of a claim"),
        (name = "forecasts", description = "What members think of experiments that have nothing to show yet, and how good they are at it"),
        (name = "runs", description = "One arm with one seed"),
        (name = "reproductions", description = "What members' own machines made of the same runs"),
        (name = "threads", description = "Discussion"),
        (name = "following", description = "What the owner of a token follows, was told of it, and where that is sent"),
        (name = "account", description = "The tokens and signed-in browsers of the owner of a token, and invitations"),
        (name = "queue", description = "What runs and what waits"),
        (name = "worker", description = "What a worker says that has a token instead of the database's password"),
        (name = "record", description = "Registrations, conclusions and what people did, in one chain of hashes")
    )
)]
struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "A token made at /account or with `breakmywork token create`.",
            ))
            .build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// Routes and their description. A schema is found by the name of its type alone, so no two types may have the same.
struct Described {
    router: OpenApiRouter<AppState>,
    schemas: BTreeMap<String, RefOr<Schema>>,
}

impl Described {
    fn new() -> Self {
        Self {
            router: OpenApiRouter::with_openapi(Description::openapi()),
            schemas: BTreeMap::new(),
        }
    }

    /// # Panics
    /// If a type has the name of another one: the description would hold one of them for both.
    fn routes(mut self, routes: UtoipaMethodRouter<AppState>) -> Self {
        for (name, schema) in &routes.0 {
            let known = self.schemas.entry(name.clone());
            let known = known.or_insert_with(|| schema.clone());
            assert!(known == schema, "two types of the API are called {name}");
        }
        self.router = self.router.routes(routes);
        self
    }
}

/// As [`utoipa_axum::routes!`], but of handlers that are [`erased`]: that macro takes paths alone. What a path describes is
/// read by the rule of that macro that it calls itself.
macro_rules! routes {
    ($($handler:path),+) => {{
        let (mut schemas, mut paths, mut router) = UtoipaMethodRouter::<AppState>::default();
        $(
            let (path, operation, methods) = utoipa_axum::routes!(@resolve_types $handler : schemas);
            for method in &methods {
                router = router.on(method.to_method_filter(), erased($handler));
            }
            paths.add_path_operation(path, methods, operation);
        )+
        (schemas, paths, router)
    }};
}

/// Routes and their description, from the same lines.
fn described() -> Described {
    Described::new()
        .routes(routes!(works::list, board::add_work))
        .routes(routes!(works::show))
        .routes(routes!(board::work_edits, board::edit_work))
        .routes(routes!(board::decide_work))
        .routes(routes!(claims::list, board::add_claim))
        .routes(routes!(board::claim_edits, board::edit_claim))
        .routes(routes!(board::decide_claim))
        .routes(routes!(board::waiting_works))
        .routes(routes!(board::waiting_claims))
        .routes(routes!(claims::show))
        .routes(routes!(text_search::find))
        .routes(routes!(compare::show))
        .routes(routes!(scope_map::show))
        .routes(routes!(revisions::revise))
        .routes(routes!(revisions::resorted))
        .routes(routes!(experiments::list, experiments::propose))
        .routes(routes!(experiments::show))
        .routes(routes!(diff::show))
        .routes(routes!(check::check))
        .routes(routes!(experiments::register))
        .routes(routes!(experiments::withdraw))
        .routes(routes!(experiments::stop))
        .routes(routes!(experiments::deposited))
        .routes(routes!(experiments::confirm))
        .routes(routes!(disputes::dispute))
        .routes(routes!(disputes::answer))
        .routes(routes!(disputes::resolve))
        .routes(routes!(hiding::hide_proposal))
        .routes(routes!(hiding::unhide_proposal))
        .routes(routes!(hiding::appeal_proposal))
        .routes(routes!(hiding::decline_proposal))
        .routes(routes!(experiments::runs))
        .routes(routes!(reproductions::list, reproductions::report))
        .routes(routes!(reproductions::show, reproductions::take_back))
        .routes(routes!(rivals::list, rivals::declare))
        .routes(routes!(rivals::agree))
        .routes(routes!(rivals::end))
        .routes(routes!(rivals::deny))
        .routes(routes!(rivals::choose))
        .routes(routes!(acceptance::answer))
        .routes(routes!(acceptance::unanswered))
        .routes(routes!(acceptance::name_author))
        .routes(routes!(search::show))
        .routes(routes!(cost::show))
        .routes(routes!(tuning::show))
        .routes(routes!(curves::show))
        .routes(routes!(curves::compared))
        .routes(routes!(forecasts::show, forecasts::give))
        .routes(routes!(forecasts::list))
        .routes(routes!(forecasts::score))
        .routes(routes!(forecasts::surprises))
        .routes(routes!(stalled::retry))
        .routes(routes!(stalled::give_up))
        .routes(routes!(runs::show))
        .routes(routes!(runs::metrics))
        .routes(routes!(runs::cancel))
        .routes(routes!(runs::retry))
        .routes(routes!(threads::list, threads::post))
        .routes(routes!(follows::list, follows::set))
        .routes(routes!(inbox::list))
        .routes(routes!(inbox::read_until))
        .routes(routes!(inbox::read_one))
        .routes(routes!(comments::show, comments::edit, comments::delete))
        .routes(routes!(comments::versions))
        .routes(routes!(comments::react, comments::take_back))
        .routes(routes!(moderation::log))
        .routes(routes!(hiding::hide))
        .routes(routes!(hiding::unhide))
        .routes(routes!(hiding::appeal))
        .routes(routes!(hiding::decline))
        .routes(routes!(moderation::lock_state, moderation::lock))
        .routes(routes!(moderation::unlock))
        .routes(routes!(mail::show, mail::set))
        .routes(routes!(webhooks::list, webhooks::add))
        .routes(routes!(webhooks::show, webhooks::change, webhooks::remove))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(webhooks::again))
        .routes(routes!(tokens::list, tokens::make))
        .routes(routes!(tokens::revoke))
        .routes(routes!(agents::list, agents::make))
        .routes(routes!(agents::tokens, agents::make_token))
        .routes(routes!(agents::revoke_token))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(sessions::end_all))
        .routes(routes!(invitations::list, invitations::make))
        .routes(routes!(invitations::revoke))
        .routes(routes!(people::list))
        .routes(routes!(people::show))
        .routes(routes!(people::disable))
        .routes(routes!(people::enable))
        .routes(routes!(people::admit))
        .routes(routes!(people::dismiss))
        .routes(routes!(record::list))
        .routes(routes!(record::head))
        .routes(routes!(queue::show))
        .routes(routes!(queue::pause))
        .routes(routes!(queue::resume))
        .routes(routes!(queue::cancelled_runs))
        .routes(routes!(queue::workers))
        .routes(routes!(worker::release))
        .routes(routes!(worker::register, worker::sign_off))
        .routes(routes!(worker::condition))
        .routes(routes!(worker::offer))
        .routes(routes!(worker::take))
        .routes(routes!(worker::ended))
        .routes(routes!(worker::checkpoints))
        .routes(routes!(worker_files::send, worker_files::get))
        .routes(routes!(worker::report))
}

/// The routes, and their description with what is the same of all of them: made once a process, for they know no board.
static COMPLETE: LazyLock<(Router<AppState>, utoipa::openapi::OpenApi)> = LazyLock::new(|| {
    let (router, mut openapi) = described().router.split_for_parts();
    description::complete(&mut openapi);
    (router, openapi)
});

/// The description as it is handed out.
static OPENAPI: LazyLock<Bytes> =
    LazyLock::new(|| serde_json::to_vec(openapi()).unwrap_or_default().into());

/// The description of the API.
pub fn openapi() -> &'static utoipa::openapi::OpenApi {
    &COMPLETE.1
}

/// Hands out the description.
async fn described_by() -> impl IntoResponse {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], OPENAPI.clone())
}

/// Everything under `/api/v1`, with absolute paths.
pub fn router(state: &AppState) -> Router<AppState> {
    let router = COMPLETE.0.clone();
    router
        .route(OPENAPI_PATH, get(described_by))
        .layer(from_fn(page::link))
        .layer(from_fn(version::name))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(state.clone(), unchanged::share))
        .layer(from_fn_with_state(state.clone(), rate::count))
        .layer(from_fn_with_state(state.clone(), name_head))
}

/// Whoever keeps an answer keeps with it where the record ended then.
async fn name_head(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let head = state.noted.head().map(|head| head.to_string());
    if let Some(head) = head.and_then(|head| HeaderValue::from_str(&head).ok()) {
        response.headers_mut().insert("record-head", head);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::MethodRouter;
    use utoipa::openapi::Paths;
    use utoipa::{PartialSchema, ToSchema};

    #[test]
    fn no_two_types_have_the_same_name() {
        let schemas = described().schemas;
        assert!(schemas.len() > 30, "{}", schemas.len());
    }

    #[test]
    #[should_panic(expected = "two types of the API are called Run")]
    fn a_second_type_of_a_name_is_refused() {
        #[derive(ToSchema)]
        #[expect(dead_code, reason = "only its schema is read")]
        struct Run {
            other: u8,
        }
        let schemas = vec![(Run::name().into_owned(), Run::schema())];
        described().routes((schemas, Paths::new(), MethodRouter::new()));
    }
}
