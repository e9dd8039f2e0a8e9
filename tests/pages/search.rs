//! A search on its page: what it will do, how it goes, what it found, and the way to the experiment that can count.

use crate::support::{Browser, Site, a_worker, fields, location, work};
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::spec::Plan;
use sqlx::PgPool;

pub(crate) fn search() -> &'static str {
    let mut ready = breakmywork::seed::TEMPLATES.iter();
    let ready = ready.find(|template| template.name == "where-it-fails");
    ready.expect("a template").toml
}

#[track_caller]
fn says(page: &str, words: &[&str]) {
    for word in words {
        assert!(page.contains(word), "{word} is not in {page}");
    }
}

/// Proposes a search on C3 and gives its path.
pub(crate) async fn proposed(site: &Site, who: &Browser, toml: &str) -> String {
    let claim: i64 = sqlx::query_scalar("select id from claim where label = 'C3'")
        .fetch_one(&site.pool)
        .await
        .expect("seeded");
    location(
        &who.propose(site, &[("toml", toml), ("claim", &claim.to_string())])
            .await,
    )
}

/// Lets so many runs end: the fixed mask wins unless sequences are long.
pub(crate) async fn end_some(site: &Site, most: usize) {
    let end = |plan: &Plan| site.success(plan, error(plan));
    work(&site.pool, a_worker(&site.pool).await, most, end).await;
}

fn error(plan: &Plan) -> f64 {
    let fixed = plan.arm.starts_with("fixed");
    if fixed == (plan.setup.task.length < 100) {
        0.02
    } else {
        0.05
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_search_is_told_before_followed_and_leads_on(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = proposed(&site, &ada, search()).await;
    let page = ada.get(&path).await.text();
    says(
        &page,
        &[
            "queues the first stage, of at most",
            "Points in stages, of each the half",
            "A search carries no verdict and moves no claim",
            "A search falsifies nothing.",
        ],
    );
    assert!(
        !page.contains("What it can find") && !page.contains("give a forecast"),
        "{page}"
    );
    ada.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    let page = ada.get(&path).await.text();
    says(
        &page,
        &[
            "<strong>A search.</strong>",
            "Stage 1 of 3 is under way",
            "data-live=",
        ],
    );
    end_some(&site, 44).await;
    let live = ada.get(&format!("{path}/live")).await.text();
    says(
        &live,
        &[
            "Stage ",
            "<svg class=\"chart small\"",
            "Every point",
            "class=\"holds\"",
        ],
    );
    end_some(&site, 1_000).await;
    let page = ada.get(&path).await.text();
    says(
        &page,
        &[
            "What the search found",
            "The prediction fails at task.length = 100, as far as so few pairs can tell.",
            "The experiment that is proposed there",
            "How it was made simpler",
            "still fails, so it stays so",
            "class=\"ring\"",
            "<strong>The prediction fails at task.length = 100</strong>",
        ],
    );
    assert!(page.len() < 100_000, "{} bytes", page.len());
    // What would break the claim is not a search's to say.
    let claim = site.claim("C3").await;
    let claim = ada.get(&format!("/claims/{claim}")).await.text();
    assert!(
        claim.contains("Nothing that is registered would move the claim")
            && !claim.contains("A search falsifies"),
        "{claim}"
    );
    // The way on.
    let next = page
        .split("class=\"button\" href=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .expect("a button");
    let page = ada.get(next).await.text();
    let search = path.rsplit('/').next().expect("a number");
    says(
        &page,
        &[
            &format!("found by <a href=\"/experiments/{search}\">search {search}</a>"),
            "It searched for that, so what it saw is no evidence.",
            "Register and queue",
        ],
    );
    // Edited so that it asks something else, it is no longer what was found.
    let form = ada.get(&format!("{next}/edit")).await.text();
    let mut form = fields(form.split("data-editor").nth(1).expect("the editor"));
    for (name, value) in &mut form {
        if name == "toml" {
            *value = value.replace("length = 100", "length = 60");
        }
    }
    form.push(("action".to_owned(), "save".to_owned()));
    let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    ada.post(&format!("{next}/edit"), &form)
        .await
        .assert_status_see_other();
    let page = ada.get(next).await.text();
    assert!(
        page.contains("length 60") && !page.contains("found by <a"),
        "{page}"
    );
}

/// What stands in its way is said before it is registered, and the form keeps what the TOML says of the space.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_space_outside_the_claim_is_told_before_registration(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let short = search().replace("values = [50, 75, 100]", "values = [20, 75, 100]");
    let path = proposed(&site, &ada, &short).await;
    let page = ada.get(&path).await.text();
    says(
        &page,
        &[
            "The claim speaks about at least 50 time steps, not about 20.",
            "disabled",
        ],
    );
    assert!(
        !page.contains("Register as exploratory"),
        "it is that by nature"
    );
    let form = ada.get(&format!("{path}/edit")).await.text();
    says(
        &form,
        &["<option value=\"search\" selected>", "[[search.space]]"],
    );
}

/// One that is stopped came to nothing, and says so.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_search_that_was_stopped_says_that_it_came_to_nothing(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = proposed(&site, &ada, search()).await;
    ada.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    ada.post(&format!("{path}/stop"), &[("reason", "enough")])
        .await
        .assert_status_see_other();
    let page = ada.get(&path).await.text();
    says(
        &page,
        &[
            "It ended before it came to anything",
            "Stopped by its author, ada",
        ],
    );
}
