//! Every route of the site on one page.

use crate::{
    assets,
    export::parquet,
    handler::{form, get, post},
    mcp,
    middleware::{csp, csrf, errors, intake, limits, request_log, session, typed, unchanged},
    routes::Routes,
    schema,
    state::AppState,
};
use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::MethodRouter,
};
use breakmywork_protocol::id::{CommentId, ExperimentId};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer, Predicate,
        predicate::{DefaultPredicate, NotForContentType},
    },
};

/// The whole site.
pub fn app(state: AppState) -> Router {
    let site = pages(|page| shared(&state, page))
        .router
        .merge(crate::api::router(&state))
        .merge(agents(&state))
        .fallback(crate::pages::addresses::nothing_here)
        // Innermost last: what refuses stands inside what explains refusals.
        .layer(from_fn_with_state(state.clone(), session::load))
        .layer(from_fn_with_state(state.clone(), typed::keep))
        .layer(csrf::layer(&state.settings))
        .layer(limits::time())
        .layer(CatchPanicLayer::new())
        .layer(from_fn(errors::explain));
    Router::new()
        .nest("/static", assets::router())
        .merge(probes().router)
        .merge(elsewhere(&state))
        .merge(site)
        .layer(from_fn_with_state(state.clone(), intake::meter))
        .layer(compression())
        .layer(from_fn_with_state(state.clone(), csp::headers))
        .layer(request_log::log())
        .layer(request_log::propagate_id())
        .layer(request_log::set_id())
        .layer(from_fn(request_log::forget_id))
        .with_state(state)
}

/// Compresses what is worth it; archives and tables of Parquet are compressed already.
fn compression() -> CompressionLayer<impl Predicate> {
    let worth_it = DefaultPredicate::new()
        .and(NotForContentType::const_new("application/zip"))
        .and(NotForContentType::const_new(parquet::MEDIA_TYPE));
    CompressionLayer::new().compress_when(worth_it)
}

/// Agents ask for the operations of REST through this one; what that answers is explained as everywhere.
fn agents(state: &AppState) -> Router<AppState> {
    let operations = crate::api::router(state)
        .layer(limits::time())
        .layer(CatchPanicLayer::new())
        .layer(from_fn(errors::explain))
        .with_state(state.clone());
    let rest = mcp::Rest::new(state.clone(), operations);
    let answer = post(mcp::answer)
        .with_state(rest)
        .layer(from_fn_with_state(state.clone(), crate::api::count));
    Router::new().route(mcp::PATH, answer)
}

/// The path of every page, feed and probe; those of REST are in its description, those below `/static` are files.
pub fn paths() -> Vec<&'static str> {
    [pages(|page| page), passed_on(), probes()]
        .into_iter()
        .flat_map(|routes| routes.paths)
        .chain([mcp::PATH])
        .collect()
}

/// A page that is the same for every visitor: compressed once, and drawn once while nothing is written.
fn shared(state: &AppState, page: MethodRouter<AppState>) -> MethodRouter<AppState> {
    page.layer(compression())
        .layer(from_fn_with_state(state.clone(), unchanged::share))
}

