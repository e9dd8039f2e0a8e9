//! The job table over REST, asked by workers that lie, lag or belong to somebody else.

use crate::support::{Person, Site};
use axum::http::StatusCode;
use axum_test::TestResponse;
use breakmywork::auth::token::Scope;
use breakmywork::checkpoints::forget_ended;
use breakmywork::config::Settings;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::jobs::outside::PIECE;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use std::fs;

const WORKER: &str = "/api/v1/worker/00000000-0000-4000-8000-000000000001";
const OTHER: &str = "/api/v1/worker/00000000-0000-4000-8000-000000000002";

async fn register(site: &Site, person: &Person, worker: &str) {
    let registration = json!({"host": "far", "device": "cpu", "version": "0", "slots": 1});
    let answer = site.put(person, worker, &registration).await;
    answer.assert_status(StatusCode::NO_CONTENT);
}

/// The last part of a problem's type.
fn kind(answer: &Value) -> &str {
    let kind = answer["type"].as_str().expect("a problem");
    kind.split("#problem-").nth(1).expect("a part")
}

async fn refused(site: &Site, person: &Person, path: &str, body: Value) -> (u16, String) {
    let answer = site.post(person, path, &body).await;
    let status = answer.status_code().as_u16();
    let answer: Value = answer.json();
    let what = match status {
        422 => answer["errors"][0]["pointer"].as_str().expect("a pointer"),
        _ => kind(&answer),
    };
    (status, what.to_owned())
}

