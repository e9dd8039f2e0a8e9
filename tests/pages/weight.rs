//! Pages do not grow with the tables: what is drawn is thinned, what is listed is light.

use crate::support::Site;
use breakmywork::{auth::account::Role, db::curves, db::experiments, db::listed};
use breakmywork_protocol::{db::MIGRATOR, id::ExperimentId};
use sqlx::PgPool;

/// Runs 1 to 4 as ended, with a curve of 2,000 points that has one spike.
async fn measured(site: &Site) {
    sqlx::query!("update run set state = 'failed', failure = 'diverged', finished_at = now(), started_at = now(), steps = 2000 where id <= 4")
        .execute(&site.pool)
        .await
        .expect("updates");
    sqlx::query!(
        "insert into run_metric (run_id, name, step, value)
         select run.id, 'train_loss', g, case when g = 777 then 9 else 1.0 / g end
         from run, generate_series(1, 2000) g where run.id <= 4"
    )
    .execute(&site.pool)
    .await
    .expect("inserts");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn curves_are_thinned_in_the_database_and_kept(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    measured(&site).await;
    let experiment = experiments::find(&site.pool, ExperimentId(1), None).await;
    let experiment = experiment.expect("asks").expect("it is there");
    let id = experiment.visible().expect("it is open");
    let first = curves::of_experiment(&site.pool, id).await.expect("curves");
    assert_eq!(first.len(), 4);
    for curve in &first {
        assert!(
            (64..=192).contains(&curve.points.len()),
            "{}",
            curve.points.len()
        );
        let spike = curve.points.iter().find(|point| point.step == 777);
        assert_eq!(
            spike.map(|point| point.value),
            Some(9.0),
            "no spike is lost"
        );
        assert_eq!(curve.points.last().map(|point| point.step), Some(2000));
        assert!(curve.points.is_sorted_by_key(|point| point.step));
    }
    // The second time what was measured is not read any more.
    sqlx::query!("delete from run_metric")
        .execute(&site.pool)
        .await
        .expect("deletes");
    let second = curves::of_experiment(&site.pool, id).await.expect("curves");
    assert_eq!(second.len(), 4);
    assert_eq!(second[0].points, first[0].points);
    let page = site.browser().get(&path).await.text();
    assert!(
        page.contains("class=\"mean"),
        "arms have a mean at the steps that their seeds share"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn lists_survive_a_verdict_that_cannot_be_read(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    ada.registered(&site).await;
    site.train_all().await;
    sqlx::query!(
        "update verdict set detail = jsonb_build_object('interval', jsonb_build_array(null, 'x'), 'pairs', 3)"
    )
    .execute(&site.pool)
    .await
    .expect("updates");
    let claim = format!("/claims/{}", site.claim("C2").await);
    for page in ["/", "/experiments", "/queue", "/people/ada", &claim] {
        site.browser().get(page).await.assert_status_ok();
    }
    let rows = listed::latest_verdicts(&site.pool, 5).await.expect("rows");
    assert_eq!(rows[0].outcome.as_deref(), Some("supported"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn lists_are_filtered_by_what_they_say(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let eve = site.signed_in("eve", Role::Member).await;
    ada.registered(&site).await;
    eve.propose(&site, &[]).await;
    let shown = async |query: &str| {
        let page = site
            .browser()
            .get(&format!("/experiments{query}"))
            .await
            .text();
        page.matches("<p class=\"sentence\">").count()
    };
    let claim = site.claim("C2").await;
    assert_eq!(shown("").await, 2);
    assert_eq!(shown("?state=proposed").await, 1);
    assert_eq!(shown("?state=registered").await, 1);
    assert_eq!(shown("?author=eve").await, 1);
    assert_eq!(shown("?author=nobody").await, 0);
    assert_eq!(shown("?author=eve&state=registered").await, 0);
    assert_eq!(
        shown(&format!("?claim={claim}&author=ada&state=registered")).await,
        1
    );
    assert_eq!(shown("?before=2").await, 1);
}
