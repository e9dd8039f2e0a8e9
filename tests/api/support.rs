//! A server for one test, and people who use it.

use axum_test::{TestRequest, TestResponse, TestServer};
use breakmywork::auth::{
    account::Role,
    token::{self, NewToken, Scope},
};
use breakmywork::config::Settings;
use breakmywork::state::AppState;
use breakmywork_protocol::id::AccountId;
use breakmywork_protocol::jobs::Ending;
use breakmywork_protocol::result::RunResult;
use breakmywork_protocol::spec::Plan;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

#[path = "../common/train.rs"]
mod training;
pub(crate) use training::{a_worker, train, work};

/// The good end of a run of that plan, with these metrics.
pub(crate) fn measured(plan: &Plan, metrics: &[(&str, f64)]) -> Ending {
    Ending::Succeeded(Box::new(RunResult::simulated(metrics).of_plan(plan)))
}

/// The site on a fresh database with the seed content.
pub(crate) struct Site {
    pub(crate) server: TestServer,
    pub(crate) state: AppState,
    pub(crate) pool: PgPool,
}

/// A person with a token.
pub(crate) struct Person {
    pub(crate) id: AccountId,
    pub(crate) token: String,
}

impl Site {
    pub(crate) async fn new(pool: PgPool) -> Self {
        Self::with(pool, Settings::default()).await
    }

    pub(crate) async fn with(pool: PgPool, settings: Settings) -> Self {
        breakmywork::seed::apply(&pool).await.expect("seeds");
        let state = AppState::new(pool.clone(), settings, CancellationToken::new());
        Self {
            server: TestServer::new(breakmywork::app(state.clone())),
            state,
            pool,
        }
    }

    /// Signs somebody up, with a token that may do everything the role may.
    pub(crate) async fn person(&self, name: &str, role: &str) -> Person {
        let id = sqlx::query_scalar!(
            r#"insert into account (name, password_hash, role) values ($1, 'x', $2) returning id as "id: AccountId""#,
            name,
            role
        )
        .fetch_one(&self.pool)
        .await
        .expect("an account");
        Person {
            id,
            token: self.token(id, &Scope::ALL).await,
        }
    }

    /// A member whom the board has known for a month.
    pub(crate) async fn known(&self, name: &str) -> Person {
        let person = self.person(name, "member").await;
        sqlx::query("update account set created_at = now() - interval '30 days' where id = $1")
            .bind(person.id.0)
            .execute(&self.pool)
            .await
            .expect("ages");
        person
    }

    /// An agent of somebody's, with a token that may do all that an agent may.
    pub(crate) async fn agent(&self, sponsor: &Person, name: &str) -> Person {
        let body = json!({ "name": name });
        let made = self.post(sponsor, "/api/v1/agents", &body).await;
        assert_eq!(made.status_code(), 201, "{}", made.text());
        let path = format!("/api/v1/agents/{name}/tokens");
        let body = json!({ "label": "all", "scopes": Scope::USUAL });
        let made: Value = self.post(sponsor, &path, &body).await.json();
        let account = breakmywork::db::accounts::find(&self.pool, name).await;
        Person {
            id: account.expect("asks").expect("is there").id,
            token: made["secret"].as_str().expect("a token").to_owned(),
        }
    }

    /// Another token of somebody, which may do only that.
    pub(crate) async fn limited(&self, person: &Person, scopes: &[Scope]) -> Person {
        Person {
            id: person.id,
            token: self.token(person.id, scopes).await,
        }
    }

    async fn token(&self, id: AccountId, scopes: &[Scope]) -> String {
        let new = NewToken::checked("test", scopes, token::DAYS, Role::Admin).expect("allowed");
        let made = token::create(&self.pool, id, &new).await;
        made.expect("a token").secret
    }

    pub(crate) async fn get(&self, path: &str) -> TestResponse {
        self.server.get(path).await
    }

    /// The same for somebody with a token.
    pub(crate) async fn get_as(&self, person: &Person, path: &str) -> TestResponse {
        self.server
            .get(path)
            .authorization_bearer(&person.token)
            .await
    }

    pub(crate) fn post(&self, person: &Person, path: &str, body: &Value) -> TestRequest {
        self.server
            .post(path)
            .authorization_bearer(&person.token)
            .json(body)
    }

    pub(crate) fn put(&self, person: &Person, path: &str, body: &Value) -> TestRequest {
        self.server
            .put(path)
            .authorization_bearer(&person.token)
            .json(body)
    }

    pub(crate) fn delete(&self, person: &Person, path: &str) -> TestRequest {
        self.server.delete(path).authorization_bearer(&person.token)
    }

    /// The number of the claim with this label.
    pub(crate) async fn claim(&self, label: &str) -> i64 {
        sqlx::query_scalar!("select id from claim where label = $1", label)
            .fetch_one(&self.pool)
            .await
            .expect("seeded")
    }

    /// Lets C2 speak of the ready template's task, too.
    pub(crate) async fn widen(&self) {
        sqlx::query("update claim set covers = covers - 'tasks' || '{\"margin\": {\"relative\": 0.1}}' where label = 'C2'")
            .execute(&self.pool)
            .await
            .expect("sets");
    }

    /// Proposes and registers the first template.
    pub(crate) async fn registered(&self, person: &Person) -> Value {
        self.register(person, "C2", template()).await
    }

    /// Proposes that specification on the claim with this label, and registers it.
    pub(crate) async fn register(&self, person: &Person, claim: &str, spec: &str) -> Value {
        let body = json!({ "claim": self.claim(claim).await, "spec": spec, "register": true });
        let answer = self.post(person, "/api/v1/experiments", &body).await;
        assert_eq!(answer.status_code(), 201, "{}", answer.text());
        answer.json()
    }
}

/// The first template, as TOML.
pub(crate) fn template() -> &'static str {
    breakmywork::seed::TEMPLATES[0].toml
}

/// The pointers of a problem's field errors.
pub(crate) fn pointers(problem: &Value) -> Vec<String> {
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    errors
        .iter()
        .map(|error| error["pointer"].as_str().unwrap_or("?").to_owned())
        .collect()
}
