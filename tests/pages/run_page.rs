//! The page of a run: it moves while the run goes on, and the numbers of its curves are behind their pictures.

use crate::support::*;
use breakmywork::auth::account::Role;
use breakmywork_protocol::{
    db::MIGRATOR,
    jobs::{self, Ending, FailureKind, Timing},
};
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_run_is_live_until_it_ends(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    let worker = Uuid::new_v4();
    jobs::register_worker(&site.pool, worker, "host", "cpu", "0", 1)
        .await
        .expect("registers");
    let lease = jobs::take(&site.pool, worker, Timing::default()).await;
    let lease = lease.expect("takes").expect("a run");
    sqlx::query("insert into run_metric (run_id, name, step, value) select $1, 'valid_mse', g, 1.0 / g from generate_series(1, 5000) g")
        .bind(lease.run.0)
        .execute(&site.pool)
        .await
        .expect("measures");
    let visitor = site.browser();
    let address = format!("/runs/{}", lease.run);
    let page = visitor.get(&address).await.text();
    let live = format!("data-live=\"{address}/live\" data-events=\"{path}/events\"");
    assert!(page.contains(&live), "{page}");
    assert!(page.contains("under way") && page.len() < 100_000);
    let part = visitor.get(&format!("{address}/live")).await.text();
    assert!(part.starts_with("<div class=\"grid live\" data-live="));
    assert!(
        part.contains("data-over=\"no\"") && page.contains(part.trim()),
        "{part}"
    );
    // The picture is thinned; all that was measured is behind it.
    let curves: Value = visitor.get(&numbers(&page)).await.json();
    let values = curves["items"][0]["values"].as_array().expect("values");
    assert_eq!((values.len(), &values[0]), (5000, &1.0.into()));

    let ending = Ending::Failed {
        kind: FailureKind::OutOfMemory,
        error: "8 GiB are not enough".into(),
    };
    jobs::finish(&site.pool, &lease, ending, Timing::default())
        .await
        .expect("ends");
    let page = visitor.get(&address).await.text();
    assert!(
        page.contains("8 GiB are not enough") && !page.contains("data-live="),
        "{page}"
    );
    assert!(page.contains("data-over=\"yes\"") && page.contains("class=\"mean arm-"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_confirmed_run_names_who_confirmed_it_and_not_before(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    ada.registered(&site).await;
    let boss = site.signed_in("boss", Role::Admin).await;
    sqlx::query("update queue_control set audit_percent = 0")
        .execute(&site.pool)
        .await
        .expect("sets");
    let visitor = site.browser();
    for (place, name) in ["bob", "cyd"].into_iter().enumerate() {
        let id = site.account(name, Role::Member).await;
        let admit = format!("/admin/people/{name}/volunteer");
        boss.post(&admit, &[]).await.assert_status_see_other();
        let worker = Uuid::new_v4();
        sqlx::query("insert into worker (id, host, device, version, volunteer_id) values ($1, 'h', 'cpu', '0', $2)")
            .bind(worker)
            .bind(id.0)
            .execute(&site.pool)
            .await
            .expect("registers");
        let lease = jobs::take(&site.pool, worker, Timing::default()).await;
        let lease = lease.expect("takes").expect("a run");
        let Ending::Succeeded(mut result) =
            site.success(lease.plan.as_ref().expect("a plan"), 0.375)
        else {
            panic!("a success");
        };
        result.provenance.arithmetic = Some("AVX2".into());
        jobs::finish(
            &site.pool,
            &lease,
            Ending::Succeeded(result),
            Timing::default(),
        )
        .await
        .expect("ends");
        let page = visitor.get(&format!("/runs/{}", lease.run)).await.text();
        assert!(page.contains("of the volunteer <a href=\"/people/bob\">"));
        assert_eq!(page.contains("0.375"), place == 1, "{page}");
        let words = "confirmed by a second host: workers of the volunteers bob and cyd got the same numbers";
        assert_eq!(page.contains(words), place == 1, "{page}");
    }
    let people = boss.get("/admin/people").await.text();
    assert!(people.contains("<h2>Volunteers</h2>"), "{people}");
    let end = "/admin/people/bob/volunteer/end";
    boss.post(end, &[("reason", "")])
        .await
        .assert_status(axum::http::StatusCode::UNPROCESSABLE_ENTITY);
    boss.post(end, &[("reason", "done")])
        .await
        .assert_status_see_other();
    let bob = visitor.get("/people/bob").await.text();
    assert!(!bob.contains("Gives computing time"), "{bob}");
}

/// A curve that begins anew is not taken for a network that forgets.
#[sqlx::test(migrator = "MIGRATOR")]
async fn where_several_networks_are_averaged_their_curves_say_so(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    for (title, networks) in [("One", ""), ("Two", "2")] {
        let fields = [("title", title), ("training-networks", networks)];
        let path = location(&ada.propose(&site, &fields).await);
        ada.post(&format!("{path}/register"), &[])
            .await
            .assert_status_see_other();
        site.train_all().await;
        let run: i64 = sqlx::query_scalar("select max(id) from run")
            .fetch_one(&site.pool)
            .await
            .expect("a run");
        sqlx::query("insert into run_curve (run_id, name, steps, measured) select $1, 'valid_mse', array_agg(g), array_agg(1.0 / g) from generate_series(1, 20) g")
            .bind(run)
            .execute(&site.pool)
            .await
            .expect("measures");
        for page in [path, format!("/runs/{run}")] {
            let text = ada.get(&page).await.text();
            assert!(text.contains("Learning curves"), "{page}: {text}");
            let says_so = text.contains("a curve begins anew with each");
            assert_eq!(says_so, networks == "2", "{page}: {text}");
        }
    }
}