/// The pages; `shared` wraps those that are the same for every visitor.
fn pages(shared: impl Fn(MethodRouter<AppState>) -> MethodRouter<AppState>) -> Routes {
    use crate::pages::{
        account, addresses, admin, board, claim_list, claims, compare, docs,
        experiments::{
            acceptance, actions, deposit, diff, download, edit, forecast, frozen, list, live,
            rival, run_list, show, standing, stop,
        },
        follow, forgotten, hiding, home, inbox, mail, narrow, people, queue, record, rivals, runs,
        sign, sign_code, sign_with, text_search,
        thread::{self, history, moderate, react, write},
        workers, works,
    };
    Routes::new()
        // The board
        .route("/", shared(get(home::home)))
        .route("/works", shared(get(works::list)))
        .route("/works/new", form(board::work::new, board::work::add))
        .route(
            "/works/{slug}/edit",
            form(board::work::edit, board::work::save),
        )
        .route("/works/{slug}/history", shared(get(board::history::work)))
        .route(
            "/works/{slug}/claims/new",
            form(board::claim::new, board::claim::add),
        )
        .route(
            "/claims/{id}/edit",
            form(board::claim::edit, board::claim::save),
        )
        .route("/claims/{id}/history", shared(get(board::history::claim)))
        .route("/moderation/board", get(board::moderation::page))
        .route(
            "/moderation/works/{slug}",
            post(board::moderation::decide_work),
        )
        .route(
            "/moderation/claims/{id}",
            post(board::moderation::decide_claim),
        )
        .route("/works/{slug}", shared(get(works::work)))
        .route("/claims", shared(get(claim_list::list)))
        .route("/claims/{id}", shared(get(claims::claim)))
        .route("/claims/{id}/narrow", form(narrow::form, narrow::submit))
        .route("/works/{slug}/follow", post(follow::work))
        .route("/claims/{id}/follow", post(follow::claim))
        .route("/claims/{id}/author", post(claims::name_author))
        .route("/claims/{id}/denial", post(rivals::deny))
        .route("/claims/{id}/rivals", post(rivals::declare))
        .route("/claims/{id}/rivals/{rival}/agree", post(rivals::agree))
        .route("/claims/{id}/rivals/{rival}/end", post(rivals::end))
        // Experiments
        .route("/experiments", shared(get(list::list)))
        .route("/experiments/new", form(edit::new, edit::propose))
        .route("/experiments/{id}", shared(get(show::experiment)))
        .route("/experiments/{id}/diff", shared(get(diff::diff)))
        .route("/experiments/{id}/live", get(show::fragment))
        .route("/experiments/{id}/events", get(live::stream))
        .route("/experiments/{id}/spec.toml", get(show::spec_toml))
        .route("/experiments/{id}/chosen.toml", get(show::chosen_toml))
        .route("/experiments/{id}/spec.json", get(frozen::spec_json))
        .route("/experiments/{id}/runs", shared(get(run_list::runs)))
        .route("/experiments/{id}/runs.csv", get(download::runs_csv))
        .route(
            "/experiments/{id}/runs.parquet",
            get(download::runs_parquet),
        )
        .route("/experiments/{id}/pairs.csv", get(download::pairs_csv))
        .route("/experiments/{id}/metrics.csv", get(download::metrics_csv))
        .route(
            "/experiments/{id}/metrics.parquet",
            get(download::metrics_parquet),
        )
        .route("/experiments/{id}/bundle.zip", get(download::bundle_zip))
        .route(
            "/experiments/{id}/reproduce.json",
            get(download::reproduce_json),
        )
        .route("/experiments/{id}/commitment.json", get(frozen::commitment))
        .route(
            "/experiments/{id}/registration.intoto.json",
            get(frozen::in_toto),
        )
        .route(
            "/experiments/{id}/registration.prml.yaml",
            get(frozen::prml),
        )
        .route("/experiments/{id}/edit", form(edit::edit, edit::save))
        .route("/experiments/{id}/register", post(actions::register))
        .route("/experiments/{id}/withdraw", post(actions::withdraw))
        .route("/experiments/{id}/answer", post(acceptance::answer))
        .route("/experiments/{id}/rival", post(rival::choose))
        .route("/experiments/{id}/follow", post(follow::experiment))
        .route("/experiments/{id}/forecast", post(forecast::give))
        .route("/experiments/{id}/confirm", post(standing::confirm))
        .route("/experiments/{id}/dispute", post(standing::dispute))
        .route("/experiments/{id}/dispute/answer", post(standing::answer))
        .route("/experiments/{id}/dispute/resolve", post(standing::resolve))
        .route("/experiments/{id}/hide", post(hiding::hide::<ExperimentId>))
        .route(
            "/experiments/{id}/unhide",
            post(hiding::unhide::<ExperimentId>),
        )
        .route(
            "/experiments/{id}/appeal",
            post(hiding::appeal::<ExperimentId>),
        )
        .route(
            "/experiments/{id}/appeal/decline",
            post(hiding::decline::<ExperimentId>),
        )
        .route("/experiments/{id}/stop", form(stop::form, stop::stop))
        .route("/experiments/{id}/doi", form(deposit::form, deposit::say))
        .route("/runs/{id}", shared(get(runs::run)))
        .route("/runs/{id}/live", get(runs::fragment))
        .route("/record", shared(get(record::page)))
        .route("/queue", shared(get(queue::queue)))
        .route("/queue/live", get(queue::fragment))
        .route("/queue/events", get(queue::events))
        .route("/queue/cancelled", shared(get(queue::cancelled::list)))
        .route("/workers", shared(get(workers::list)))
        .route("/search", shared(get(text_search::search)))
        .route("/compare", shared(get(compare::compare)))
        .route("/docs", shared(get(docs::guide::index)))
        .route("/docs/{name}", shared(get(docs::guide::document)))
        .route("/docs/api", shared(get(docs::api_docs)))
        .route("/docs/api/bodies", shared(get(docs::bodies)))
        .route("/docs/api/bodies/{name}", shared(get(docs::body)))
        .route("/robots.txt", get(addresses::robots))
        .route("/llms.txt", get(addresses::llms))
        .route("/favicon.ico", get(addresses::icon))
        // Discussion
        .route(
            "/threads/{id}/comments",
            form(write::new_form, write::comment),
        )
        .route("/comments/{id}", get(thread::permalink))
        .route("/comments/{id}/reply", get(write::reply_form))
        .route("/comments/{id}/replies", post(write::reply))
        .route("/comments/{id}/edit", form(write::edit_form, write::edit))
        .route("/comments/{id}/history", shared(get(history::history)))
        .route("/comments/{id}/delete", post(write::delete))
        .route("/comments/{id}/reactions", post(react::react))
        .route("/comments/{id}/hide", post(hiding::hide::<CommentId>))
        .route("/comments/{id}/unhide", post(hiding::unhide::<CommentId>))
        .route("/comments/{id}/appeal", post(hiding::appeal::<CommentId>))
        .route(
            "/comments/{id}/appeal/decline",
            post(hiding::decline::<CommentId>),
        )
        .route("/threads/{id}/lock", post(moderate::lock))
        .route("/threads/{id}/unlock", post(moderate::unlock))
        .route("/moderation", shared(get(moderate::log)))
        // People
        .route("/sign-up", form(sign::sign_up_form, sign::sign_up))
        .route("/sign-in", form(sign::sign_in_form, sign::sign_in))
        .route("/sign-in/code", post(sign_code::check))
        .route("/sign-in/with/{provider}", post(sign_with::begin))
        .route("/sign-in/with/{provider}/back", get(sign_with::back))
        .route(
            "/sign-up/with",
            form(sign_with::newcomer::form, sign_with::newcomer::choose),
        )
        .route("/sign-in/forgotten", form(forgotten::form, forgotten::ask))
        .route(
            "/sign-in/new-password/{secret}",
            form(forgotten::new_form, forgotten::set),
        )
        .route("/sign-out", post(sign::sign_out))
        .route("/people/{name}", shared(get(people::person)))
        .route("/inbox", get(inbox::inbox))
        .route("/inbox/following", get(inbox::following))
        .route("/inbox/read", post(inbox::read_all))
        .route("/inbox/{id}/open", post(inbox::open))
        .route("/account", get(account::account))
        .route("/account/mail", post(account::wish_mail))
        .route(
            "/account/webhooks",
            form(account::webhooks::list, account::webhooks::add),
        )
        .route(
            "/account/webhooks/{id}",
            form(account::webhooks::webhook, account::webhooks::change),
        )
        .route(
            "/account/webhooks/{id}/rotate",
            post(account::webhooks::rotate),
        )
        .route("/account/webhooks/{id}/test", post(account::webhooks::test))
        .route(
            "/account/webhooks/{id}/remove",
            post(account::webhooks::remove),
        )
        .route(
            "/account/webhooks/{id}/deliveries/{delivery}/again",
            post(account::webhooks::again),
        )
        .route(
            "/mail/confirm/{secret}",
            form(mail::ask_to_confirm, mail::confirm),
        )
        .route(
            "/unsubscribe/{key}",
            form(mail::ask_to_unsubscribe, mail::unsubscribe),
        )
        .route(
            "/account/password",
            post(account::sessions::change_password),
        )
        .route(
            "/account/identities",
            form(account::identities::page, account::identities::connect),
        )
        .route(
            "/account/identities/{id}/remove",
            post(account::identities::disconnect),
        )
        .route("/account/tokens", post(account::tokens::create))
        .route("/account/tokens/{id}/revoke", post(account::tokens::revoke))
        .route(
            "/account/second-factor",
            form(account::second_factor::page, account::second_factor::begin),
        )
        .route(
            "/account/second-factor/confirm",
            post(account::second_factor::confirm),
        )
        .route(
            "/account/second-factor/codes",
            post(account::second_factor::renew),
        )
        .route(
            "/account/second-factor/off",
            post(account::second_factor::turn_off),
        )
        .route(
            "/account/agents",
            form(account::agents::list, account::agents::make),
        )
        .route("/account/agents/{name}", get(account::agents::one))
        .route(
            "/account/agents/{name}/tokens",
            post(account::agents::create_token),
        )
        .route(
            "/account/agents/{name}/tokens/{id}/revoke",
            post(account::agents::revoke_token),
        )
        .route("/account/sessions/{id}/end", post(account::sessions::end))
        .route(
            "/account/sign-out-everywhere",
            post(account::sessions::sign_out_everywhere),
        )
        // Admins
        .route("/admin/queue", get(admin::queue::page))
        .route("/admin/queue/live", get(admin::queue::fragment))
        .route("/admin/queue/pause", post(admin::queue::pause))
        .route("/admin/queue/resume", post(admin::queue::resume))
        .route(
            "/admin/experiments/{id}/retry",
            post(admin::queue::retry_failed),
        )
        .route(
            "/admin/experiments/{id}/give-up",
            post(admin::queue::give_up),
        )
        .route("/admin/runs/{id}/cancel", post(admin::queue::cancel))
        .route("/admin/runs/{id}/retry", post(admin::queue::retry))
        .route("/admin/people", get(admin::people::list))
        .route(
            "/admin/invitations",
            form(admin::invitations::list, admin::invitations::create),
        )
        .route(
            "/admin/invitations/{id}/revoke",
            post(admin::invitations::revoke),
        )
        .route("/admin/people/{name}/disable", post(admin::people::disable))
        .route("/admin/people/{name}/enable", post(admin::people::enable))
        .route("/admin/people/{name}/volunteer", post(admin::people::admit))
        .route(
            "/admin/people/{name}/volunteer/end",
            post(admin::people::dismiss),
        )
}

