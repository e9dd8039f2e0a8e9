//! Runs that wait for a data set say so, and why, wherever they are shown.

use crate::support::{Browser, Site, location};
use breakmywork::{auth::account::Role, db::workers::name};
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::jobs::{self, Lease, Offer, Progress, Timing};
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

/// Six pairs that learn the words of the Penn Treebank, by epochs.
const WORDS: &str = "title = \"t\"\nseeds = 6\n[task]\nname = \"word_lm\"\ndata = \"penn_treebank\"\n\
    length = 5\nvocabulary = 100\n[model]\nhidden = 8\n[training]\nepochs = 1\n\
    [[arms]]\nname = \"fixed\"\ndropout.state = { rate = 0.25, time = \"fixed\" }\n\
    [[arms]]\nname = \"fresh\"\ndropout.state = { rate = 0.25, time = \"per_step\" }\n\
    [criterion]\nkind = \"difference\"\nmetric = \"test_perplexity\"\ntreatment = \"fixed\"\ncontrol = \"fresh\"\nmargin = 0.02\n";

/// A worker on that host, which has the Penn Treebank with that content or none.
async fn worker(site: &Site, host: &str, content: Option<char>) -> Uuid {
    let id = Uuid::new_v4();
    jobs::register_worker(&site.pool, id, host, "cpu", "0", 1)
        .await
        .expect("registers");
    let offers = content.map(|content| Offer {
        data_set: "penn_treebank@1".parse().expect("a name"),
        sha256: content.to_string().repeat(64),
    });
    jobs::offer(&site.pool, id, offers.as_slice())
        .await
        .expect("offers");
    id
}

async fn take(site: &Site, worker: Uuid) -> Option<Lease> {
    jobs::take(&site.pool, worker, Timing::default())
        .await
        .expect("takes")
}

