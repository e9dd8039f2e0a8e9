//! A site for one test, and browsers on it.

use axum_test::{TestResponse, TestServer};
use breakmywork::{
    auth::{
        account::Role,
        token::{self, NewToken, Scope},
    },
    config::Settings,
    db::accounts,
    state::AppState,
};
use breakmywork_protocol::{
    id::AccountId,
    jobs::{self, Ending, Offer},
    result::RunResult,
    spec::{MaskTime, Plan},
};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio_util::sync::CancellationToken;

#[path = "../common/train.rs"]
mod training;
pub(crate) use training::{a_worker, train, work};

/// What everybody here signs in with.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// The site on a fresh database with the seed content.
pub(crate) struct Site {
    pub(crate) state: AppState,
    pub(crate) pool: PgPool,
}

/// Where the numbers behind the first chart of a page are, which scripts ask for.
pub(crate) fn numbers(page: &str) -> String {
    let from = page.split("data-from=\"").nth(1).expect("a chart");
    let address = from.split('"').next().expect("its end");
    address.replace("&amp;", "&").replace("&#38;", "&")
}

/// A browser with its cookies.
pub(crate) struct Browser(TestServer);

impl Site {
    pub(crate) async fn new(pool: PgPool) -> Self {
        // Tests ask more often than people do, and compare what is answered at different times.
        let settings = Settings {
            requests_per_minute: 0,
            ..Settings::default()
        };
        Self::with(pool, settings).await
    }

    pub(crate) async fn with(pool: PgPool, settings: Settings) -> Self {
        breakmywork::seed::apply(&pool).await.expect("seeds");
        let state = AppState::new(pool.clone(), settings, CancellationToken::new());
        Self { state, pool }
    }

    /// A browser where nobody is signed in.
    pub(crate) fn browser(&self) -> Browser {
        let mut server = TestServer::new(breakmywork::app(self.state.clone()));
        server.save_cookies();
        Browser(server)
    }

    /// A browser where somebody new is signed in.
    pub(crate) async fn signed_in(&self, name: &str, role: Role) -> Browser {
        self.account(name, role).await;
        let browser = self.browser();
        let form = [("name", name), ("password", PASSWORD)];
        browser
            .post("/sign-in", &form)
            .await
            .assert_status_see_other();
        browser
    }

    pub(crate) async fn account(&self, name: &str, role: Role) -> AccountId {
        let hash = breakmywork::auth::password::hash_now(PASSWORD).expect("a hash");
        accounts::create(&self.pool, name, &hash, role)
            .await
            .expect("the database is there")
            .expect("the name is free")
    }

    /// What a script of somebody sends whose token may do that.
    pub(crate) async fn token(&self, id: AccountId, scopes: &[Scope]) -> String {
        let new = NewToken::checked("test", scopes, token::DAYS, Role::Admin).expect("allowed");
        let made = token::create(&self.pool, id, &new).await;
        made.expect("a token").secret
    }

    /// The number of the claim with this label.
    pub(crate) async fn claim(&self, label: &str) -> i64 {
        sqlx::query_scalar!("select id from claim where label = $1", label)
            .fetch_one(&self.pool)
            .await
            .expect("seeded")
    }

    /// The end of a run of `plan` with this test error, on a worker that has the Penn Treebank.
    pub(crate) fn success(&self, plan: &Plan, error: f64) -> Ending {
        let metrics = [("test_mse", error), ("valid_mse", error)];
        let mut result = RunResult::simulated(&metrics).of_plan(plan);
        result.provenance.data_set = plan.setup.task.data.clone();
        result.provenance.data_sha256 = plan.setup.task.data.as_ref().map(|_| "a".repeat(64));
        Ending::Succeeded(Box::new(result))
    }

    /// Lets a claim speak of every task, generated sequences too.
    pub(crate) async fn widen(&self, label: &str) {
        sqlx::query("update claim set covers = covers - 'tasks' || '{\"margin\": {\"relative\": 0.1}}' where label = $1")
            .bind(label)
            .execute(&self.pool)
            .await
            .expect("sets");
    }

    /// Does every queued run as a worker would report it: fixed masks at 0.02, fresh ones at 0.08. The worker has
    /// the Penn Treebank.
    pub(crate) async fn train_all(&self) {
        let worker = a_worker(&self.pool).await;
        let offer = Offer {
            data_set: "penn_treebank@1".parse().expect("a name"),
            sha256: "a".repeat(64),
        };
        jobs::offer(&self.pool, worker, &[offer])
            .await
            .expect("offers");
        let end = |plan: &Plan| {
            let state = plan.setup.dropout.state.as_ref();
            let fixed = state.is_some_and(|site| site.time == MaskTime::Fixed);
            let error = if fixed { 0.02 } else { 0.08 } + f64::from(plan.seed % 10) * 1e-3;
            self.success(plan, error)
        };
        work(&self.pool, worker, usize::MAX, end).await;
    }
}

impl Browser {
    /// The same browser from another address, if the site trusts one proxy.
    pub(crate) fn from(mut self, address: &str) -> Self {
        self.0.add_header("x-forwarded-for", address);
        self
    }

    /// The same as what calls itself so.
    pub(crate) fn with_agent(mut self, agent: &str) -> Self {
        self.0.add_header("user-agent", agent);
        self
    }

    /// The same as a script with this token.
    pub(crate) fn bearing(mut self, token: &str) -> Self {
        self.0
            .add_header("authorization", format!("Bearer {token}"));
        self
    }

    pub(crate) async fn get(&self, path: &str) -> TestResponse {
        self.0.get(path).await
    }

