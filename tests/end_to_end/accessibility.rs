//! Every page in a real browser, judged by axe-core: light and dark, on a desktop and on a phone, with no violation at all
//! and nothing beside the page.

use crate::acts::{SPEC, comment, propose, register, sign_in, sign_up, verdict};
use crate::driver::{Driver, LOOKS, Look, click, fill, look, press, reads, see, whole};
use crate::support::{Result, Up, data_dir};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use thirtyfour::prelude::*;

/// Pages that everybody may see, once there is an experiment with a verdict, a proposal, and one that waits for its data.
const PUBLIC: &[&str] = &[
    "/",
    "/works",
    "/works/recurrent-dropout",
    "/works/recurrent-dropout/history",
    "/claims",
    "/claims?standing=untested",
    "/claims/2",
    "/claims/3/history",
    "/experiments",
    "/experiments?verdict=falsified",
    "/experiments/1",
    "/experiments/1/runs",
    "/experiments/1/embed",
    "/experiments/2",
    "/experiments/2/diff?with=1",
    "/experiments/3",
    "/runs/1",
    "/runs/13",
    "/search",
    "/search?q=mask",
    "/search?q=nothing+of+the+kind",
    "/compare",
    "/compare?experiments=1,2",
    "/compare?runs=1,2",
    "/queue",
    "/queue/cancelled",
    "/workers",
    "/record",
    "/moderation",
    "/moderation/board",
    "/comments/{comment}/history",
    "/people/ada",
    "/docs",
    "/docs/verdict",
    "/docs/specification",
    "/docs/variants",
    "/docs/api",
    "/docs/api/bodies",
    "/docs/api/bodies/Experiment",
    "/docs/rest",
    "/docs/webhooks",
    "/sign-in",
    "/sign-in/forgotten",
    "/sign-up",
    MISSING,
];

/// Pages of who is signed in.
const OWN: &[&str] = &[
    "/",
    "/claims/2",
    "/works/new",
    "/works/masks-at-half-price",
    "/works/recurrent-dropout/claims/new",
    "/moderation/board",
    "/experiments/new",
    "/experiments/new?template=fixed-or-fresh",
    "/experiments/new?amends=1",
    "/experiments/1",
    "/experiments/2",
    "/experiments/2/edit",
    "/experiments/3",
    "/experiments/3/stop",
    "/experiments/1/doi",
    "/threads/2/comments?run=1&metric=test_mse",
    "/comments/{comment}/reply",
    "/comments/{comment}/edit",
    "/inbox",
    "/inbox/following",
    "/account",
    "/account/second-factor",
    "/account/identities",
    "/account/agents",
    "/account/agents/scout-agent",
    "/people/scout-agent",
    "/account/webhooks",
    "/account/webhooks/1",
];

/// Pages of admins, who moderate too.
const ADMINS: &[&str] = &[
    "/admin/queue",
    "/admin/people",
    "/admin/invitations",
    "/people/ada",
    "/moderation/board",
    "/works/recurrent-dropout/edit",
    "/claims/2",
    "/claims/2/edit",
    "/claims/3/edit",
    "/claims/2/narrow",
];

/// The only one that is not there.
const MISSING: &str = "/nothing-here";

/// Addresses that show no page of their own, those that hold a secret which a mail alone has, and what whoever comes from
/// another site sees, which `sign_with.rs` judges.
const NO_PAGE: &[&str] = &[
    "/comments/{id}",
    "/admin/queue/live",
    "/experiments/{id}/live",
    "/experiments/{id}/events",
    "/queue/events",
    "/queue/live",
    "/runs/{id}/live",
    "/mail/confirm/{secret}",
    "/sign-in/new-password/{secret}",
    "/sign-in/with/{provider}/back",
    "/sign-up/with",
    "/unsubscribe/{key}",
];

/// A rule that a page breaks.
#[derive(Debug, Deserialize)]
struct Violation {
    id: String,
    help: String,
    nodes: Vec<Node>,
}

/// Where it breaks it.
#[derive(Debug, Deserialize)]
struct Node {
    html: String,
}