/// Proposes it; gives its path.
async fn proposed(site: &Site, browser: &Browser) -> String {
    location(&browser.propose(site, &[("toml", WORDS)]).await)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_that_waits_for_its_data_set_says_so_everywhere(pool: PgPool) {
    let site = Site::new(pool).await;
    let admin = site.signed_in("root-ish", Role::Admin).await;
    let path = proposed(&site, &admin).await;
    let page = admin.get(&path).await.text();
    assert!(
        page.contains(
            "Its runs would wait: they need the data set penn_treebank@1, and no worker is running"
        ),
        "{page}"
    );
    assert!(!page.contains("Make sure of the name"), "{page}");
    // A script learns the same before it registers.
    let cost: Value = admin.get(&format!("/api/v1{path}/cost")).await.json();
    let missing = &cost["missing_data_sets"][0];
    assert_eq!(missing["data_set"], "penn_treebank@1", "{cost}");
    assert!(
        missing["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("penn_treebank")),
        "{cost}"
    );
    let slip = WORDS.replace("penn_treebank", "pen_treebank");
    let slip = location(&admin.propose(&site, &[("toml", &slip)]).await);
    let page = admin.get(&slip).await.text();
    assert!(page.contains("Make sure of the name"), "{page}");
    admin
        .post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    worker(&site, "left", None).await;
    worker(&site, "right", None).await;
    let who = "which none of the 2 live workers has. An operator adds it to a worker’s folder with \
               <code>breakmywork-worker data import penn_treebank --train FILE --valid FILE --test FILE</code>";
    for path in [path.as_str(), "/runs/1", "/queue", "/admin/queue"] {
        let page = admin.get(path).await.text();
        assert!(page.contains(who), "{path}: {page}");
    }
    let page = admin.get(&path).await.text();
    assert!(page.contains("waits for data") && !page.contains("place 1"));
    assert!(!admin.get("/runs/1").await.text().contains("<span>place"));

    // Once a worker has it, only the turn is waited for.
    let middle = worker(&site, "middle", Some('a')).await;
    let run = admin.get("/runs/1").await.text();
    assert!(
        run.contains(&format!(
            "which 1 of the 3 live workers has ({})",
            name(&middle)
        )),
        "{run}"
    );
    let queue = admin.get("/queue").await.text();
    assert!(!queue.contains("An operator adds it"), "{queue}");
    assert!(
        queue.contains(&format!(
            "a worker with penn_treebank@1 ({})",
            name(&middle)
        )),
        "{queue}"
    );
    assert!(admin.get(&path).await.text().contains("place 1"));
    let workers = admin.get("/admin/queue").await.text();
    assert!(workers.contains("<td data-name=\"Data sets\">penn_treebank@1</td>"));
    assert!(take(&site, middle).await.is_some());
    let run = admin.get("/runs/1").await.text();
    assert!(!run.contains("Waits for"), "{run}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_a_dead_worker_had_counts_for_nothing(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = proposed(&site, &ada).await;
    let gone = worker(&site, "gone", Some('a')).await;
    worker(&site, "here", None).await;
    assert!(!ada.get(&path).await.text().contains("would wait"));
    sqlx::query!(
        "update worker set last_seen_at = now() - interval '5 minutes' where id = $1",
        gone
    )
    .execute(&site.pool)
    .await
    .expect("dies");
    ada.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    let run = ada.get("/runs/1").await.text();
    assert!(
        run.contains("which the one live worker does not have"),
        "{run}"
    );
    assert!(
        ada.get("/queue")
            .await
            .text()
            .contains("<b>1</b> worker</a></li>")
    );
    // As long as it holds a lease that has not run out, it lives: it may be training without a word.
    assert!(take(&site, gone).await.is_some());
    sqlx::query!("update worker set last_seen_at = now() - interval '5 minutes'")
        .execute(&site.pool)
        .await
        .expect("falls silent");
    // It is the one live worker, and has the data set: the other runs wait for their turn alone.
    let run = ada.get("/runs/2").await.text();
    assert!(
        run.contains("place 1") && !run.contains("data set penn"),
        "{run}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn another_content_under_the_name_is_shown(pool: PgPool) {
    let site = Site::new(pool).await;
    let admin = site.signed_in("root-ish", Role::Admin).await;
    let path = proposed(&site, &admin).await;
    admin
        .post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    let first = worker(&site, "first", Some('a')).await;
    let odd = worker(&site, "odd", Some('b')).await;
    assert!(take(&site, odd).await.is_none());
    let conflict = format!(
        "Worker {} has another content under this name and gets no runs of it.",
        name(&odd)
    );
    for path in ["/runs/1", "/queue", "/admin/queue"] {
        let page = admin.get(path).await.text();
        assert!(page.contains(&conflict), "{path}: {page}");
    }
    let page = admin.get("/admin/queue").await.text();
    assert!(
        page.contains("penn_treebank@1 <strong>with another content than the board’s</strong>")
    );
    jobs::stop_worker(&site.pool, first).await.expect("stops");
    let page = admin.get(&path).await.text();
    assert!(
        page.contains("which the one live worker does not have") && page.contains(&conflict),
        "{page}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_of_unknown_length_shows_its_steps_without_a_total(pool: PgPool) {
    let site = Site::new(pool).await;
    let admin = site.signed_in("root-ish", Role::Admin).await;
    let path = proposed(&site, &admin).await;
    admin
        .post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    let worker = worker(&site, "host", Some('a')).await;
    let lease = take(&site, worker).await.expect("a run");
    let pages = [path.as_str(), "/runs/1", "/queue", "/admin/queue", "/"];
    let beat = async |progress| {
        jobs::beat(&site.pool, &lease, progress, Timing::default())
            .await
            .expect("beats")
    };
    beat(Progress::at(120)).await;
    for path in pages {
        let page = admin.get(path).await.text();
        assert!(
            page.contains("step 120") && !page.contains("step 120 of"),
            "{path}: {page}"
        );
    }
    beat(Progress {
        step: 120,
        steps: Some(480),
        alive: false,
    })
    .await;
    for path in pages {
        let page = admin.get(path).await.text();
        assert!(
            page.contains("step 120 of 480") && page.contains("value=\"0.250\""),
            "{path}: {page}"
        );
    }
    site.train_all().await;
    let page = admin.get("/runs/2").await.text();
    assert!(
        page.contains("<dt>Data set</dt><dd>penn_treebank@1</dd>")
            && page.contains(&"a".repeat(64)),
        "{page}"
    );
}
