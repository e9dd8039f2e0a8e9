//! Sealed experiments: nothing of one is told to anybody but its author before it is opened, and then all of it to everybody.

use crate::forecasts::told;
use crate::support::*;
use axum::http::StatusCode;
use breakmywork::auth::{account::Role, token::Scope};
use breakmywork_protocol::{
    db::MIGRATOR,
    id::AccountId,
    jobs::{self, Ending, FailureKind, Timing},
};
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A word that stands in whatever is sealed.
pub(crate) const SECRET: &str = "zanzibar";

/// The ready template with that word in its title, its arms and all that is written beside it.
pub(crate) async fn toml(browser: &Browser, site: &Site) -> String {
    let claim = site.claim("C2").await;
    let page = browser
        .get(&format!("/experiments/new?claim={claim}"))
        .await;
    let page = page.text();
    let form = fields(page.split("data-editor").nth(1).expect("the editor"));
    let toml = form.into_iter().find(|(name, _)| name == "toml");
    let toml = toml.expect("a text").1;
    toml.replace("fixed state mask", &format!("{SECRET} fixed"))
        .replace("fresh state mask", &format!("{SECRET} fresh"))
}

/// Proposes it, to be sealed.
async fn proposed(browser: &Browser, site: &Site) -> String {
    // The same words an hour later are no form that was sent twice.
    sql(
        site,
        "update experiment set created_at = created_at - interval '1 hour'",
    )
    .await;
    let toml = toml(browser, site).await;
    let fields = [
        ("toml", toml.as_str()),
        ("prediction", "The claim implies zanzibar here."),
        ("rationale", "Because of *zanzibar*."),
        ("seal_days", "30"),
    ];
    location(&browser.propose(site, &fields).await)
}

/// Registers a sealed experiment.
async fn registered(browser: &Browser, site: &Site) -> String {
    let path = proposed(browser, site).await;
    let register = format!("{path}/register");
    browser.post(&register, &[]).await.assert_status_see_other();
    path
}

async fn sql(site: &Site, text: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(text.to_owned()))
        .execute(&site.pool)
        .await
        .expect(text);
}

async fn number(site: &Site, query: &'static str) -> i64 {
    sqlx::query_scalar(query)
        .fetch_one(&site.pool)
        .await
        .expect(query)
}

async fn text(site: &Site, query: &'static str) -> String {
    sqlx::query_scalar(query)
        .fetch_one(&site.pool)
        .await
        .expect(query)
}

