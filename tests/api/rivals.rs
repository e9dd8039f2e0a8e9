//! Rival claims: who says that claims deny each other, one experiment that tests both, and that nobody wins by it what the runs
//! do not give.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::record::verify;
use breakmywork_protocol::spec::Plan;
use serde_json::{Value, json};
use sqlx::PgPool;

struct Board {
    site: Site,
    /// The author of C2.
    ada: Person,
    bob: Person,
    mona: Person,
    c2: i64,
}

/// C2 speaks of the ready template, ada is its author, mona a moderator.
async fn board(pool: PgPool) -> Board {
    let site = Site::new(pool).await;
    site.widen().await;
    let ada = site.known("ada").await;
    let bob = site.person("bob", "member").await;
    let mona = site.person("mona", "moderator").await;
    let c2 = site.claim("C2").await;
    let body = json!({ "author": "ada", "reason": "She wrote it." });
    let named = site
        .post(&mona, &format!("/api/v1/claims/{c2}/author"), &body)
        .await;
    named.assert_status_ok();
    Board {
        site,
        ada,
        bob,
        mona,
        c2,
    }
}

impl Board {
    async fn post(&self, person: &Person, path: &str, body: Value) -> (u16, Value) {
        let answer = self
            .site
            .post(person, &format!("/api/v1{path}"), &body)
            .await;
        (answer.status_code().as_u16(), answer.json())
    }

    /// ada puts the denial of C2 on the board.
    async fn denial(&self, person: &Person) -> i64 {
        let body = json!({
            "sentence": "Fresh masks do no worse than fixed ones, by what counts.",
            "reason": "So that one experiment can tell.",
        });
        let (status, made) = self
            .post(person, &format!("/claims/{}/denial", self.c2), body)
            .await;
        assert_eq!(status, 201, "{made}");
        assert_eq!(made["label"], "C15");
        assert_eq!(made["covers"]["predicts"], "not_worse");
        made["id"].as_i64().expect("an id")
    }

    /// bob registers the ready template on C2, which tests the rival, too.
    async fn registered(&self, rival: i64) -> Value {
        let body =
            json!({ "claim": self.c2, "spec": template(), "rival": rival, "register": true });
        let (status, experiment) = self.post(&self.bob, "/experiments", body).await;
        assert_eq!(status, 201, "{experiment}");
        experiment
    }

    async fn get(&self, path: &str) -> Value {
        self.site.get(&format!("/api/v1{path}")).await.json()
    }

    /// Trains what waits, `fixed` masks reaching that error where fresh ones reach 0.1; with noise.
    async fn train(&self, fixed: f64) {
        let end = |plan: &Plan| {
            let setup = serde_json::to_value(&plan.setup).expect("plain");
            let is_fixed = setup["dropout"]["state"]["time"] == "fixed";
            let error =
                if is_fixed { fixed } else { 0.1 } * (1.0 + f64::from(plan.seed % 10) * 1e-3);
            measured(plan, &[("test_mse", error)])
        };
        train(&self.site.pool, end).await;
    }