    /// The same, compressed where that is worth it, as browsers ask for it.
    pub(crate) async fn get_compressed(&self, path: &str) -> TestResponse {
        let request = self
            .0
            .get(path)
            .add_header("accept-encoding", "gzip, br, zstd");
        request.await
    }

    /// The same for whoever has this version already.
    pub(crate) async fn get_knowing(&self, path: &str, etag: &str) -> TestResponse {
        self.0.get(path).add_header("if-none-match", etag).await
    }

    /// The same, compressed.
    pub(crate) async fn get_packed(&self, path: &str) -> TestResponse {
        self.0.get(path).add_header("accept-encoding", "gzip").await
    }

    /// Sends a form as a browser does from a page of this site.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> TestResponse {
        self.0
            .post(path)
            .add_header("sec-fetch-site", "same-origin")
            .form(&form)
            .await
    }

    /// Sends a form as a program does that is no browser.
    pub(crate) async fn post_plain(&self, path: &str, form: &[(&str, &str)]) -> TestResponse {
        self.0.post(path).form(&form).await
    }

    /// Sends JSON, as a script does.
    pub(crate) async fn post_json(&self, path: &str, body: &serde_json::Value) -> TestResponse {
        self.0.post(path).json(body).await
    }

    /// The same with a key that makes a repetition safe.
    pub(crate) async fn post_json_once(
        &self,
        path: &str,
        body: &serde_json::Value,
        key: &str,
    ) -> TestResponse {
        let request = self.0.post(path).add_header("idempotency-key", key);
        request.json(body).await
    }

    /// Sends a change as JSON, as a script does.
    pub(crate) async fn patch_json(&self, path: &str, body: &serde_json::Value) -> TestResponse {
        self.0.patch(path).json(body).await
    }

    /// Removes something, as a script does.
    pub(crate) async fn delete(&self, path: &str) -> TestResponse {
        self.0.delete(path).await
    }

    /// The same from another site's page.
    pub(crate) async fn post_from_elsewhere(
        &self,
        path: &str,
        form: &[(&str, &str)],
    ) -> TestResponse {
        self.0
            .post(path)
            .add_header("sec-fetch-site", "cross-site")
            .add_header("origin", "https://evil.example")
            .form(&form)
            .await
    }

    /// Proposes the first template for C2 with some fields changed, and returns the answer.
    pub(crate) async fn propose(&self, site: &Site, changes: &[(&str, &str)]) -> TestResponse {
        let page = self
            .get(&format!(
                "/experiments/new?claim={}",
                site.claim("C2").await
            ))
            .await
            .text();
        let mut form = fields(page.split("data-editor").nth(1).expect("the editor"));
        for (name, value) in changes {
            form.retain(|(field, _)| field != name);
            form.push(((*name).to_owned(), (*value).to_owned()));
        }
        form.push(("action".to_owned(), "save".to_owned()));
        let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        self.post("/experiments/new", &form).await
    }

    /// Proposes the first template and registers it; returns its path.
    pub(crate) async fn registered(&self, site: &Site) -> String {
        let path = location(&self.propose(site, &[]).await);
        let answer = self.post(&format!("{path}/register"), &[]).await;
        answer.assert_status_see_other();
        path
    }
}

/// A pool of one connection to the site's database: what it read is what the database counts.
pub(crate) async fn alone(pool: &PgPool) -> PgPool {
    let options = (*pool.connect_options()).clone();
    let one = PgPoolOptions::new().max_connections(1);
    one.connect_with(options).await.expect("connects")
}

/// Rows of a table that were read so far, by the database's own count; `pool` is [`alone`].
pub(crate) async fn rows_read(pool: &PgPool, table: &str) -> i64 {
    // Counts are kept back for a while, unless the next command asks for them.
    for _ in 0..2 {
        let flush = sqlx::query("select pg_stat_force_next_flush()");
        flush.execute(pool).await.expect("asks");
    }
    sqlx::query_scalar("select seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables where relname = $1")
        .bind(table)
        .fetch_one(pool)
        .await
        .expect("asks")
}

/// Where an answer sends the browser.
pub(crate) fn location(answer: &TestResponse) -> String {
    answer.assert_status_see_other();
    let header = answer.header("location");
    header.to_str().expect("an address").to_owned()
}

/// What the browser would send of a form: inputs, the chosen option of each select, the text areas.
pub(crate) fn fields(form: &str) -> Vec<(String, String)> {
    let form = form.split("</form>").next().unwrap_or_default();
    let mut fields = Vec::new();
    for tag in form.split('<').skip(1) {
        let attribute = |name: &str| {
            let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
            let rest = &tag[start..];
            Some(unescape(&rest[..rest.find('"')?]))
        };
        if tag.starts_with("input ") {
            if let Some(name) = attribute("name") {
                fields.push((name, attribute("value").unwrap_or_default()));
            }
        } else if tag.starts_with("select ") {
            fields.push((attribute("name").expect("a name"), String::new()));
        } else if tag.starts_with("option ") && tag.contains(" selected>") {
            fields.last_mut().expect("a select").1 = attribute("value").expect("a value");
        } else if tag.starts_with("textarea ") {
            let text = tag.split_once('>').map_or("", |(_, text)| text);
            let text = unescape(text.trim_start_matches('\n'));
            fields.push((attribute("name").expect("a name"), text));
        }
    }
    fields
}

fn unescape(text: &str) -> String {
    text.replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&lt;", "<")
        .replace("&#60;", "<")
        .replace("&gt;", ">")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}