/// Every address that could show something of experiment `path`.
pub(crate) async fn addresses(site: &Site, path: &str) -> Vec<String> {
    let claim = site.claim("C2").await;
    let id = path.rsplit('/').next().expect("a number");
    let mut all: Vec<String> = [
        "/",
        "/works",
        "/works/recurrent-dropout",
        "/experiments",
        "/experiments?state=registered",
        "/experiments?state=running",
        "/experiments?author=ada",
        "/experiments?forecasts=open",
        "/experiments?sort=oldest&author=ada",
        "/experiments?task=adding",
        "/experiments?q=implies+or+mask",
        "/queue",
        "/queue/cancelled",
        "/queue/live",
        "/workers",
        "/record",
        "/moderation",
        "/metrics",
        "/search?q=implies",
        "/search?q=sealed+mask&kind=experiments",
        "/people/ada",
        "/people/eve",
        "/account",
        "/inbox",
        "/inbox/following",
        "/admin/queue",
        "/admin/people",
        "/api/v1/works",
        "/api/v1/claims",
        "/api/v1/experiments",
        "/api/v1/experiments?state=running",
        "/api/v1/experiments?forecasts=open",
        "/api/v1/experiments?task=adding&q=mask",
        "/api/v1/experiments?author=ada",
        "/api/v1/record",
        "/api/v1/record/head",
        "/api/v1/moderation",
        "/api/v1/queue",
        "/api/v1/queue/cancelled",
        "/api/v1/inbox",
        "/api/v1/follows",
        "/api/v1/workers",
        "/api/v1/people/ada/forecast-score",
        "/api/v1/forecasts/surprises",
        "/api/v1/openapi.json",
        "/api/v1/search?q=implies+or+sealed+or+mask&kind=experiments",
    ]
    .map(str::to_owned)
    .to_vec();
    for part in [
        "",
        "?at=1",
        "/live",
        "/live?part=progress",
        "/events",
        "/embed",
        "/spec.toml",
        "/spec.json",
        "/reproduce.json",
        "/commitment.json",
        "/registration.intoto.json",
        "/registration.prml.yaml",
        "/edit",
        "/stop",
        "/doi",
        "/diff",
        "/diff?with=1",
        "/chosen.toml",
        "/runs",
        "/runs.csv",
        "/runs.parquet",
        "/pairs.csv",
        "/metrics.csv",
        "/metrics.parquet",
        "/bundle.zip",
    ] {
        all.push(format!("{path}{part}"));
    }
    for part in [
        "",
        "/runs",
        "/forecast",
        "/forecasts",
        "/reproductions",
        "/diff?with=1",
        "/search",
        "/tuning",
    ] {
        all.push(format!("/api/v1{path}{part}"));
    }
    all.push(format!("/experiments/1/diff?with={id}"));
    all.push(format!("/compare?experiments=1,{id}"));
    all.push(format!("/api/v1/compare?experiments={id}"));
    all.push(format!("/api/v1/experiments/1/diff?with={id}"));
    for part in [
        "",
        "?x=length&y=rate",
        "/narrow",
        "/narrow?from=survived",
        "/badge.svg",
    ] {
        all.push(format!("/claims/{claim}{part}"));
    }
    for part in ["", "/scope-map", "/resorted"] {
        all.push(format!("/api/v1/claims/{claim}{part}"));
    }
    all.push(format!("/api/v1/record?experiment={id}"));
    all.push(format!("/experiments/new?amends={id}"));
    all.push(format!("/experiments/new?like={id}"));
    all.push(format!("/api/v1/threads/{}/comments", {
        let thread: i64 = sqlx::query_scalar("select thread_id from experiment where id = $1")
            .bind(id.parse::<i64>().expect("a number"))
            .fetch_one(&site.pool)
            .await
            .expect("asks");
        thread
    }));
    let runs: Vec<i64> =
        sqlx::query_scalar("select id from run where experiment_id = $1 order by id limit 6")
            .bind(id.parse::<i64>().expect("a number"))
            .fetch_all(&site.pool)
            .await
            .expect("asks");
    for run in runs {
        all.push(format!("/runs/{run}"));
        all.push(format!("/compare?runs={run}"));
        all.push(format!("/api/v1/runs/{run}"));
        all.push(format!("/api/v1/runs/{run}/metrics"));
    }
    all
}

/// What is refused says no more than what is shown.
async fn refusals(reader: &Browser, path: &str) -> Vec<(String, axum_test::TestResponse)> {
    let mut all = Vec::new();
    for (what, form) in [
        ("forecast", [("percent", "50")].as_slice()),
        ("forecast", &[("percent", "101")]),
        ("register", &[]),
        ("withdraw", &[]),
        ("confirm", &[]),
        ("dispute", &[("words", "I doubt it")]),
        ("dispute", &[("words", "")]),
        ("dispute/answer", &[("words", "No.")]),
        ("dispute/resolve", &[("words", "Well.")]),
        ("doi", &[("doi", "10.5281/zenodo.1")]),
    ] {
        let answer = reader.post(&format!("{path}/{what}"), form).await;
        all.push((format!("{what} {form:?}"), answer));
    }
    all
}

pub(crate) type Told = BTreeMap<String, (u16, BTreeMap<String, String>, String)>;

/// The text before "ago" without how long that is: "heard of" of "heard of 1 min 5 s ".
fn undated(part: &str) -> &str {
    let mut rest = part.trim_end();
    while let Some((before, unit)) = rest.rsplit_once(' ') {
        let number = before.trim_end_matches(|char: char| char.is_ascii_digit());
        if number.len() == before.len() || !["s", "min", "h", "day", "days"].contains(&unit) {
            break;
        }
        rest = number.trim_end();
    }
    rest
}

/// The same without what a clock says in words: how long a worker was not heard of.
pub(crate) fn timeless(
    answer: &axum_test::TestResponse,
) -> (u16, BTreeMap<String, String>, String) {
    let (status, mut headers, body) = told(answer);
    // A refusal names its request.
    let request = answer.header("x-request-id");
    let body = body.replace(request.to_str().expect("plain"), "");
    let body = body.replace("just now", " ago");
    let (dated, last) = body.rsplit_once(" ago").unwrap_or(("", &body));
    let parts: Vec<&str> = dated.split(" ago").map(undated).collect();
    let body = format!("{} ago{last}", parts.join(" ago"));
    headers.remove("content-length");
    // Nobody sees by the length what is not in the words.
    headers.insert("length".to_owned(), body.len().to_string());
    (status, headers, body)
}