async fn take(site: &Site, person: &Person, worker: &str) -> Value {
    let answer = site
        .post(person, &format!("{worker}/take"), &json!({}))
        .await;
    answer.assert_status_ok();
    answer.json::<Value>()["lease"].clone()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_report_counts_only_of_the_worker_and_the_epoch_that_hold_the_lease(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let root = site.person("root", "admin").await;
    let other = site.limited(&root, &[Scope::Read, Scope::Work]).await;
    site.registered(&ada).await;
    register(&site, &root, WORKER).await;
    register(&site, &other, OTHER).await;
    let lease = take(&site, &root, WORKER).await;
    let (run, epoch) = (&lease["run"], lease["epoch"].as_i64().expect("an epoch"));
    assert!(
        lease["plan"]["model"].is_object() && lease["unreadable"].is_null(),
        "{lease}"
    );
    let reports = |worker: &str| format!("{worker}/runs/{run}/reports");
    let beat = |epoch: i64| json!({"epoch": epoch, "what": {"beat": {"step": 7, "steps": 9, "alive": true}}});

    let lost = (409, "lease-lost".to_owned());
    assert_eq!(
        refused(&site, &root, &reports(WORKER), beat(epoch + 1)).await,
        lost
    );
    assert_eq!(
        refused(&site, &other, &reports(OTHER), beat(epoch)).await,
        lost
    );
    let nowhere = format!("{WORKER}/runs/999999/reports");
    assert_eq!(refused(&site, &root, &nowhere, beat(epoch)).await, lost);
    // With the token of another worker in its name.
    let replaced = (409, "replaced".to_owned());
    assert_eq!(
        refused(&site, &other, &reports(WORKER), beat(epoch)).await,
        replaced
    );
    let end = json!({"epoch": epoch + 1, "what": {"end": "preempted"}});
    assert_eq!(refused(&site, &root, &reports(WORKER), end).await, lost);

    let heard: Value = site
        .post(&root, &reports(WORKER), &beat(epoch))
        .await
        .json();
    assert_eq!(heard, json!({"cancel": false}));
    let step = sqlx::query_scalar::<_, i32>("select step from run_lease")
        .fetch_one(&site.pool)
        .await;
    assert_eq!(step.expect("a lease"), 7);

    // Another process comes with the token: whoever was there before is no worker any more, its lease runs out.
    let third = "/api/v1/worker/00000000-0000-4000-8000-000000000003";
    register(&site, &root, third).await;
    assert_eq!(
        refused(&site, &root, &reports(WORKER), beat(epoch)).await,
        replaced
    );
    assert_eq!(
        refused(&site, &root, &reports(third), beat(epoch)).await,
        lost
    );
    let again = json!({"host": "far", "device": "cpu", "version": "0", "slots": 1});
    let back = site.put(&root, WORKER, &again).await;
    back.assert_status(StatusCode::CONFLICT);
    let stolen = site.put(&root, OTHER, &again).await;
    stolen.assert_status(StatusCode::CONFLICT);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_no_worker_of_ours_would_send_is_refused_by_its_field(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let root = site.person("root", "admin").await;
    site.registered(&ada).await;
    let none = json!({});
    let not_yet = refused(&site, &root, &format!("{WORKER}/take"), none).await;
    assert_eq!(not_yet, (409, "not-registered".to_owned()));
    let slots = json!({"host": "h\u{0}", "device": "cpu", "version": "0", "slots": 65});
    let answer = site.put(&root, WORKER, &slots).await;
    answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);

    register(&site, &root, WORKER).await;
    let lease = take(&site, &root, WORKER).await;
    let (run, epoch) = (&lease["run"], &lease["epoch"]);
    let reports = format!("{WORKER}/runs/{run}/reports");
    let progress = json!({"step": 1, "steps": null, "alive": true});
    let point = |name: &str, value: Value| json!({"name": name, "step": 1, "value": value});
    let many = vec![point("train_loss", json!(1.0)); 501];
    let checkpoint = |key: &str, sha256: &str| {
        json!({"checkpoint":
        {"epoch": 1, "step": 1, "object_key": key, "bytes": 1, "sha256": sha256}})
    };
    let hash = "0".repeat(64);
    let key = "k".repeat(201);
    for (what, pointer) in [
        (
            json!({"metrics": {"progress": progress, "points": many}}),
            "/what/metrics/points",
        ),
        (
            json!({"metrics": {"progress": progress, "points": [point("<b>", json!(1.0))]}}),
            "/what/metrics/points/0/name",
        ),
        (
            json!({"metrics": {"progress": progress, "points": [point("train_loss", json!("much"))]}}),
            "/what/metrics/points/0/value",
        ),
        (checkpoint("k", "x"), "/what/checkpoint/sha256"),
        (checkpoint(&key, &hash), "/what/checkpoint/object_key"),
        (
            checkpoint("../../etc/passwd", &hash),
            "/what/checkpoint/object_key",
        ),
        (json!({"unusable": key}), "/what/unusable"),
        (
            json!({"end": {"succeeded": {"metrics": {}}}}),
            "/what/end/succeeded/treatment",
        ),
        (json!({"nothing": 1}), "/what"),
    ] {
        let body = json!({"epoch": epoch, "what": what});
        let (status, at) = refused(&site, &root, &reports, body).await;
        assert_eq!(status, 422, "{what}");
        assert!(at.starts_with(pointer), "{at} of {what}");
    }
    for shelf in [
        json!([{"data_set": "../x", "sha256": hash}]),
        json!([{"data_set": "x@1", "sha256": "no"}]),
    ] {
        let answer = site
            .put(
                &root,
                &format!("{WORKER}/data-sets"),
                &json!({"data_sets": shelf}),
            )
            .await;
        answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    }

    // Numbers that JSON has none for come through, and what a machine says of itself is fit for people.
    let odd = [
        point("train_loss", json!("NaN")),
        point("train_loss", json!("inf")),
    ];
    let body = json!({"epoch": epoch, "what": {"metrics": {"progress": progress, "points": odd}}});
    site.post(&root, &reports, &body).await.assert_status_ok();
    let trouble = json!({"trouble": {"reason": "/home/ada/x is full\u{0}", "pauses": true}});
    let told = site
        .put(&root, &format!("{WORKER}/condition"), &trouble)
        .await;
    told.assert_status(StatusCode::NO_CONTENT);
    let said = sqlx::query_scalar::<_, String>("select trouble from worker where not takes");
    let said = said.fetch_one(&site.pool).await.expect("a row");
    assert!(!said.contains("/home"), "{said}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn only_an_admins_token_is_a_worker(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let mona = site.person("mona", "moderator").await;
    for person in [&ada, &mona] {
        // The support gives every scope to everybody, which no route does.
        let refused = site.get_as(person, "/api/v1/worker").await;
        refused.assert_status(StatusCode::FORBIDDEN);
        let wanted = json!({"label": "w", "scopes": ["work"]});
        let refused = site.post(person, "/api/v1/tokens", &wanted).await;
        refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let root = site.person("root", "admin").await;
    site.get_as(&root, "/api/v1/worker")
        .await
        .assert_status_ok();
}

/// Bytes sent as they are, or asked for.
async fn octets(site: &Site, person: &Person, path: &str, body: Option<&[u8]>) -> TestResponse {
    let request = match body {
        Some(body) => site
            .put(person, path, &json!(null))
            .bytes(body.to_vec().into()),
        None => return site.get_as(person, path).await,
    };
    request.content_type("application/octet-stream").await
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_checkpoints_file_comes_in_pieces_and_is_kept_if_it_is_what_was_said(pool: PgPool) {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings {
        checkpoint_dir: Some(folder.path().join("made/when/needed")),
        ..Settings::default()
    };
    let site = Site::with(pool, settings).await;
    let ada = site.person("ada", "member").await;
    let root = site.person("root", "admin").await;
    site.registered(&ada).await;
    register(&site, &root, WORKER).await;
    let lease = take(&site, &root, WORKER).await;
    let (run, epoch) = (&lease["run"], lease["epoch"].as_i64().expect("an epoch"));
    let checkpoints = format!("{WORKER}/runs/{run}/checkpoints");
    let known: Value = site
        .get_as(&root, &format!("{checkpoints}?epoch={epoch}"))
        .await
        .json();
    assert_eq!(known, json!({"checkpoints": [], "kept": true}));

    // Three pieces, the last one short.
    let file: Vec<u8> = (0..2 * PIECE + 5).map(|place| (place / 7) as u8).collect();
    let hash = hex::encode(Sha256::digest(&file));
    let of = |epoch: i64, step: u32, offset: usize, bytes: usize, hash: &str| {
        format!("{checkpoints}/{epoch}/{step}?offset={offset}&bytes={bytes}&sha256={hash}")
    };
    let send = async |step: u32, offset: usize, to: usize, hash: &str| {
        let path = of(epoch, step, offset, file.len(), hash);
        let answer = octets(&site, &root, &path, Some(&file[offset..to])).await;
        answer.assert_status_ok();
        let held: Value = answer.json();
        (
            held["bytes"].as_u64().expect("a number") as usize,
            held["whole"] == true,
        )
    };
    let all = file.len();
    assert_eq!(
        send(5, PIECE, 2 * PIECE, &hash).await,
        (0, false),
        "what is before it is missing"
    );
    assert_eq!(send(5, 0, PIECE, &hash).await, (PIECE, false));
    assert_eq!(send(5, 0, PIECE, &hash).await, (PIECE, false), "once more");
    assert_eq!(send(5, PIECE, 2 * PIECE, &hash).await, (2 * PIECE, false));
    let get = |epoch: i64, step: u32, offset: usize| {
        format!("{checkpoints}/{epoch}/{step}?epoch={epoch}&offset={offset}")
    };
    let early = octets(&site, &root, &get(epoch, 5, 0), None).await;
    early.assert_status(StatusCode::NOT_FOUND);
    assert_eq!(send(5, 2 * PIECE, all, &hash).await, (all, true));
    assert_eq!(
        send(5, 0, 1, &hash).await,
        (all, true),
        "it is there already"
    );
    let mut got = Vec::new();
    while got.len() < all {
        let answer = octets(&site, &root, &get(epoch, 5, got.len()), None).await;
        answer.assert_status_ok();
        got.extend_from_slice(answer.as_bytes());
    }
    assert!(got == file);
    let beyond = octets(&site, &root, &get(epoch, 5, all + 1), None).await;
    assert_eq!(
        (beyond.status_code(), beyond.as_bytes().len()),
        (StatusCode::OK, 0)
    );

    // A client that repeats what it thinks lost sends one piece several times at once.
    send(4, 0, PIECE, &hash).await;
    send(4, PIECE, 2 * PIECE, &hash).await;
    let repeated = (0..6).map(|_| send(4, 2 * PIECE, all, &hash));
    let held = futures_util::future::join_all(repeated).await;
    assert!(held.iter().all(|held| *held == (all, true)), "{held:?}");

    // What is not what was said is not kept, and can be sent anew.
    let other = "0".repeat(64);
    let another = send(5, 0, 1, &other).await;
    assert_eq!(another, (1, false), "a file of that name is not any file");
    send(6, 0, PIECE, &other).await;
    send(6, PIECE, 2 * PIECE, &other).await;
    assert_eq!(send(6, 2 * PIECE, all, &other).await, (0, false));
    octets(&site, &root, &get(epoch, 6, 0), None)
        .await
        .assert_status(StatusCode::NOT_FOUND);

    // What was begun and not ended makes room.
    send(6, 0, PIECE, &hash).await;
    send(7, 0, PIECE, &hash).await;
    assert_eq!(
        send(6, PIECE, 2 * PIECE, &hash).await,
        (0, false),
        "its beginning is gone"
    );

    // Of an attempt the last two are kept.
    for step in [6, 7, 8] {
        send(step, 0, PIECE, &hash).await;
        send(step, PIECE, 2 * PIECE, &hash).await;
        send(step, 2 * PIECE, all, &hash).await;
    }
    let mut kept = Vec::new();
    for step in 5..9 {
        let answer = octets(&site, &root, &get(epoch, step, 0), None).await;
        kept.push(answer.status_code() == StatusCode::OK);
    }
    assert_eq!(kept, [false, false, true, true]);

    // Refused: more than was said, more than the run can be, no hash, another attempt's, JSON, too much at once.
    for (path, piece, pointer) in [
        (of(epoch, 9, 8, 10, &hash), &file[..3], "/offset"),
        (of(epoch, 9, usize::MAX, 10, &hash), &file[..3], "/offset"),
        (of(epoch, 9, 0, 1 << 50, &hash), &file[..3], "/bytes"),
        (of(epoch, 9, 0, 0, &hash), &file[..0], "/bytes"),
        (of(epoch, 9, 0, 3, "no"), &file[..3], "/sha256"),
    ] {
        let answer = octets(&site, &root, &path, Some(piece)).await;
        answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(
            answer.json::<Value>()["errors"][0]["pointer"],
            pointer,
            "{path}"
        );
    }
    let stale = octets(
        &site,
        &root,
        &of(epoch + 1, 9, 0, 3, &hash),
        Some(&file[..3]),
    )
    .await;
    assert_eq!(
        (stale.status_code(), kind(&stale.json())),
        (StatusCode::CONFLICT, "lease-lost")
    );
    let json = site
        .put(&root, &of(epoch, 9, 0, 3, &hash), &json!({}))
        .await;
    json.assert_status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large = octets(
        &site,
        &root,
        &of(epoch, 9, 0, all, &hash),
        Some(&file[..PIECE + 1]),
    )
    .await;
    large.assert_status(StatusCode::PAYLOAD_TOO_LARGE);

    // Nobody goes on from a run that has ended.
    let reports = format!("{WORKER}/runs/{run}/reports");
    let end = json!({"epoch": epoch, "what": {"end": {"failed": {"kind": "specification", "error": "no"}}}});
    site.post(&root, &reports, &end).await.assert_status_ok();
    forget_ended(&site.state).await.expect("looks after them");
    let left = fs::read_dir(folder.path().join("made/when/needed")).expect("a folder");
    assert_eq!(left.count(), 0);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn without_a_folder_and_of_volunteers_no_file_is_kept(pool: PgPool) {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Settings {
        checkpoint_dir: Some(folder.path().to_owned()),
        ..Settings::default()
    };
    let hash = hex::encode(Sha256::digest("x"));
    for (keeps, volunteers) in [(false, false), (true, true)] {
        let given = if keeps {
            settings.clone()
        } else {
            Settings::default()
        };
        let site = Site::with(pool.clone(), given).await;
        let name = if volunteers { "bob" } else { "root" };
        let role = if volunteers { "member" } else { "admin" };
        let worker = site.person(name, role).await;
        if volunteers {
            let root = site.person("boss", "admin").await;
            let admitted = site
                .post(&root, "/api/v1/people/bob/volunteer", &json!({}))
                .await;
            admitted.assert_status_ok();
        } else {
            let ada = site.person("ada", "member").await;
            site.registered(&ada).await;
        }
        let address = if volunteers { OTHER } else { WORKER };
        register(&site, &worker, address).await;
        let lease = take(&site, &worker, address).await;
        let (run, epoch) = (&lease["run"], &lease["epoch"]);
        let checkpoints = format!("{address}/runs/{run}/checkpoints");
        let known: Value = site
            .get_as(&worker, &format!("{checkpoints}?epoch={epoch}"))
            .await
            .json();
        assert_eq!(known["kept"], false, "{known}");
        let path = format!("{checkpoints}/{epoch}/1?offset=0&bytes=1&sha256={hash}");
        let answer = octets(&site, &worker, &path, Some(b"x")).await;
        answer.assert_status(StatusCode::CONFLICT);
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
}