#[tokio::test]
async fn no_page_breaks_a_rule_of_accessibility() -> Result {
    let axe = axe()?;
    let (folder, data_dir) = data_dir()?;
    let up = Up::start(&data_dir, "1")?;
    let site = format!("http://{}", up.address);
    let password = std::fs::read_to_string(data_dir.join("admin-password"))?;
    let driver = Driver::start()?;
    let browser = driver.browser(&folder.path().join("profile")).await?;
    let found = tour(&browser, &site, &axe, password.trim()).await;
    browser.quit().await?;
    let found = found?;
    up.stop("-TERM")?;
    assert!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

/// The script that judges.
pub(crate) fn axe() -> Result<String> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("axe.min.js");
    let axe = std::fs::read_to_string(&file)
        .map_err(|error| format!("{}: {error}; `make test` fetches it", file.display()))?;
    Ok(axe)
}

/// Goes through the pages as a member, a visitor and an admin, and says what is wrong with them.
async fn tour(browser: &WebDriver, site: &str, axe: &str, password: &str) -> Result<Vec<String>> {
    let comment = furnish(browser, site).await?;
    let named = |pages: &[&str]| -> Vec<String> {
        let named = pages.iter().map(|page| page.replace("{comment}", &comment));
        named.collect()
    };
    compared(browser, site).await?;
    let mut found = judge(browser, site, "member", &named(OWN), axe).await?;
    sign_in(browser, site, "admin", password).await?;
    browser.goto(format!("{site}/claims/3/edit")).await?;
    fill(browser, "evidence", "Nothing that we know of.").await?;
    press(browser, "Save the claim").await?;
    see(browser, "Nothing that we know of.").await?;
    found.extend(judge(browser, site, "admin", &named(ADMINS), axe).await?);
    browser.delete_all_cookies().await?;
    found.extend(judge(browser, site, "visitor", &named(PUBLIC), axe).await?);
    Ok(found)
}

/// Puts something of everything on the board as a member; gives the number of a comment that was edited.
async fn furnish(browser: &WebDriver, site: &str) -> Result<String> {
    sign_up(browser, site, "ada").await?;
    browser.goto(format!("{site}/works/new")).await?;
    for (field, text) in [
        ("title", "Masks at half price"),
        ("authors", "A. Shop"),
        ("year", "2024"),
        ("url", "https://shop.example/masks"),
        ("phenomenon", "They are *cheap*."),
    ] {
        fill(browser, field, text).await?;
    }
    press(browser, "Put it on the board").await?;
    see(browser, "Waits for a moderator").await?;
    propose(browser, site, "2", SPEC).await?;
    register(browser).await?;
    verdict(browser).await?;
    let said = "I expected **that**, $x^2$, and:\n\n> a quote";
    comment(browser, said).await?;
    see(browser, "I expected that").await?;
    let here = browser.current_url().await?;
    let comment = here.fragment().and_then(|id| id.strip_prefix("comment-"));
    let comment = comment.ok_or("no address of the comment")?.to_owned();
    browser
        .goto(format!("{site}/comments/{comment}/edit"))
        .await?;
    fill(browser, "body", &said.replace("expected", "did not expect")).await?;
    press(browser, "Save this version").await?;
    see(browser, "I did not expect that").await?;
    // The same again would be taken for the first one, sent twice.
    propose(
        browser,
        site,
        "2",
        &SPEC.replace("hidden = 3", "hidden = 4"),
    )
    .await?;
    // Nobody has its data here, so it waits.
    browser
        .goto(format!(
            "{site}/experiments/new?template=fixed-or-fresh-text"
        ))
        .await?;
    press(browser, "Propose it").await?;
    see(browser, "Nothing runs yet").await?;
    register(browser).await?;
    browser.goto(format!("{site}/account/agents")).await?;
    fill(browser, "name", "scout-agent").await?;
    press(browser, "Make agent").await?;
    see(browser, "Its tokens").await?;
    // No name there leads anywhere, so the test of it fails.
    browser.goto(format!("{site}/account/webhooks")).await?;
    fill(browser, "url", "https://hooks.invalid.example.org/board").await?;
    press(browser, "Add it").await?;
    see(browser, "it is shown this once").await?;
    press(browser, "Send a test").await?;
    see(browser, "next try").await?;
    Ok(comment)
}