/// Everything that these readers are told.
async fn told_to(site: &Site, readers: &[(&'static str, Browser)], path: &str) -> Told {
    site.state.surprises.look(&site.pool).await.expect("looks");
    site.state.pace.look(&site.pool).await.expect("looks");
    let mut all = BTreeMap::new();
    for address in addresses(site, path).await {
        for (who, reader) in readers {
            let answer = reader.get(&address).await;
            all.insert(format!("{address} to {who}"), timeless(&answer));
        }
    }
    for (who, reader) in readers {
        for (what, answer) in refusals(reader, path).await {
            all.insert(format!("{what} refused to {who}"), timeless(&answer));
        }
    }
    all
}

/// Some runs of a sealed experiment end, each in its way, and some are on a worker.
async fn under_way(site: &Site) {
    let worker = Uuid::new_v4();
    jobs::register_worker(&site.pool, worker, "host", "cpu", "0", 8)
        .await
        .expect("registers");
    for at in 0..8 {
        let lease = jobs::take(&site.pool, worker, Timing::default())
            .await
            .expect("takes")
            .expect("a run");
        let plan = lease.plan.clone().expect("a plan");
        let end = match at {
            0..3 => site.success(&plan, 0.1),
            3 => Ending::Failed {
                kind: FailureKind::Diverged,
                error: format!("{SECRET} left the finite numbers"),
            },
            _ => continue,
        };
        jobs::finish(&site.pool, &lease, end, Timing::default())
            .await
            .expect("finishes");
    }
}

/// Everything that is sealed of experiment 2 becomes something else, past the program and its triggers.
const OTHERWISE: &str = "
    alter table experiment disable trigger user;
    update experiment set title = 'Another one', prediction = 'Something else.', rationale = repeat('x', 5000),
        spec_source = 'y', spec = jsonb_set(jsonb_set(jsonb_set(spec, '{task,length}', '77'), '{seeds}', '12'), '{arms}',
          (spec -> 'arms') || '[{\"name\": \"a third\", \"dropout\": {}}]'),
        spec_canonical = '{}', spec_sha256 = repeat('7', 64), exploratory = true, seed_salt = null,
        outside = '{Outside of everything.}', likeness = 'another', power = '{}', amends = 1, amend_reason = 'A slip.'
    where id = 2;
    alter table experiment enable trigger user;
    update experiment_point set task = 'copy', cell = 'gru', hidden = 9, length = 9, rate = 0.9 where experiment_id = 2;
    update run set arm = 'other ' || arm, seed = seed + 1000, steps = 77, data_set = 'mine@3', plan = '{}', error = error || 'x',
        result = case when result is null then null else jsonb_set(result, '{metrics,test_mse}', '9') end
    where experiment_id = 2;
    insert into run_metric (run_id, name, step, value) select id, 'train_loss', 1, 0.5 from run where experiment_id = 2;
    update run_lease set step = 3 where run_id in (select id from run where experiment_id = 2);
    update run_event set data = '{\"reason\": \"another\"}' where experiment_id = 2;
    insert into run_event (experiment_id, run_id, kind) select experiment_id, id, 'checkpoint' from run where experiment_id = 2;
    update run_attempt set error = 'x', started_at = started_at - interval '1 hour' where ended_at is not null
      and run_id in (select id from run where experiment_id = 2);";

#[sqlx::test(migrator = "MIGRATOR")]
async fn everybody_but_its_author_is_told_the_same_whatever_is_sealed(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let ada = site.signed_in("ada", Role::Member).await;
    let readers = readers(&site).await;
    // One that is open, to compare with and to be found beside.
    ada.registered(&site).await;
    site.train_all().await;
    let path = registered(&ada, &site).await;
    under_way(&site).await;
    // The first time may differ by itself: a token is used for the first time.
    told_to(&site, &readers, &path).await;
    let before = told_to(&site, &readers, &path).await;
    assert!(before.len() > 400, "{}", before.len());
    // Nothing that stands in the plan stands anywhere, in whatever form.
    let secrets = [
        SECRET.to_owned(),
        text(&site, "select spec_sha256 from experiment where id = 2").await,
        text(&site, "select seed_salt from experiment where id = 2").await,
        text(&site, "select nonce from seal").await,
        text(
            &site,
            "select seed::text from run where experiment_id = 2 limit 1",
        )
        .await,
    ];
    for (what, (_, headers, body)) in &before {
        let whole = format!("{headers:?}{body}").to_lowercase();
        for secret in &secrets {
            assert!(!whole.contains(secret), "{secret} in {what}: {whole}");
        }
    }
    // That a run diverged is a result, and no business of whoever keeps the queue going.
    let queue = &before["/admin/queue to an admin"].2;
    assert!(queue.contains("sealed, seed 0"), "{queue}");
    assert!(!queue.contains("diverged"), "{queue}");
    sql(&site, OTHERWISE).await;
    let after = told_to(&site, &readers, &path).await;
    for (what, answer) in &before {
        let (one, other) = (&after[what].2, &answer.2);
        let differs = one
            .lines()
            .zip(other.lines())
            .find(|(one, other)| one != other);
        assert!(after[what] == *answer, "{what}: {differs:?}");
    }
    // What is public is there.
    let page = &before[&format!("{path} to a stranger")].2;
    let commitment = text(&site, "select commitment from seal").await;
    for words in [
        "Sealed experiment",
        "Registered, and sealed.",
        "/people/ada",
        &commitment,
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    // What is compared does tell, once it is opened.
    sql(
        &site,
        "update experiment set opened_at = now() where id = 2",
    )
    .await;
    let stranger = site.browser();
    for part in ["", "/spec.json", "/live?part=progress"] {
        let open = timeless(&stranger.get(&format!("{path}{part}")).await);
        assert_ne!(
            open,
            before[&format!("{path}{part} to a stranger")],
            "{part}"
        );
    }
}

/// A stranger, a member, a moderator, an admin, and scripts of these.
pub(crate) async fn readers(site: &Site) -> Vec<(&'static str, Browser)> {
    let eve = site.signed_in("eve", Role::Member).await;
    let mona = site.signed_in("mona", Role::Moderator).await;
    let root = site.signed_in("root", Role::Admin).await;
    let script = async |name: &str| {
        let id: i64 = sqlx::query_scalar("select id from account where name = $1")
            .bind(name)
            .fetch_one(&site.pool)
            .await
            .expect("asks");
        let token = site.token(AccountId(id), &Scope::ALL).await;
        site.browser().bearing(&token)
    };
    vec![
        ("a script of a member", script("eve").await),
        ("a script of a moderator", script("mona").await),
        ("a script of an admin", script("root").await),
        ("a stranger", site.browser()),
        ("a member", eve),
        ("a moderator", mona),
        ("an admin", root),
    ]
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn its_author_sees_it_and_its_end_opens_it_to_everybody(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = proposed(&ada, &site).await;
    let stranger = site.browser();
    // From the proposal on: what was public cannot be sealed.
    let page = stranger.get(&path).await.text();
    assert!(page.contains("A sealed proposal"), "{page}");
    assert!(!page.contains(SECRET), "{page}");
    assert!(ada.get(&path).await.text().contains(SECRET));
    let register = format!("{path}/register");
    ada.post(&register, &[]).await.assert_status_see_other();
    let page = ada.get(&path).await.text();
    for words in [
        "Sealed: only you see this page.",
        SECRET,
        "0 of 16 runs have ended",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let spec = ada.get(&format!("{path}/spec.json")).await;
    assert!(spec.text().contains(SECRET));
    assert_eq!(
        spec.header("cache-control"),
        "no-store",
        "nobody keeps it for others"
    );
    let run = number(&site, "select min(id) from run").await;
    ada.get(&format!("/runs/{run}")).await.assert_status_ok();
    // On lists it is sealed for its author, too.
    let list = ada.get("/experiments").await.text();
    assert!(
        list.contains("Sealed experiment") && !list.contains(SECRET),
        "{list}"
    );

    site.train_all().await;
    let page = stranger.get(&path).await.text();
    for words in [
        SECRET,
        "It was sealed, and opened",
        "<strong>Opened</strong>",
        "<strong>Result</strong>",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let bytes = stranger.get(&format!("{path}/commitment.json")).await;
    let commitment = text(
        &site,
        "select body::jsonb ->> 'commitment' from record_entry where kind = 'registration'",
    )
    .await;
    assert_eq!(hex::encode(Sha256::digest(bytes.as_bytes())), commitment);
    let shown: serde_json::Value = stranger.get(&format!("/api/v1{path}")).await.json();
    assert_eq!(shown["seal"]["commitment"], commitment);
    assert_eq!(shown["seal"]["closed"], false);
    assert_eq!(
        shown["seal"]["nonce"],
        text(&site, "select nonce from seal").await
    );
    let manifest = stranger
        .get(&format!("{path}/registration.prml.yaml"))
        .await;
    manifest.assert_status_ok();
    let statement: serde_json::Value = stranger
        .get(&format!("{path}/registration.intoto.json"))
        .await
        .json();
    let entry = &statement["predicate"]["entry"]["body"];
    assert_eq!(entry["registration"]["spec_sha256"], shown["spec_sha256"]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn withdrawing_and_stopping_publish_it(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let stranger = site.browser();
    let withdrawn = proposed(&ada, &site).await;
    ada.post(&format!("{withdrawn}/withdraw"), &[])
        .await
        .assert_status_see_other();
    let page = stranger.get(&withdrawn).await.text();
    assert!(page.contains(SECRET), "{page}");
    let stopped = registered(&ada, &site).await;
    let form = ada.get(&format!("{stopped}/stop")).await.text();
    assert!(
        form.contains("nobody can stop a sealed experiment and keep"),
        "{form}"
    );
    ada.post(&format!("{stopped}/stop"), &[("reason", "it looks bad")])
        .await
        .assert_status_see_other();
    let page = stranger.get(&stopped).await.text();
    for words in [SECRET, "aborted", "it looks bad"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    // An admin stops what nobody but its author knows, without seeing it.
    let root = site.signed_in("root", Role::Admin).await;
    let another = registered(&ada, &site).await;
    let form = root.get(&format!("{another}/stop")).await.text();
    assert!(!form.contains(SECRET), "{form}");
    root.post(&format!("{another}/stop"), &[("reason", "too much")])
        .await
        .assert_status_see_other();
    assert!(stranger.get(&another).await.text().contains(SECRET));
}

/// Whoever watches cannot take the claim away from under it: where it lies is not told, and it is judged by what the claim
/// said when it was registered.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_claim_is_not_narrowed_away_from_under_it(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen("C2").await;
    let mallory = site.signed_in("mallory", Role::Moderator).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = registered(&ada, &site).await;
    let claim = format!("/claims/{}", site.claim("C2").await);
    let page = mallory.get(&format!("{claim}/narrow")).await.text();
    let mut form = fields(page.split("<h1").nth(1).expect("the form"));
    for (name, value) in [
        ("sentence", "It holds on long sequences."),
        ("reason", "I saw something coming."),
        ("length-least", "100"),
        ("action", "narrow"),
    ] {
        form.retain(|(field, _)| field != name);
        form.push((name.to_owned(), value.to_owned()));
    }
    let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let narrowed = mallory.post(&format!("{claim}/narrow"), &form).await;
    let narrower = location(&narrowed);
    // The plan has length 30: whoever were told that it lies outside would know.
    let page = site.browser().get(&narrower).await.text();
    assert!(
        page.contains("It was sealed when the claim was narrowed."),
        "{page}"
    );
    // It falsifies: fixed masks, which it says are better, are worse.
    let worker = Uuid::new_v4();
    jobs::register_worker(&site.pool, worker, "host", "cpu", "0", 1)
        .await
        .expect("registers");
    for _ in 0..16 {
        let lease = jobs::take(&site.pool, worker, Timing::default())
            .await
            .expect("takes")
            .expect("a run");
        let plan = lease.plan.clone().expect("a plan");
        let worse = plan.arm.contains("fixed");
        let error = if worse { 0.08 } else { 0.02 } + f64::from(plan.seed % 10) * 1e-3;
        let end = site.success(&plan, error);
        jobs::finish(&site.pool, &lease, end, Timing::default())
            .await
            .expect("finishes");
    }
    let page = site.browser().get(&path).await.text();
    assert!(page.contains("falsified"), "{page}");
    let page = site.browser().get(&claim).await.text();
    assert!(page.contains("challenged"), "the earlier claim: {page}");
}

/// Three accounts and an hour: the same plan registered openly, and amendments of it, tell nothing of what is sealed.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_guess_is_not_answered(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let mallory = site.signed_in("mallory", Role::Member).await;
    let path = registered(&ada, &site).await;
    // The very plan, openly.
    let toml = toml(&mallory, &site).await;
    let guess = location(&mallory.propose(&site, &[("toml", &toml)]).await);
    let page = mallory.get(&guess).await.text();
    assert!(!page.contains("asked exactly this"), "{page}");
    let register = format!("{guess}/register");
    mallory.post(&register, &[]).await.assert_status_see_other();
    let shown: serde_json::Value = mallory.get(&format!("/api/v1{guess}")).await.json();
    assert_eq!(shown["asked_before"], serde_json::Value::Null);
    // Nor can the commitment be tried: there is a random number in it.
    let sealed: serde_json::Value = mallory.get(&format!("/api/v1{path}")).await.json();
    for name in [
        "spec",
        "spec_sha256",
        "seed_salt",
        "seeds",
        "power",
        "outcome",
        "verdict",
    ] {
        assert_eq!(sealed[name], serde_json::Value::Null, "{name}");
    }
    // An amendment would show both.
    let id = path.rsplit('/').next().expect("a number");
    let amend = [
        ("toml", toml.as_str()),
        ("amends", id),
        ("amend_reason", "Let me see."),
    ];
    let refused = mallory.propose(&site, &amend).await;
    refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    // Once it is open, the later of the two is told of the earlier.
    site.train_all().await;
    let page = mallory.get(&guess).await.text();
    assert!(page.contains("asked exactly this"), "{page}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_tells_by_itself_is_not_sealed(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    for days in ["0", "91", "-1", "x", "1e1"] {
        let refused = ada.propose(&site, &[("seal_days", days)]).await;
        refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        let page = refused.text();
        assert!(page.contains("A seal lasts 1 to 90 days"), "{days}: {page}");
    }
    // Its length would tell how it goes.
    let toml = toml(&ada, &site).await;
    let sequential = format!("{}\nstopping = \"e_value\"\n", toml.trim_end());
    let fields = [("toml", sequential.as_str()), ("seal_days", "9")];
    let refused = ada.propose(&site, &fields).await;
    refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let page = refused.text();
    assert!(
        page.contains("A sequential plan shows by its length"),
        "{page}"
    );
    // Its stages would, too: also where the proposal comes past the form.
    for (spec, words) in [
        (
            include_str!("../../examples/specs/each-at-its-best.toml"),
            "A tuned plan shows by its stages",
        ),
        (
            include_str!("../../examples/specs/where-it-fails.toml"),
            "A search shows by its length",
        ),
    ] {
        let refused = ada
            .propose(&site, &[("toml", spec), ("seal_days", "9")])
            .await;
        refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        let page = refused.text();
        assert!(page.contains(words), "{words}: {page}");
    }
    // There is nothing to forecast of what nobody knows, not for its author either.
    let path = registered(&ada, &site).await;
    let refused = ada
        .post(&format!("{path}/forecast"), &[("percent", "50")])
        .await;
    refused.assert_status(StatusCode::CONFLICT);
    let refused = sqlx::query("insert into forecast (experiment_id, account_id, percent) select max(experiment.id), max(account.id), 1 from experiment, account")
        .execute(&site.pool)
        .await
        .expect_err("nor in the database");
    assert!(
        refused.to_string().contains("takes no forecast"),
        "{refused}"
    );
    // Once its date has come, while its runs wait, it is like any other.
    sql(
        &site,
        "alter table experiment disable trigger user;
         update experiment set registered_at = registered_at - interval '30 days', opens_at = opens_at - interval '30 days';
         alter table experiment enable trigger user;",
    )
    .await;
    jobs::reap(&site.pool, Timing::default())
        .await
        .expect("sweeps");
    let eve = site.signed_in("eve", Role::Member).await;
    let page = eve.get(&path).await.text();
    assert!(
        page.contains(SECRET) && page.contains("Give this forecast"),
        "{page}"
    );
    eve.post(&format!("{path}/forecast"), &[("percent", "50")])
        .await
        .assert_status_see_other();
}
