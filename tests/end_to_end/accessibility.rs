//! Every page in a real browser, judged by axe-core: light and dark, on a desktop and on a phone, with no violation at all.

use crate::driver::{Driver, LOOKS, Look, click, fill, look, see};
use crate::support::{Result, Up, data_dir};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thirtyfour::prelude::*;

/// Pages that everybody may see, once there is an experiment with a verdict and a proposal.
const PUBLIC: &[&str] = &[
    "/",
    "/works",
    "/works/recurrent-dropout",
    "/claims/2",
    "/experiments",
    "/experiments?verdict=falsified",
    "/experiments/1",
    "/experiments/2",
    "/runs/1",
    "/search?q=mask",
    "/search?q=nothing+of+the+kind",
    "/compare?experiments=1,2",
    "/queue",
    "/record",
    "/people/ada",
    "/docs/api",
    "/docs/api/bodies",
    "/sign-in",
    "/sign-up",
    "/nothing-here",
];

/// Pages of who is signed in.
const OWN: &[&str] = &[
    "/",
    "/claims/2",
    "/claims/2/narrow",
    "/experiments/new?template=fixed-or-fresh",
    "/experiments/1",
    "/experiments/2",
    "/experiments/2/edit",
    "/inbox",
    "/account",
];

/// Pages of admins.
const ADMINS: &[&str] = &["/admin/queue", "/admin/people", "/admin/invitations"];

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

const SPEC: &str = "title = \"Masks\"\nseeds = 6\n[task]\nname = \"adding\"\nlength = 4\n[model]\nhidden = 3\n\
    [training]\nbatch = 4\nsteps = 8\n[evaluation]\nevery = 4\nsequences = 20\n[[arms]]\nname = \"fixed\"\n\
    dropout.state = { rate = 0.25, time = \"fixed\" }\n[[arms]]\nname = \"fresh\"\n\
    dropout.state = { rate = 0.25, time = \"per_step\" }\n[criterion]\nkind = \"difference\"\nmetric = \"test_mse\"\n\
    treatment = \"fixed\"\ncontrol = \"fresh\"\nscale = \"log\"\nmargin = 0.1\n";

#[tokio::test]
async fn no_page_breaks_a_rule_of_accessibility() -> Result {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("axe.min.js");
    let axe = std::fs::read_to_string(&file)
        .map_err(|error| format!("{}: {error}; `make test` fetches it", file.display()))?;
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

/// Goes through the pages as a visitor, a member and an admin, and says what is wrong with them.
async fn tour(browser: &WebDriver, site: &str, axe: &str, password: &str) -> Result<Vec<String>> {
    browser.goto(format!("{site}/sign-up")).await?;
    fill(browser, "name", "ada").await?;
    fill(browser, "password", "a few words in a row").await?;
    click(browser, "main form .primary").await?;
    see(browser, "ada", 10).await?;
    for registered in [true, false] {
        propose(browser, site, registered).await?;
    }
    let mut found = judge(browser, site, OWN, axe).await?;
    browser.delete_all_cookies().await?;
    found.extend(judge(browser, site, PUBLIC, axe).await?);
    sign_in(browser, site, "admin", password).await?;
    found.extend(judge(browser, site, ADMINS, axe).await?);
    Ok(found)
}

async fn sign_in(browser: &WebDriver, site: &str, name: &str, password: &str) -> Result {
    browser.goto(format!("{site}/sign-in")).await?;
    fill(browser, "name", name).await?;
    fill(browser, "password", password).await?;
    click(browser, "main form .primary").await?;
    see(browser, name, 10).await
}

/// Proposes a small experiment by its TOML, and takes one of them to its verdict, with a comment under it.
async fn propose(browser: &WebDriver, site: &str, registered: bool) -> Result {
    browser
        .goto(format!("{site}/experiments/new?claim=2"))
        .await?;
    let text = browser.find(By::Id("toml")).await?;
    // The same again would be taken for the first one, sent twice.
    let spec = match registered {
        true => SPEC.to_owned(),
        false => SPEC.replace("hidden = 3", "hidden = 4"),
    };
    browser
        .execute(
            "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', { bubbles: true }));",
            vec![text.to_json()?, spec.into()],
        )
        .await?;
    see(browser, "Reads well", 10).await?;
    click(browser, "button[value='save'].primary").await?;
    see(browser, "Nothing runs yet", 10).await?;
    if !registered {
        return Ok(());
    }
    click(browser, "form[action$='/register'] button").await?;
    browser
        .query(By::Css("section.verdict"))
        .wait(Duration::from_secs(120), Duration::from_millis(200))
        .first()
        .await?;
    fill(
        browser,
        "body",
        "I expected **that**, $x^2$, and:\n\n> a quote",
    )
    .await?;
    click(browser, "form[action$='/comments'] .primary").await?;
    see(browser, "I expected that", 10).await
}

/// Where the picture of a page is kept, for people to look at: `target/screenshots`.
fn picture(page: &str, look: Look) -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots");
    std::fs::create_dir_all(&folder)?;
    let name = match page.trim_matches('/') {
        "" => "home".to_owned(),
        some => some.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-"),
    };
    Ok(folder.join(format!("{name}-{}-{}.png", look.theme, look.width)))
}

/// Shows each page in each way and lets axe judge it; what it finds, in words.
async fn judge(browser: &WebDriver, site: &str, pages: &[&str], axe: &str) -> Result<Vec<String>> {
    const RUN: &str = "const done = arguments[0]; \
        axe.run({ resultTypes: ['violations'] }).then(({ violations }) => done(violations), (error) => done(String(error)));";
    let mut found = Vec::new();
    for shown in LOOKS {
        look(browser, shown).await?;
        for page in pages {
            browser.goto(format!("{site}{page}")).await?;
            browser.screenshot(&picture(page, shown)?).await?;
            browser.execute(axe, Vec::new()).await?;
            let answer = browser.execute_async(RUN, Vec::new()).await?;
            let violations: Vec<Violation> = answer.convert()?;
            found.extend(violations.iter().map(|broken| {
                let places = broken.nodes.iter().take(3).map(|node| node.html.as_str());
                format!(
                    "{page}, {}, {} pixels: {} ({}), {} times: {}",
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