/// Ticks an experiment in one list and another one in another: the header compares both, and so does the list's own button.
async fn compared(browser: &WebDriver, site: &str) -> Result {
    for (page, experiment) in [("/search?q=masks&kind=experiments", 1), ("/claims/2", 2)] {
        browser.goto(format!("{site}{page}")).await?;
        click(
            browser,
            &format!("input[name='experiments'][value='{experiment}']"),
        )
        .await?;
    }
    for press in ["header [data-compare]", "form.compare button"] {
        click(browser, press).await?;
        let here = browser.current_url().await?;
        let chosen = here.query().unwrap_or_default().replace("%2C", ",");
        let chosen = chosen.replace("&experiments=", ",");
        assert!(here.path() == "/compare", "{press}: {here}");
        assert!(
            ["experiments=1,2", "experiments=2,1"].contains(&chosen.as_str()),
            "{press}: {chosen}"
        );
        reads(browser, "header [data-compare]", "Compare 2").await?;
        browser.goto(format!("{site}/claims/2")).await?;
    }
    browser
        .goto(format!("{site}/compare?experiments=1,2"))
        .await?;
    press(browser, "Untick all").await?;
    reads(browser, "header [data-compare]", "Compare").await
}

/// Where the picture of a page is kept, for people to look at: `target/screenshots`.
fn picture(who: &str, page: &str, look: Look) -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots");
    std::fs::create_dir_all(&folder)?;
    let name = match page.trim_matches('/') {
        "" => "home".to_owned(),
        some => some.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-"),
    };
    Ok(folder.join(format!("{who}-{name}-{}-{}.png", look.theme, look.width)))
}

/// Shows each page in each way and lets axe judge it; what it finds, in words.
pub(crate) async fn judge(
    browser: &WebDriver,
    site: &str,
    who: &str,
    pages: &[String],
    axe: &str,
) -> Result<Vec<String>> {
    const RUN: &str = "const done = arguments[0]; \
        axe.run({ resultTypes: ['violations'] }).then(({ violations }) => done(violations), (error) => done(String(error)));";
    const STATUS: &str = "return performance.getEntriesByType('navigation')[0].responseStatus";
    const WIDER: &str =
        "const page = document.documentElement; return page.scrollWidth > page.clientWidth";
    let mut found = Vec::new();
    for page in pages {
        browser.goto(format!("{site}{page}")).await?;
        let status: u16 = browser.execute(STATUS, Vec::new()).await?.convert()?;
        if (status == 404) != (page == MISSING) || status >= 500 || status == 403 {
            return Err(format!("{page} is answered with {status} to a {who}").into());
        }
        browser.execute(axe, Vec::new()).await?;
        for shown in LOOKS {
            look(browser, shown).await?;
            whole(browser, shown, &picture(who, page, shown)?).await?;
            let wider: bool = browser.execute(WIDER, Vec::new()).await?.convert()?;
            if wider {
                found.push(format!(
                    "{page} of a {who} is wider than {} pixels",
                    shown.width
                ));
            }
            let answer = browser.execute_async(RUN, Vec::new()).await?;
            let violations: Vec<Violation> = answer.convert()?;
            found.extend(violations.iter().map(|broken| {
                let places = broken.nodes.iter().take(3).map(|node| node.html.as_str());
                format!(
                    "{page} of a {who}, {}, {} pixels: {} ({}), {} times: {}",
                    shown.theme,
                    shown.width,
                    broken.id,
                    broken.help,
                    broken.nodes.len(),
                    places.collect::<Vec<_>>().join(" and ")
                )
            }));
        }
    }
    Ok(found)
}

#[test]
fn every_page_of_the_site_is_on_a_list() {
    let router = include_str!("../../src/router.rs");
    let listed: Vec<Vec<&str>> = [PUBLIC, OWN, ADMINS]
        .concat()
        .iter()
        .map(|page| page.split(['?', '#']).next().unwrap_or_default())
        .map(|page| page.split('/').collect())
        .collect();
    let is_listed = |path: &str| {
        let wanted: Vec<&str> = path.split('/').collect();
        listed.iter().any(|page| {
            let same = |(page, wanted): (&&str, &&str)| page == wanted || wanted.starts_with('{');
            page.len() == wanted.len() && page.iter().zip(&wanted).all(same)
        })
    };
    let gets = |route: &str| route.contains("get(") || route.contains("form(");
    let mut pages = 0;
    for route in router.split(".route(").skip(1) {
        let Some(path) = route.split('"').nth(1).filter(|_| gets(route)) else {
            continue;
        };
        // Files, and what machines read.
        let is_file = path.contains('.') || path.ends_with('z');
        if is_file || path == "/metrics" || NO_PAGE.contains(&path) {
            continue;
        }
        pages += 1;
        assert!(is_listed(path), "{path} is on none of the lists");
    }
    assert!(pages > 40, "the router is read");
}