/// What other sites show: the same for everybody, so without a session.
fn elsewhere(state: &AppState) -> Router<AppState> {
    passed_on()
        .router
        .layer(compression())
        .layer(from_fn_with_state(state.clone(), unchanged::share))
        .layer(limits::time())
        .layer(CatchPanicLayer::new())
        .layer(from_fn(errors::explain))
}

fn passed_on() -> Routes {
    use crate::pages::elsewhere::{badge, cite, embed, feed, picture};
    Routes::new()
        .route("/claims/{id}/badge.svg", get(badge::svg))
        .route("/claims/{id}/badge.json", get(badge::json))
        .route("/experiments/{id}/embed", get(embed::card))
        .route("/claims/{id}/picture.png", get(picture::claim))
        .route("/experiments/{id}/picture.png", get(picture::experiment))
        .route(schema::PATH, get(schema::handed_out))
        .route("/experiments/{id}/cite.bib", get(cite::verdict_bib))
        .route("/experiments/{id}/cite.cff", get(cite::verdict_cff))
        .route("/claims/{id}/cite.bib", get(cite::claim_bib))
        .route("/claims/{id}/cite.cff", get(cite::claim_cff))
        .route("/claims/{id}/report.md", get(cite::report_md))
        .route("/claims/{id}/report.tex", get(cite::report_tex))
        .route("/feed.atom", get(feed::site))
        .route("/claims/{id}/feed.atom", get(feed::claim))
        .route("/experiments/{id}/feed.atom", get(feed::experiment))
}

/// For machines, who want a line and no page: outside what explains refusals, and without a session.
fn probes() -> Routes {
    use crate::pages::{health, metrics};
    Routes::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
}
