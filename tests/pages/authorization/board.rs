//! What is on the board of the test, under the names that the table has for it.

use super::table::{self, Route};
use crate::support::{Browser, PASSWORD, Site, location};
use breakmywork::auth::account::Role;
use breakmywork_protocol::id::AccountId;
use std::collections::BTreeMap;

/// Things by name.
pub(crate) struct Board(BTreeMap<&'static str, String>);

const WORK_FIELDS: &str = r#"{"title":"","authors":[],"year":0,"phenomenon":""}"#;
const CLAIM_FIELDS: &str = r#"{"sentence":""}"#;
const MACHINE: &str = r#"{"device":"cpu","arithmetic":"AVX2","device_name":"x","threads":1,"worker_version":"0","code_version":"0"}"#;

/// With what else Ada signs in, which she may end.
const IDENTITY: &str =
    "insert into identity (id, account_id, issuer, subject, shown) overriding system value
     select 901, id, 'https://id.example', '1', 'Ada' from account where name = 'ada' on conflict do nothing";

/// Ada's webhooks; two of them are there to be removed.
const WEBHOOKS: &str =
    "insert into webhook (id, account_id, url, host, secret) overriding system value
    select number, account.id, 'https://ada.example.org', 'ada.example.org', sha256('s')
    from generate_series(901, 903) number, account where name = 'ada' on conflict do nothing";

impl Board {
    /// Works, claims, experiments in every state, comments, and what one person has for herself.
    pub(crate) async fn set(site: &Site) -> Self {
        site.widen("C2").await;
        let ada = site.signed_in("ada", Role::Member).await;
        let bob = site.signed_in("bob", Role::Member).await;
        let mona = site.signed_in("mona", Role::Moderator).await;
        let nina = site.signed_in("nina", Role::Member).await;
        site.account("eve", Role::Member).await;
        site.account("boss", Role::Admin).await;
        site.account("victim", Role::Member).await;
        run(
            site,
            "update account set created_at = now() - interval '30 days' where name <> 'nina'",
        )
        .await;
        let mut things = BTreeMap::from([
            ("work", "recurrent-dropout".to_owned()),
            ("name", "ada".to_owned()),
            ("victim", "victim".to_owned()),
            ("reaction", "agree".to_owned()),
            ("body", "Experiment".to_owned()),
            ("document", "verdict".to_owned()),
            ("work_fields", WORK_FIELDS.to_owned()),
            ("claim_fields", CLAIM_FIELDS.to_owned()),
            ("machine", MACHINE.to_owned()),
            ("claim", site.claim("C2").await.to_string()),
            ("attempt", "1".to_owned()),
            ("step", "5".to_owned()),
            (
                "outside_worker",
                "00000000-0000-4000-8000-00000000000a".to_owned(),
            ),
        ]);
        works(site, [&ada, &bob, &nina], &mut things).await;
        experiments(site, [&ada, &bob, &mona], &mut things).await;
        comments(site, [&ada, &bob, &mona], &mut things).await;
        own(site, &mut things).await;
        Self(things)
    }

    /// Path and body of a request for a route.
    pub(super) fn filled(&self, route: &Route) -> (String, Option<String>) {
        let with = |name: &str| {
            let thing = self.0.get(name);
            thing
                .unwrap_or_else(|| panic!("nothing is called {name}"))
                .clone()
        };
        let sent = route.sent.as_deref().map(|sent| table::filled(sent, with));
        (table::filled(&route.path, with), sent)
    }

    /// Makes what can be done once possible once more.
    pub(super) async fn renew(&self, site: &Site) {
        run(site, WEBHOOKS).await;
        run(site, IDENTITY).await;
        run(site, "update mailbox set confirm_hash = sha256(convert_to(repeat('c', 64), 'UTF8')), confirmed_at = null where confirm_hash is null").await;
        run(site, "update api_token set revoked_at = null where label = 'test' and scopes = array['read'] and revoked_at is not null").await;
        run(
            site,
            "update invitation set revoked_at = null where revoked_at is not null",
        )
        .await;
        run(
            site,
            "update reproduction set removed_at = null where removed_at is not null",
        )
        .await;
        run(site, "insert into session (id, token_hash, account_id, expires_at) overriding system value
                   select given.id, given.hash, account.id, now() + interval '1 day' from given_session given, account where name = 'ada'
                   on conflict do nothing").await;
    }
}

async fn run(site: &Site, sql: &'static str) {
    sqlx::query(sql).execute(&site.pool).await.expect("is done");
}

async fn text(site: &Site, sql: &'static str) -> String {
    let found = sqlx::query_scalar(sql).fetch_one(&site.pool).await;
    found.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The last part of where an answer sends the browser.
fn last(answer: &axum_test::TestResponse) -> String {
    let to = location(answer);
    let end = to.rsplit(['/', '-']).next().expect("a part");
    end.to_owned()
}

async fn works(
    site: &Site,
    [ada, bob, nina]: [&Browser; 3],
    things: &mut BTreeMap<&'static str, String>,
) {
    let work = |title: &'static str, url: &'static str| {
        [
            ("kind", "paper"),
            ("title", title),
            ("authors", "Ada Lovelace"),
            ("year", "2024"),
            ("url", url),
            ("phenomenon", "It **forgets**."),
        ]
    };
    let claim = |sentence: &'static str| {
        [
            ("sentence", sentence),
            ("said_at", "Table 1"),
            ("scope", "Everywhere."),
            ("predicts", "better"),
        ]
    };
    for (name, browser, title, url) in [
        ("adas_work", ada, "A work of Ada's", "https://example.org/a"),
        (
            "waiting_work",
            nina,
            "A work that waits",
            "https://example.org/b",
        ),
    ] {
        let answer = browser.post("/works/new", &work(title, url)).await;
        let to = location(&answer);
        let slug = to.trim_start_matches("/works/");
        things.insert(
            name,
            slug.split(['/', '?', '#'])
                .next()
                .expect("a slug")
                .to_owned(),
        );
    }
    for (name, browser, sentence) in [
        ("adas_claim", ada, "Ada says that fixed masks are better."),
        ("bobs_claim", bob, "Bob says that they are not."),
        ("waiting_claim", nina, "Nina says that it depends."),
    ] {
        let path = "/works/recurrent-dropout/claims/new";
        browser
            .post(path, &claim(sentence))
            .await
            .assert_status_see_other();
        let id: i64 = sqlx::query_scalar("select id from claim where sentence = $1")
            .bind(sentence)
            .fetch_one(&site.pool)
            .await
            .expect("is there");
        things.insert(name, id.to_string());
    }
    sqlx::query(
        "insert into claim_rival (claim_id, rival_id, declared_for, declared_by, reason)
         select least(a.id, b.id), greatest(a.id, b.id), b.id, b.author_id, 'They differ.'
         from claim a, claim b where a.sentence like 'Ada says%' and b.sentence like 'Bob says%'",
    )
    .execute(&site.pool)
    .await
    .expect("rivals");
}

async fn experiments(
    site: &Site,
    [ada, bob, mona]: [&Browser; 3],
    things: &mut BTreeMap<&'static str, String>,
) {
    for (name, title) in [
        ("ended", "One that has ended"),
        ("disputed", "One that is disputed"),
    ] {
        let path = location(&ada.propose(site, &[("title", title)]).await);
        ada.post(&format!("{path}/register"), &[])
            .await
            .assert_status_see_other();
        things.insert(name, path.trim_start_matches("/experiments/").to_owned());
    }
    site.train_all().await;
    let dispute = format!("/experiments/{}/dispute", things["disputed"]);
    mona.post(&dispute, &[("words", "The data were wrong.")])
        .await
        .assert_status_see_other();
    for (name, arithmetic) in [("reproduction", "AVX2"), ("reproduction_too", "AVX-512")] {
        let id: i64 = sqlx::query_scalar(
            "insert into reproduction (experiment_id, account_id, device, arithmetic, device_name, threads, worker_version, code_version, word, runs, numbers)
             select $1, id, 'cpu', $2, 'x', 1, '0', '0', 'identical', 1, '[]' from account where name = 'ada' returning id",
        )
        .bind(things["ended"].parse::<i64>().expect("a number"))
        .bind(arithmetic)
        .fetch_one(&site.pool)
        .await
        .expect("is there");
        things.insert(name, id.to_string());
    }
    for (name, title) in [
        ("registered", "One that runs"),
        ("proposed", "One that is proposed"),
        ("to_register", "One to register"),
        ("to_register_too", "One to register, too"),
        ("to_withdraw", "One to withdraw"),
        ("to_withdraw_too", "One to withdraw, too"),
    ] {
        let answer = ada.propose(site, &[("title", title)]).await;
        things.insert(name, last(&answer));
    }
    let registered = format!("/experiments/{}/register", things["registered"]);
    ada.post(&registered, &[]).await.assert_status_see_other();
    things.insert("run", text(site, "select max(id)::text from run").await);
    let claim = things["adas_claim"].clone();
    let answer = bob
        .propose(site, &[("claim", &claim), ("title", "Bob's test")])
        .await;
    things.insert("bobs_proposal", last(&answer));
}

async fn comments(
    site: &Site,
    [ada, bob, mona]: [&Browser; 3],
    things: &mut BTreeMap<&'static str, String>,
) {
    let thread = text(
        site,
        "select thread_id::text from claim where label = 'C2' order by id limit 1",
    )
    .await;
    let comments = format!("/threads/{thread}/comments");
    for (name, browser) in [
        ("comment", ada),
        ("hidden", ada),
        ("doomed", ada),
        ("doomed_too", ada),
        ("bobs_comment", bob),
    ] {
        let form = [("body", name), ("action", "post")];
        let answer = browser.post(&comments, &form).await;
        things.insert(name, last(&answer));
    }
    let hide = format!("/comments/{}/hide", things["hidden"]);
    mona.post(&hide, &[("reason", "Rude.")])
        .await
        .assert_status_see_other();
    things.insert("thread", thread);
}

/// What Ada has for herself: a notice, an address to confirm, webhooks, an agent, tokens, browsers.
async fn own(site: &Site, things: &mut BTreeMap<&'static str, String>) {
    let ada: i64 = sqlx::query_scalar("select id from account where name = 'ada'")
        .fetch_one(&site.pool)
        .await
        .expect("is there");
    run(site, "insert into notice (account_id, news_id) select account.id, max(news.id) from account, news where name = 'ada' group by account.id on conflict do nothing").await;
    things.insert("notice", text(site, "select max(news_id)::text from notice join account on account.id = account_id where name = 'ada'").await);
    run(site, "insert into mailbox (account_id, address, wish, unsubscribe_key) select id, 'ada@example.org', 'verdicts', repeat('a', 64) from account where name = 'ada'").await;
    run(site, WEBHOOKS).await;
    run(site, "insert into webhook_delivery (id, webhook_id, kind, news_id, state) overriding system value
               select 901, 901, 'news', max(id), 'sent' from news").await;
    for (name, number) in [
        ("webhook", "901"),
        ("delivery", "901"),
        ("webhook_gone", "902"),
        ("webhook_gone_too", "903"),
    ] {
        things.insert(name, number.to_owned());
    }
    things.insert("confirmation", "c".repeat(64));
    things.insert("unsubscribe", "a".repeat(64));
    run(site, "insert into password_reset (account_id, secret_hash, expires_at) select id, sha256(repeat('b', 64)::bytea), now() + interval '1 hour' from account where name = 'ada'").await;
    things.insert("reset", "b".repeat(64));
    run(site, IDENTITY).await;
    things.insert("identity", "901".to_owned());
    things.insert("provider", "orcid".to_owned());
    run(site, "insert into invitation (code_hash, note, expires_at) select sha256(note::bytea), note, now() + interval '1 day' from (values ('invitation'), ('invitation_too')) given (note)").await;
    for name in ["invitation", "invitation_too"] {
        let id: i64 = sqlx::query_scalar("select id from invitation where note = $1")
            .bind(name)
            .fetch_one(&site.pool)
            .await
            .expect("is there");
        things.insert(name, id.to_string());
    }
    let agent: i64 = sqlx::query_scalar("insert into account (name, password_hash, sponsor_id) values ('scout-agent', 'none', $1) returning id")
        .bind(ada)
        .fetch_one(&site.pool)
        .await
        .expect("an agent");
    things.insert("agent", "scout-agent".to_owned());
    for token in ["agents_token", "agents_token_too"] {
        site.token(AccountId(agent), &[breakmywork::auth::token::Scope::Read])
            .await;
        things.insert(
            token,
            text(site, "select max(id)::text from api_token").await,
        );
    }
    for (token, session) in [("token", "session"), ("token_too", "session_too")] {
        site.token(AccountId(ada), &[breakmywork::auth::token::Scope::Read])
            .await;
        things.insert(
            token,
            text(site, "select max(id)::text from api_token").await,
        );
        let form = [("name", "ada"), ("password", PASSWORD)];
        site.browser()
            .post("/sign-in", &form)
            .await
            .assert_status_see_other();
        things.insert(
            session,
            text(site, "select max(id)::text from session").await,
        );
    }
    run(site, "create table given_session as select session.id, token_hash as hash from session join account on account.id = account_id where name = 'ada' order by session.id desc limit 2").await;
}
