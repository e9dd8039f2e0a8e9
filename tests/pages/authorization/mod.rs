//! The matrix of authorization: every route that the router has, requested as everybody there is, against one table.

pub(crate) mod board;
mod people;
mod table;

use crate::support::Site;
use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode, header},
    response::Response,
};
use board::Board;
use breakmywork_protocol::db::MIGRATOR;
use people::{Identity, Kind, People};
use sqlx::PgPool;
use std::{collections::BTreeSet, time::Duration};
use table::Route;
use tower::ServiceExt;

/// Every path, of pages and of REST.
fn paths() -> Vec<String> {
    let described = &breakmywork::api::openapi().paths.paths;
    let mut paths: Vec<String> = described.keys().cloned().collect();
    paths.push(breakmywork::api::OPENAPI_PATH.to_owned());
    paths.extend(
        breakmywork::router::paths()
            .iter()
            .map(|path| (*path).to_owned()),
    );
    paths
}

/// Which methods the site takes at a path, by its own word: it is asked with one that nothing takes.
async fn methods(app: &Router, path: &str) -> Vec<Method> {
    let request = Request::builder()
        .method(Method::TRACE)
        .uri(table::filled(path, |_| "1".into()));
    let request = request.body(Body::empty()).expect("a request");
    let answer = app.clone().oneshot(request).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
    let allowed = answer.headers()[header::ALLOW].to_str().expect("text");
    allowed
        .split(',')
        .map(|method| method.trim().parse().expect("a method"))
        // Whoever may GET may ask for the head of it: axum answers both with the same handler.
        .filter(|method| *method != Method::HEAD)
        .collect()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn no_route_is_without_a_rule_and_no_rule_without_a_route(pool: PgPool) {
    let site = Site::new(pool).await;
    let app = breakmywork::app(site.state.clone());
    let ruled: BTreeSet<_> = table::routes().into_iter().map(|route| route.key).collect();
    let mut there = BTreeSet::new();
    for path in paths() {
        for method in methods(&app, &path).await {
            there.insert((method.to_string(), table::nameless(&path)));
        }
    }
    assert!(there.len() > 150, "{}", there.len());
    let without_rule: Vec<_> = there.difference(&ruled).collect();
    assert!(
        without_rule.is_empty(),
        "routes without a rule: {without_rule:#?}"
    );
    let without_route: Vec<_> = ruled.difference(&there).collect();
    assert!(
        without_route.is_empty(),
        "rules without a route: {without_route:#?}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn everybody_is_let_in_where_the_table_says_so_and_nowhere_else(pool: PgPool) {
    let site = Site::new(pool).await;
    let board = Board::set(&site).await;
    let app = breakmywork::app(site.state.clone());
    let mut people = People::of(&site).await;
    let mut wrong = Vec::new();
    let mut cells = 0;
    let routes = table::routes();
    // Whoever is to be refused comes first, on a board that nobody has changed.
    for let_in in [false, true] {
        for route in &routes {
            let asking = people.asking(route);
            for identity in asking.iter().filter(|one| route.lets_in(one) == let_in) {
                if let_in && route.method != Method::GET {
                    board.renew(&site).await;
                }
                let (path, sent) = board.filled(route);
                let answer = answer(&app, || request(route, &path, sent.clone(), identity)).await;
                cells += 1;
                if !fits(route, identity, let_in, &answer) {
                    let said = answer.status().as_u16();
                    let wanted = if let_in { "let in" } else { "refused" };
                    wrong.push(format!(
                        "{} {path} as {}: {said}, was to be {wanted}",
                        route.method, identity.name
                    ));
                }
                people.renew(&site, identity, &answer).await;
            }
        }
    }
    assert!(cells > 2000, "{cells}");
    assert!(
        wrong.is_empty(),
        "{} of {cells}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The answer to a request; where so many download that nobody else can, to the one after them.
async fn answer(app: &Router, request: impl Fn() -> Request<Body>) -> Response {
    let mut tries = 0;
    loop {
        let answer = app.clone().oneshot(request()).await.expect("an answer");
        tries += 1;
        if answer.status() != StatusCode::SERVICE_UNAVAILABLE || tries == 100 {
            return answer;
        }
        drop(answer);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn request(route: &Route, path: &str, sent: Option<String>, identity: &Identity) -> Request<Body> {
    let mut request = Request::builder().method(route.method.clone()).uri(path);
    if let Some(cookie) = &identity.cookie {
        request = request
            .header(header::COOKIE, format!("breakmywork={cookie}"))
            .header("sec-fetch-site", "same-origin");
    }
    if let Some(token) = &identity.token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let kind = match route.is_rest() {
        true => "application/json",
        false => "application/x-www-form-urlencoded",
    };
    if route.method != Method::GET {
        request = request.header(header::CONTENT_TYPE, kind);
    }
    request
        .body(sent.map_or_else(Body::empty, Body::from))
        .expect("a request")
}

/// Whether an answer is what the table says.
fn fits(route: &Route, identity: &Identity, let_in: bool, answer: &Response) -> bool {
    let status = answer.status();
    if route.is_empty() {
        return status == StatusCode::NOT_FOUND;
    }
    let to = answer.headers().get(header::LOCATION);
    let sent_to_sign_in = status == StatusCode::SEE_OTHER
        && to.is_some_and(|to| to.as_bytes().starts_with(b"/sign-in?"));
    let refusal = match status {
        StatusCode::UNAUTHORIZED => Some(Kind::Nobody),
        StatusCode::SEE_OTHER if sent_to_sign_in => Some(Kind::Nobody),
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Some(Kind::Somebody),
        _ => None,
    };
    match refusal {
        Some(kind) => !let_in && kind == identity.kind_at(route),
        None => let_in && !status.is_server_error() && status != StatusCode::METHOD_NOT_ALLOWED,
    }
}
