//! What people do again and again: sign up and in, propose, register, wait for a verdict.

use crate::driver::{click, fill, first, see};
use crate::support::Result;
use std::time::Duration;
use thirtyfour::prelude::*;

/// What everybody here signs in with.
pub(crate) const PASSWORD: &str = "a few words in a row";

/// Six pairs of networks so small that all of their runs take a moment.
pub(crate) const SPEC: &str = "title = \"Masks\"\nseeds = 6\n[task]\nname = \"adding\"\nlength = 4\n[model]\nhidden = 3\n\
    [training]\nbatch = 4\nsteps = 8\n[evaluation]\nevery = 4\nsequences = 20\n[[arms]]\nname = \"fixed\"\n\
    dropout.state = { rate = 0.25, time = \"fixed\" }\n[[arms]]\nname = \"fresh\"\n\
    dropout.state = { rate = 0.25, time = \"per_step\" }\n[criterion]\nkind = \"difference\"\nmetric = \"test_mse\"\n\
    treatment = \"fixed\"\ncontrol = \"fresh\"\nscale = \"log\"\nmargin = 0.1\n";

/// Waits until the head of the page says who is signed in.
pub(crate) async fn signed_in(browser: &WebDriver, name: &str) -> Result {
    let head = format!("nav.person[data-person='{name}']");
    first(browser, &head).await?;
    Ok(())
}

/// Fills in the form for a new account, or that to sign in, which stands on the page, and sends it.
pub(crate) async fn enter(browser: &WebDriver, name: &str, password: &str) -> Result {
    fill(browser, "name", name).await?;
    fill(browser, "password", password).await?;
    click(browser, "main form .primary").await
}

/// Makes an account and is signed in to it; nobody else is any more.
pub(crate) async fn sign_up(browser: &WebDriver, site: &str, name: &str) -> Result {
    browser.delete_all_cookies().await?;
    browser.goto(format!("{site}/sign-up")).await?;
    enter(browser, name, PASSWORD).await?;
    signed_in(browser, name).await
}

/// Signs in; nobody else is any more.
pub(crate) async fn sign_in(browser: &WebDriver, site: &str, name: &str, password: &str) -> Result {
    browser.delete_all_cookies().await?;
    browser.goto(format!("{site}/sign-in")).await?;
    enter(browser, name, password).await?;
    signed_in(browser, name).await
}

/// Proposes that specification on a claim by its TOML; the page of the proposal is shown then.
pub(crate) async fn propose(browser: &WebDriver, site: &str, claim: &str, spec: &str) -> Result {
    browser
        .goto(format!("{site}/experiments/new?claim={claim}"))
        .await?;
    let text = first(browser, "#toml").await?;
    browser
        .execute(
            "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', { bubbles: true }));",
            vec![text.to_json()?, spec.into()],
        )
        .await?;
    see(browser, "Reads well").await?;
    click(browser, "button[value='save'].primary").await?;
    see(browser, "Nothing runs yet").await
}

/// Registers the proposal that is shown.
pub(crate) async fn register(browser: &WebDriver) -> Result {
    click(browser, "form[action$='/register'] button").await?;
    see(browser, "Runs, live").await
}

/// Waits until the experiment that is shown has its verdict.
pub(crate) async fn verdict(browser: &WebDriver) -> Result {
    browser
        .query(By::Css("section.verdict"))
        .wait(Duration::from_secs(120), Duration::from_millis(200))
        .first()
        .await?;
    Ok(())
}

/// Says something in the discussion that is shown.
pub(crate) async fn comment(browser: &WebDriver, body: &str) -> Result {
    fill(browser, "body", body).await?;
    click(browser, "form[action$='/comments'] .primary").await
}
