//! From a visitor to a registered proposal: templates, variations, what is told before anything is submitted.

use crate::support::{Browser, PASSWORD, Site, fields, location};
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

/// The address that a link of these words leads to.
fn link(page: &str, words: &str) -> String {
    let end = page
        .find(&format!(">{words}</a>"))
        .expect("a link of these words");
    let tag = page[..end].rsplit("<a ").next().expect("a link");
    let address = tag.split("href=\"").nth(1).expect("an address");
    address
        .split('"')
        .next()
        .expect("its end")
        .replace("&amp;", "&")
        .replace("&#38;", "&")
}

/// The page's own form that holds these words, with what it would send.
fn form(page: &str, words: &str) -> (String, Vec<(String, String)>) {
    let main = page.split("<main").nth(1).expect("a page");
    let form = main
        .split("<form ")
        .skip(1)
        .find(|form| {
            form.split("</form>")
                .next()
                .is_some_and(|form| form.contains(words))
        })
        .expect("a form");
    let action = form.split("action=\"").nth(1).expect("where it goes");
    (
        action.split('"').next().expect("its end").to_owned(),
        fields(form),
    )
}

async fn send(browser: &Browser, page: &str, button: &str, more: &[(&str, &str)]) -> String {
    let (to, mut typed) = form(page, button);
    for (name, value) in more {
        typed.retain(|(field, _)| field != name);
        typed.push(((*name).to_owned(), (*value).to_owned()));
    }
    let typed: Vec<(&str, &str)> = typed
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    location(&browser.post(&to, &typed).await)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_stranger_registers_a_proposal_in_four_clicks(pool: PgPool) {
    let site = Site::new(pool).await;
    let browser = site.browser();
    let home = browser.get("/").await.text();
    // 1: the button of the first page leads a stranger to sign up, and back to the form.
    let sign_up = browser
        .get(&link(&home, "Propose an experiment"))
        .await
        .text();
    // 2: signed up.
    let typed = [("name", "stranger"), ("password", PASSWORD)];
    let to = send(&browser, &sign_up, ">Sign up</button>", &typed).await;
    let editor = browser.get(&to).await.text();
    // 3: proposed as the template has it.
    let to = send(
        &browser,
        &editor,
        ">Propose it</button>",
        &[("action", "save")],
    )
    .await;
    let proposal = browser.get(&to).await.text();
    // 4: registered.
    let to = send(&browser, &proposal, ">Register and queue</button>", &[]).await;
    let registered = browser.get(&to).await.text();
    assert!(!registered.contains("Nothing runs yet"), "{registered}");
    let queued = sqlx::query_scalar::<_, i64>("select count(*) from run where state = 'queued'")
        .fetch_one(&site.pool)
        .await;
    assert_eq!(queued.expect("a count"), 16);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_form_grows_from_templates_with_their_cost(pool: PgPool) {
    let site = Site::new(pool).await;
    let browser = site.signed_in("ada", Role::Member).await;
    let page = browser
        .get(&format!(
            "/experiments/new?claim={}",
            site.claim("S12").await
        ))
        .await
        .text();
    let (own, others) = page.split_once("<details>").expect("others are folded");
    let own = own.split("id=\"templates\"").nth(1).expect("templates");
    assert_eq!(own.matches("<li>").count(), 1, "{own}");
    assert!(
        own.contains("Fast dropout against none") && own.contains("16 runs, about"),
        "{own}"
    );
    assert!(own.contains("in the form below") && page.contains("jsb_chorales"));
    let others = others.split("</details>").next().expect("an end");
    assert_eq!(
        others.matches("<li>").count(),
        breakmywork::seed::TEMPLATES.len() - 1
    );
    assert!(page.len() < 100_000, "{}", page.len());
    // A template is proposed on its own claim.
    let page = browser
        .get("/experiments/new?template=update-or-cell")
        .await
        .text();
    let claim = site.claim("S1").await;
    assert!(page.contains(&format!("<option value=\"{claim}\" selected>")));
    // Of a claim without one it says so.
    let page = browser
        .get(&format!(
            "/experiments/new?claim={}",
            site.claim("S28").await
        ))
        .await
        .text();
    assert!(page.contains("None is ready for this claim."));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_variation_is_linked_with_its_origin_and_draws_other_seeds(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let bob = site.signed_in("bob", Role::Member).await;
    let origin = ada.registered(&site).await;
    let page = bob.get(&origin).await.text();
    let editor = bob.get(&link(&page, "Propose a variation")).await.text();
    assert!(editor.contains("Propose a variation of <a href=\"/experiments/1\">"));
    let to = send(&bob, &editor, ">Propose it</button>", &[("action", "save")]).await;
    let proposal = bob.get(&to).await.text();
    assert!(
        proposal.contains("A variation of <a href=\"/experiments/1\">"),
        "{proposal}"
    );
    assert!(
        site.browser()
            .get(&origin)
            .await
            .text()
            .contains(&format!("Varied by <a href=\"{to}\">"))
    );
    send(&bob, &proposal, ">Register and queue</button>", &[]).await;
    let shared = sqlx::query_scalar::<_, i64>(
        "select count(*) from run a join run b using (seed) where a.experiment_id = 1 and b.experiment_id = 2"
    )
    .fetch_one(&site.pool)
    .await;
    assert_eq!(shared.expect("a count"), 0, "other seeds");
    // What is sealed is named by nobody.
    let sealed = location(
        &ada.propose(&site, &[("seal_days", "9"), ("varies", "1")])
            .await,
    );
    let page = site.browser().get(&origin).await.text();
    assert!(!page.contains(&sealed), "{page}");
    let api: serde_json::Value = site.browser().get(&format!("/api/v1{to}")).await.json();
    assert_eq!(api["varies"], 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn power_and_turn_are_told_before_anything_is_submitted(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let bob = site.signed_in("bob", Role::Member).await;
    let page = bob.get("/experiments/new").await.text();
    assert!(page.contains("No worker is connected"), "{page}");
    ada.registered(&site).await;
    site.train_all().await;
    breakmywork::pace::look_again(&site.state).await;
    let page = bob.get("/experiments/new").await.text();
    assert!(
        page.contains("Nothing waits: runs would begin at once."),
        "{page}"
    );
    // By the noise of what ran: told with the cost, and on a change without a script, too.
    assert!(page.contains("With 8 pairs"), "{page}");
    let path = location(&ada.propose(&site, &[("title", "Once more")]).await);
    location(&ada.post(&format!("{path}/register"), &[]).await);
    let (to, mut typed) = form(&page, ">Propose it</button>");
    typed.retain(|(name, _)| name != "seeds");
    typed.extend([
        ("seeds".to_owned(), "12".to_owned()),
        ("action".to_owned(), "apply".to_owned()),
    ]);
    let typed: Vec<(&str, &str)> = typed
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let page = bob.post(&to, &typed).await.text();
    assert!(
        page.contains("With 12 pairs") && page.contains("16 runs of 1 person wait"),
        "{page}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_file_names_its_schema_to_editors(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = location(&ada.propose(&site, &[]).await);
    let toml = ada.get(&format!("{path}/spec.toml")).await.text();
    let first = toml.lines().next().expect("a line");
    let address = first.strip_prefix("#:schema ").expect("a directive");
    assert!(
        address.ends_with("/schemas/specification.json"),
        "{address}"
    );
    let answer = site.browser().get("/schemas/specification.json").await;
    let schema: serde_json::Value = answer.json();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert!(answer.maybe_header("cache-control").is_some());
}