    /// What does not agree with the record, but for what this test changed of C2.
    async fn findings(&self) -> u64 {
        let options = verify::Options {
            noted: Vec::new(),
            readers: 1,
        };
        let summary = verify::verify(&self.site.pool, &options, |told| eprintln!("{told:?}")).await;
        summary.expect("it can be checked").findings - 1
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn one_set_of_runs_gives_each_claim_its_verdict(pool: PgPool) {
    let board = board(pool).await;
    let rival = board.denial(&board.ada).await;
    let first = board.registered(rival).await;
    let other = first["rival_test"].as_i64().expect("the test of the rival");
    let twin = board.get(&format!("/experiments/{other}")).await;
    assert_eq!(twin["claim"], rival);
    assert_eq!(twin["shares_runs_of"], first["id"]);
    assert_eq!(twin["seeds"], first["seeds"]);
    assert_eq!(twin["runs"]["total"], 0);
    assert_eq!(
        (&first["outside"], &twin["outside"]),
        (&json!([]), &json!([]))
    );
    let criterion = &twin["spec"]["criterion"];
    assert_eq!(criterion["kind"], "non_inferiority");
    assert_eq!(
        criterion["treatment"],
        first["spec"]["criterion"]["control"]
    );
    assert_eq!(criterion["margin"], first["spec"]["criterion"]["margin"]);

    // What is seen of the runs ends forecasts about either claim.
    board.train(0.02).await;
    let forecast = json!({ "percent": 1 });
    let late = board
        .post(
            &board.bob,
            &format!("/experiments/{other}/forecast"),
            forecast,
        )
        .await;
    assert_eq!(late.0, 409);

    let [first, twin] = [
        board.get(&format!("/experiments/{}", first["id"])).await,
        board.get(&format!("/experiments/{other}")).await,
    ];
    assert_eq!(
        (&first["outcome"], &twin["outcome"]),
        (&json!("supported"), &json!("falsified"))
    );
    assert_eq!(
        first["verdict"]["effect"].as_f64().map(|effect| -effect),
        twin["verdict"]["effect"].as_f64(),
        "the same pairs, the other way round"
    );
    // The confirmation of the rival's challenge asks what was asked of the rival, on seeds of its own.
    let confirmation = twin["confirmed_by"].as_i64().expect("the board confirms");
    let confirmation = board.get(&format!("/experiments/{confirmation}")).await;
    assert_eq!(confirmation["claim"], rival);
    assert_eq!(confirmation["spec"]["criterion"]["kind"], "non_inferiority");
    assert_eq!(confirmation["spec"]["criterion"]["alpha"], 0.025);
    assert!(confirmation["runs"]["total"].as_i64() > Some(0));
    assert_eq!(confirmation["rival_test"], Value::Null);
    assert_eq!(confirmation["outcome"], "falsified");
    let standing = |claim: Value| claim["standing"].as_str().map(str::to_owned);
    assert_eq!(
        standing(board.get(&format!("/claims/{}", board.c2)).await).as_deref(),
        Some("standing")
    );
    assert_eq!(
        standing(board.get(&format!("/claims/{rival}")).await).as_deref(),
        Some("falsified")
    );
    // Each thread has the verdict of its own claim, once.
    for experiment in [&first, &twin] {
        let thread = &experiment["thread"];
        let comments = board.get(&format!("/threads/{thread}/comments")).await;
        assert_eq!(comments["items"].as_array().map(Vec::len), Some(1));
    }
    assert_eq!(board.findings().await, 0);

    // A dispute covers both, and so does its end.
    for (path, claims) in [
        ("dispute", ["untested", "untested"]),
        ("dispute/resolve", ["standing", "falsified"]),
    ] {
        let body = json!({ "reason": "The data were seen before." });
        let (status, _) = board
            .post(&board.mona, &format!("/experiments/{other}/{path}"), body)
            .await;
        assert_eq!(status, 200);
        let now = [
            standing(board.get(&format!("/claims/{}", board.c2)).await),
            standing(board.get(&format!("/claims/{rival}")).await),
        ];
        assert_eq!(now.map(Option::unwrap_or_default), claims, "{path}");
    }
    assert_eq!(board.findings().await, 0);
}

/// What is seen of the runs is seen of both tests, whichever of the two is asked about: with the first run that ends, and
/// with the first that a volunteer's worker takes.
#[sqlx::test(migrator = "MIGRATOR")]
async fn whoever_sees_the_runs_sees_them_of_both_claims(pool: PgPool) {
    let board = board(pool).await;
    let rival = board.denial(&board.ada).await;
    let first = board.registered(rival).await;
    let both = [&first["id"], &first["rival_test"]];
    let open = async || board.get("/experiments?forecasts=open").await["items"].clone();
    assert_eq!(open().await.as_array().map(Vec::len), Some(2));

    let lend = "update run set lent = not lent where id = (select min(id) from run)";
    let pool = &board.site.pool;
    sqlx::query(lend).execute(pool).await.expect("lends");
    assert_eq!(open().await, json!([]), "a volunteer sees numbers");
    sqlx::query(lend).execute(pool).await.expect("takes back");

    let worker = a_worker(pool).await;
    let end = |plan: &Plan| measured(plan, &[("test_mse", 0.1)]);
    work(pool, worker, 1, end).await;
    assert_eq!(open().await, json!([]), "one run has ended");
    for id in both {
        let path = format!("/experiments/{id}/forecast");
        let late = board.post(&board.bob, &path, json!({ "percent": 1 })).await;
        assert_eq!(late.0, 409, "{id}: {}", late.1);
    }

    // Whoever amends the test of the rival has seen as much.
    for id in both {
        let body = json!({ "claim": board.c2, "spec": template(), "amends": id, "amend_reason": "Too slow." });
        let (status, later) = board.post(&board.bob, "/experiments", body).await;
        assert_eq!(status, 201, "{later}");
        let diff = board
            .get(&format!("/experiments/{}/diff", later["id"]))
            .await;
        assert_eq!(diff["known"], "runs", "{id}: {diff}");
    }
}

/// Whoever said what will become of the rival does not train what decides it.
#[sqlx::test(migrator = "MIGRATOR")]
async fn who_forecast_either_claim_trains_no_run_of_them(pool: PgPool) {
    let board = board(pool).await;
    let rival = board.denial(&board.ada).await;
    let first = board.registered(rival).await;
    let may = async |person: &Person| {
        let asked = sqlx::query_scalar("select volunteer_may($1, min(id)) from run");
        let asked = asked.bind(person.id.0).fetch_one(&board.site.pool).await;
        asked
            .map(|may: Option<bool>| may == Some(true))
            .expect("asks")
    };
    let eve = board.site.person("eve", "member").await;
    assert!(may(&eve).await);
    let path = format!("/experiments/{}/forecast", first["rival_test"]);
    let given = board.post(&eve, &path, json!({ "percent": 1 })).await;
    assert_eq!(given.0, 201, "{}", given.1);
    assert!(!may(&eve).await);
}

/// An advantage that is there and smaller than what counts denies the claim and leaves its rival; what is in between decides
/// nothing about either.
#[sqlx::test(migrator = "MIGRATOR")]
async fn what_falsifies_the_claim_supports_its_denial_and_no_more(pool: PgPool) {
    let board = board(pool).await;
    let rival = board.denial(&board.ada).await;
    let first = board.registered(rival).await;
    board.train(0.1).await;
    let twin = board
        .get(&format!("/experiments/{}", first["rival_test"]))
        .await;
    let first = board.get(&format!("/experiments/{}", first["id"])).await;
    assert_eq!(first["outcome"], "falsified");
    assert_eq!(twin["outcome"], "supported");
    let [claim, denial] = [
        board.get(&format!("/claims/{}", board.c2)).await,
        board.get(&format!("/claims/{rival}")).await,
    ];
    assert_eq!(claim["standing"], "falsified");
    assert_eq!(denial["standing"], "standing");
    // One experiment is one test of a claim: what the denial survived is its own verdict's severity.
    assert_eq!(denial["tally"]["experiments"], 1);
    let [severity, own] = [&denial["severity"], &twin["verdict"]["severity"]].map(Value::as_f64);
    let [severity, own] = [severity.expect("one"), own.expect("one")];
    assert!(
        (severity - own.min(0.9999)).abs() < 1e-9,
        "{severity} {own}"
    );
    assert_eq!(board.findings().await, 0);
}

/// Nobody gets a verdict posted to a claim whose author does not agree that it is a rival.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_rival_takes_both_sides(pool: PgPool) {
    let board = board(pool).await;
    let c2 = board.c2;
    let denial = board.denial(&board.mona).await;
    sqlx::query("update account set role = 'member' where name = 'mona'")
        .execute(&board.site.pool)
        .await
        .expect("sets");
    let end = format!("/claims/{c2}/rivals/{denial}/end");
    let reason = json!({ "reason": "They can both hold." });
    assert_eq!(board.post(&board.bob, &end, reason.clone()).await.0, 403);
    assert_eq!(board.post(&board.mona, &end, reason.clone()).await.0, 200);
    assert_eq!(board.post(&board.mona, &end, reason).await.0, 409);

    let declare = format!("/claims/{c2}/rivals");
    let body = json!({ "rival": denial, "reason": "They deny each other." });
    assert_eq!(board.post(&board.bob, &declare, body.clone()).await.0, 403);
    let proposal = json!({ "claim": c2, "spec": template(), "rival": denial, "register": true });
    let refused = board
        .post(&board.ada, "/experiments", proposal.clone())
        .await;
    assert_eq!(
        (refused.0, pointers(&refused.1)),
        (422, vec!["/rival".into()])
    );
    let (status, rivals) = board.post(&board.ada, &declare, body.clone()).await;
    assert_eq!(status, 201);
    assert_eq!(rivals["items"][0]["agreed_by"], Value::Null);
    assert_eq!(board.post(&board.ada, &declare, body).await.0, 409);
    // Declared is not agreed: not by whoever declared it, nor by another author of the same claim.
    assert_eq!(
        board
            .post(&board.ada, "/experiments", proposal.clone())
            .await
            .0,
        422
    );
    let agree = format!("/claims/{c2}/rivals/{denial}/agree");
    for person in [&board.ada, &board.bob] {
        assert_eq!(board.post(person, &agree, json!({})).await.0, 403);
    }
    sqlx::query("update claim set named_author_id = (select id from account where name = 'bob') where id = $1")
        .bind(c2)
        .execute(&board.site.pool)
        .await
        .expect("sets");
    assert_eq!(board.post(&board.bob, &agree, json!({})).await.0, 403);
    let (status, rivals) = board.post(&board.mona, &agree, json!({})).await;
    assert_eq!(
        (status, &rivals["items"][0]["agreed_by"]),
        (200, &json!("mona"))
    );

    // What was proposed while they were rivals is not registered when they are none.
    let proposal = json!({ "claim": c2, "spec": template(), "rival": denial });
    let (status, proposed) = board.post(&board.bob, "/experiments", proposal).await;
    assert_eq!(status, 201, "{proposed}");
    let reason = json!({ "reason": "After all, no." });
    assert_eq!(board.post(&board.mona, &end, reason).await.0, 200);
    let register = format!("/experiments/{}/register", proposed["id"]);
    assert_eq!(board.post(&board.bob, &register, json!({})).await.0, 409);
    let choose = format!("/experiments/{}/rival", proposed["id"]);
    assert_eq!(
        board
            .post(&board.bob, &choose, json!({ "rival": null }))
            .await
            .0,
        200
    );
    assert_eq!(board.post(&board.bob, &register, json!({})).await.0, 200);

    // Claims that both can be true are no rivals, however much their authors agree.
    let c1 = board.site.claim("C1").await;
    for other in [c1, c2, 99_999] {
        let body = json!({ "rival": other, "reason": "r" });
        let refused = board.post(&board.bob, &declare, body).await;
        assert_eq!(refused.0, 422, "{}", refused.1);
    }
}

/// A denial comes onto the board by the same door as every claim: within limits, of people whose claims do not wait, and once.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_claim_is_denied_once_and_no_flood_closes_a_work(pool: PgPool) {
    let board = board(pool).await;
    let site = &board.site;
    let body = |sentence: &str| json!({ "sentence": sentence, "reason": "So that one experiment can tell." });
    let path = format!("/claims/{}/denial", board.c2);
    // What a newcomer says would be there at once.
    let age =
        "update account set created_at = now() - make_interval(days => $1) where name = 'ada'";
    let aged = async |days: i32| {
        let done = sqlx::query(age).bind(days).execute(&site.pool).await;
        done.expect("ages");
    };
    aged(1).await;
    let early = board.post(&board.ada, &path, body("It is not so.")).await;
    assert_eq!(early.0, 409, "{}", early.1);
    aged(30).await;
    // Of two at once one is there; nor is it denied by other words, or the denial denied.
    let [one, other] = ["It is not so.", "No."].map(body);
    let both = tokio::join!(
        board.post(&board.ada, &path, one),
        board.post(&board.ada, &path, other)
    );
    let mut statuses = [both.0.0, both.1.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "{both:?}");
    let denial = if both.0.0 == 201 { both.0.1 } else { both.1.1 };
    for (claim, says) in [
        (json!(board.c2), "C15 says"),
        (denial["id"].clone(), "C2 says"),
    ] {
        let path = format!("/claims/{claim}/denial");
        let again = board.post(&board.mona, &path, body("Not at all.")).await;
        assert_eq!(again.0, 409, "{}", again.1);
        let detail = again.1["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(says), "{detail}");
    }

    // Nobody has more than twenty claims about a work, or puts more than twenty there in a day, whichever way.
    let state = async |person: &Person, sentence: &str| {
        let claim = json!({ "sentence": sentence, "said_at": "here" });
        let body = json!({ "work": "recurrent-dropout", "claim": claim });
        board.post(person, "/claims", body).await.0
    };
    for more in 0..19 {
        assert_eq!(state(&board.ada, &format!("Claim {more}.")).await, 201);
    }
    let narrow = |sentence: &str| json!({ "sentence": sentence, "reason": "r", "narrower": { "length": { "most": 60 } } });
    let path = format!("/claims/{}/revisions", denial["id"]);
    let over = board
        .post(&board.ada, &path, narrow("On short ones."))
        .await;
    assert_eq!(over.0, 429, "{}", over.1);
    sqlx::query("update claim set created_at = created_at - interval '2 days'")
        .execute(&site.pool)
        .await
        .expect("ages");
    let over = board
        .post(&board.ada, &path, narrow("On short ones."))
        .await;
    assert_eq!(over.0, 409, "{}", over.1);
    assert_eq!(state(&board.ada, "One more.").await, 409);
    assert_eq!(state(&board.bob, "What others say.").await, 201);
    // Nor is a narrower claim what somebody said already.
    let twin = board.post(&board.mona, &path, narrow("Claim 1.")).await;
    assert_eq!((twin.0, pointers(&twin.1)), (422, vec!["/sentence".into()]));

    // Where many people filled a work up, moderators go on.
    sqlx::query(
        "with fresh as (insert into thread select from generate_series(1, 200) returning id)
         insert into claim (work_id, label, sentence, thread_id)
         select (select work_id from claim where id = $1), 'C' || 1000 + id, 'Of many ' || id, id from fresh",
    )
    .bind(board.c2)
    .execute(&site.pool)
    .await
    .expect("fills");
    assert_eq!(state(&board.bob, "Too many.").await, 409);
    assert_eq!(state(&board.mona, "What matters.").await, 201);
}

/// The plan of two claims is stopped as a whole, from the side that has the runs; and no sequential plan tests two.
#[sqlx::test(migrator = "MIGRATOR")]
async fn what_ends_the_runs_ends_both(pool: PgPool) {
    let board = board(pool).await;
    let rival = board.denial(&board.ada).await;
    let first = board.registered(rival).await;
    let reason = json!({ "reason": "A slip." });
    let stop = |id: &Value| format!("/experiments/{id}/stop");
    let refused = board
        .post(&board.bob, &stop(&first["rival_test"]), reason.clone())
        .await;
    assert_eq!(refused.0, 409, "{}", refused.1);
    assert_eq!(
        board.post(&board.bob, &stop(&first["id"]), reason).await.0,
        200
    );
    for id in [&first["id"], &first["rival_test"]] {
        let ended = board.get(&format!("/experiments/{id}")).await;
        assert_eq!(ended["outcome"], "aborted", "{ended}");
    }
    assert_eq!(board.findings().await, 0);
    // Who are rivals, and what shares runs, cannot be changed in silence.
    sqlx::query("delete from claim_rival where $1 in (claim_id, rival_id)")
        .bind(rival)
        .execute(&board.site.pool)
        .await
        .expect("deletes");
    assert_eq!(board.findings().await, 1);
    sqlx::query("insert into claim_rival (claim_id, rival_id, declared_for, declared_by, reason) select $1, $2, $1, id, 'r' from account where name = 'bob'")
        .bind(board.c2)
        .bind(rival)
        .execute(&board.site.pool)
        .await
        .expect("inserts");
    assert_eq!(board.findings().await, 1, "declared is not agreed");
    sqlx::query("update claim_rival set agreed_at = now(), agreed_by = declared_by")
        .execute(&board.site.pool)
        .await
        .expect("updates");
    assert_eq!(board.findings().await, 0);
    let frozen = sqlx::query("update experiment set shares_runs_of = null")
        .execute(&board.site.pool)
        .await;
    assert!(frozen.is_err());
    let sequential = template().replace("margin = 0.1", "margin = 0.1\nstopping = \"e_value\"");
    let body = json!({ "claim": board.c2, "spec": sequential, "rival": rival });
    let refused = board.post(&board.bob, "/experiments", body).await;
    assert_eq!(
        (refused.0, pointers(&refused.1)),
        (422, vec!["/rival".into()])
    );
    assert_eq!(
        board
            .site
            .get("/api/v1/claims/99999/rivals")
            .await
            .status_code(),
        StatusCode::NOT_FOUND
    );
}

/// The author of each of two claims is asked whether one experiment is a test of theirs, and answers for that claim alone; what
/// each said is frozen with the test of that claim, and stands on record there.
#[sqlx::test(migrator = "MIGRATOR")]
async fn the_author_of_each_claim_answers_for_that_claim(pool: PgPool) {
    let board = board(pool).await;
    let rival = board.denial(&board.mona).await;
    let body = json!({ "claim": board.c2, "spec": template(), "rival": rival });
    let (_, proposal) = board.post(&board.bob, "/experiments", body).await;
    let told = |experiment: &Value| {
        let asked = [&experiment["acceptance"], &experiment["rival_acceptance"]];
        asked.map(|asked| {
            let status = asked["status"].as_str().unwrap_or("none");
            format!(
                "{} {status}",
                asked["claim_author"].as_str().unwrap_or("nobody")
            )
        })
    };
    assert_eq!(told(&proposal), ["ada unilateral", "mona unilateral"]);
    assert_eq!(proposal["rival_acceptance"]["claim"], rival);
    for person in ["ada", "mona"] {
        let waiting = board.get(&format!("/people/{person}/unanswered")).await;
        assert_eq!(waiting["items"][0]["id"], proposal["id"], "{person}");
    }

    let path = format!("/experiments/{}/answer", proposal["id"]);
    let said = |claim: Value, accepts: bool, words: &str| {
        json!({
            "claim": claim, "accepts": accepts, "words": words,
            "proposal_sha256": proposal["rival_acceptance"]["proposal_sha256"],
        })
    };
    // Nobody answers for the other one's claim, nor for one that it does not test.
    let c1 = board.site.claim("C1").await;
    for (person, claim, status) in [
        (&board.ada, json!(rival), 403),
        (&board.mona, json!(board.c2), 403),
        (&board.mona, Value::Null, 403),
        (&board.bob, json!(rival), 403),
        (&board.ada, json!(c1), 422),
    ] {
        let (refused, body) = board
            .post(person, &path, said(claim.clone(), true, ""))
            .await;
        assert_eq!(refused, status, "{claim}: {body}");
    }
    let (status, _) = board
        .post(&board.ada, &path, said(Value::Null, true, "A fair test."))
        .await;
    assert_eq!(status, 200);
    let waiting = board.get("/people/mona/unanswered").await;
    assert_eq!(
        waiting["items"][0]["id"], proposal["id"],
        "hers waits still"
    );
    let why = "Not a test of my claim, because the network is too small.";
    let (status, answered) = board
        .post(&board.mona, &path, said(json!(rival), false, why))
        .await;
    assert_eq!(status, 200, "{answered}");
    assert_eq!(told(&answered), ["ada accepted", "mona declined"]);
    for person in ["ada", "mona"] {
        let waiting = board.get(&format!("/people/{person}/unanswered")).await;
        assert_eq!(waiting["items"], json!([]), "{person}");
    }

    let register = format!("/experiments/{}/register", proposal["id"]);
    let (status, first) = board.post(&board.bob, &register, json!({})).await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(told(&first), ["ada accepted", "mona declined"]);
    let twin = board
        .get(&format!("/experiments/{}", first["rival_test"]))
        .await;
    assert_eq!(told(&twin), ["mona declined", "nobody none"]);
    assert_eq!(twin["acceptance"]["answer"]["words"], why);
    assert_eq!(twin["acceptance"]["proposal_sha256"], Value::Null);
    assert_eq!(
        twin["acceptance"]["answer"]["proposal_sha256"],
        first["acceptance"]["proposal_sha256"]
    );
    // The entry of each registration has the answer for its own claim.
    for (experiment, status, by) in [(&first, "accepted", "ada"), (&twin, "declined", "mona")] {
        let record = board
            .get(&format!("/record?experiment={}", experiment["id"]))
            .await;
        let entries = record["items"].as_array().expect("entries").iter();
        let registered: Vec<&Value> = entries
            .filter(|entry| entry["kind"] == "registration")
            .map(|entry| &entry["body"]["acceptance"])
            .collect();
        assert_eq!(registered.len(), 1);
        assert_eq!(
            (
                &registered[0]["status"],
                &registered[0]["answer"]["by"]["name"]
            ),
            (&json!(status), &json!(by))
        );
    }
    board.train(0.02).await;
    // Its confirmation carries what was said of what it repeats, and the post of each verdict tells who accepted it.
    let twin = board
        .get(&format!("/experiments/{}", first["rival_test"]))
        .await;
    let confirmation = board
        .get(&format!("/experiments/{}", twin["confirmed_by"]))
        .await;
    assert_eq!(confirmation["acceptance"]["status"], "declined");
    assert_eq!(confirmation["acceptance"]["answer"]["words"], why);
    for (thread, words) in [
        (&first["thread"], "accepted as a test by ada"),
        (&twin["thread"], "mona, the claim’s author, had declined it"),
    ] {
        let posts = board.get(&format!("/threads/{thread}/comments")).await;
        let post = posts["items"][0]["body"].as_str().expect("words");
        assert!(post.contains(words), "{post}");
    }
    assert_eq!(board.findings().await, 0);
    what_is_changed_of_an_answer_is_found(&board, rival, &twin["id"]).await;
}

/// Past the program: the answer for the rival put into other words, turned round, moved to another claim or taken away, and the
/// label of its test.
async fn what_is_changed_of_an_answer_is_found(board: &Board, rival: i64, twin: &Value) {
    let c1 = board.site.claim("C1").await;
    let why = "(select words from co_signature where not accepts)";
    for (change, back) in [
        (
            format!("update co_signature set words = 'Fine.' where claim_id = {rival}"),
            format!(
                "update co_signature set words = (select body::jsonb ->> 'reason' from record_entry
                     where body::jsonb ->> 'act' = 'test_declined') where claim_id = {rival}"
            ),
        ),
        (
            format!("update co_signature set accepts = true where claim_id = {rival}"),
            format!("update co_signature set accepts = false where claim_id = {rival}"),
        ),
        (
            format!("update co_signature set claim_id = {c1} where claim_id = {rival}"),
            format!("update co_signature set claim_id = {rival} where claim_id = {c1}"),
        ),
        (
            format!("update co_signature set words = {why} where accepts"),
            "update co_signature set words = 'A fair test.' where accepts".to_owned(),
        ),
        (
            format!("update experiment set acceptance = 'accepted' where id = {twin}"),
            format!("update experiment set acceptance = 'declined' where id = {twin}"),
        ),
        (
            format!("delete from co_signature where claim_id = {rival}"),
            String::new(),
        ),
    ] {
        past_the_program(&board.site.pool, &change).await;
        assert!(board.findings().await > 0, "{change}");
        if !back.is_empty() {
            past_the_program(&board.site.pool, &back).await;
            assert_eq!(board.findings().await, 0, "{back}");
        }
    }
}

async fn past_the_program(pool: &PgPool, sql: &str) {
    let whole = format!(
        "alter table co_signature disable trigger user; alter table experiment disable trigger user; {sql};
         alter table co_signature enable trigger user; alter table experiment enable trigger user"
    );
    let whole = sqlx::raw_sql(sqlx::AssertSqlSafe(whole));
    whole.execute(pool).await.expect(sql);
}

/// One person who is the author of both is asked for each; and whoever changes which rival is tested has to ask anew.
#[sqlx::test(migrator = "MIGRATOR")]
async fn an_author_of_both_answers_twice_and_another_rival_is_another_test(pool: PgPool) {
    let board = board(pool).await;
    let rival = board.denial(&board.ada).await;
    let body = json!({ "claim": board.c2, "spec": template(), "rival": rival });
    let (_, proposal) = board.post(&board.bob, "/experiments", body).await;
    let path = format!("/experiments/{}", proposal["id"]);
    let waiting = board.get("/people/ada/unanswered").await;
    assert_eq!(
        waiting["items"].as_array().map(Vec::len),
        Some(1),
        "once each"
    );
    let hash = proposal["acceptance"]["proposal_sha256"].clone();
    for claim in [rival, board.c2] {
        let waiting = board.get("/people/ada/unanswered").await;
        assert_eq!(waiting["items"][0]["id"], proposal["id"]);
        let body = json!({ "claim": claim, "accepts": true, "proposal_sha256": hash });
        let (status, answered) = board
            .post(&board.ada, &format!("{path}/answer"), body)
            .await;
        assert_eq!(status, 200, "{answered}");
    }
    assert_eq!(
        board.get("/people/ada/unanswered").await["items"],
        json!([])
    );
    for chosen in [Value::Null, json!(rival)] {
        let body = json!({ "rival": chosen });
        let (status, changed) = board.post(&board.bob, &format!("{path}/rival"), body).await;
        assert_eq!(status, 200);
        assert_eq!(changed["acceptance"]["status"], "unilateral");
        assert_eq!(changed["rival_acceptance"].is_null(), chosen.is_null());
    }
    let changed = board.get(&path).await;
    assert_eq!(changed["rival_acceptance"]["status"], "unilateral");
    assert!(changed["rival_acceptance"]["answer"]["lapsed_at"].is_string());
    let body = json!({ "rival": null });
    board.post(&board.bob, &format!("{path}/rival"), body).await;
    // Not through the database either: a claim that it does not test has nobody who answers for it.
    let forged = sqlx::query("update co_signature set lapsed_at = null where claim_id = $1")
        .bind(rival)
        .execute(&board.site.pool)
        .await;
    assert!(forged.is_err());
    assert_eq!(board.findings().await, 0);
}
