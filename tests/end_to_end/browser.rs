//! A member in a real browser: signs up, proposes, is told of a mistake, registers, and waits for the verdict.

use crate::acts::sign_up;
use crate::driver::{Driver, click, fill, first, press, see, steady};
use crate::phone;
use crate::support::{Result, Up, data_dir};
use std::time::Duration;
use thirtyfour::prelude::*;

#[tokio::test]
async fn a_member_reaches_a_verdict() -> Result {
    let (folder, data_dir) = data_dir()?;
    let up = Up::start(&data_dir, "1")?;
    let driver = Driver::start()?;
    let browser = driver.browser(&folder.path().join("profile")).await?;
    let outcome = visit(&browser, &format!("http://{}", up.address)).await;
    browser.quit().await?;
    outcome?;
    up.stop("-TERM")?;
    Ok(())
}

async fn visit(browser: &WebDriver, site: &str) -> Result {
    sign_up(browser, site, "ada").await?;

    // From the claim to a proposal that starts from a template.
    browser
        .goto(format!("{site}/works/recurrent-dropout"))
        .await?;
    press(browser, "A recurrent network wants the same dropout mask").await?;
    click(browser, "a[href*='/experiments/new']").await?;
    click(browser, "a[href*='template=fixed-or-fresh']").await?;
    fill(browser, "title", "A tiny experiment").await?;
    for (field, value) in [
        ("task-length", "4"),
        ("model-hidden", "3"),
        ("training-batch", "4"),
        ("evaluation-every", "4"),
        ("evaluation-sequences", "20"),
        ("training-steps", "8"),
        ("seeds", "6"),
    ] {
        fill(browser, field, value).await?;
    }
    fill(browser, "arms-0-dropout-state-rate", "1.5").await?;
    fill(browser, "rationale", "It is *small*.").await?;
    click(browser, "button[value='save'].primary").await?;
    see(browser, "must be a number from 0 to 1").await?;
    let kept = first(browser, "#rationale").await?.prop("value").await?;
    assert_eq!(
        kept.as_deref(),
        Some("It is *small*."),
        "nothing typed is lost"
    );
    let rate = first(browser, "#arms-0-dropout-state-rate").await?;
    assert_eq!(rate.prop("value").await?.as_deref(), Some("1.5"));
    assert_eq!(rate.attr("aria-invalid").await?.as_deref(), Some("true"));
    fill(browser, "arms-0-dropout-state-rate", "0.5").await?;
    click(browser, "button[value='save'].primary").await?;
    see(browser, "Nothing runs yet").await?;
    click(browser, "form[action$='/register'] button").await?;

    // The page moves by itself: no reload from here on.
    see(browser, "ended").await?;
    browser
        .query(By::Css("section.verdict"))
        .wait(Duration::from_secs(120), Duration::from_millis(200))
        .first()
        .await?;
    let curves = browser.find_all(By::Css("figure svg")).await?;
    assert!(!curves.is_empty(), "learning curves are drawn");
    see(browser, "The criterion was fixed before the first run").await?;

    let errors = browser.find_all(By::Css(".error")).await?;
    assert!(errors.is_empty());
    fill(browser, "body", "I expected **that**.").await?;
    click(browser, "form[action$='/comments'] .primary").await?;
    see(browser, "I expected that.").await?;
    explored(browser).await?;
    for page in ["/runs/1", "/compare?experiments=1"] {
        browser.goto(format!("{site}{page}")).await?;
        explored(browser).await?;
    }
    browser.goto(format!("{site}/experiments/1")).await?;

    // Pairs, curves and networks with their masks, on a phone.
    let experiment = browser.current_url().await?;
    phone::readable(browser, experiment.as_str(), 40).await?;
    for (page, least) in [("/", 10), ("/claims/2", 20), ("/runs/1", 5)] {
        phone::readable(browser, &format!("{site}{page}"), least).await?;
    }
    Ok(())
}

/// The curves can be zoomed: their numbers come when somebody asks for them.
async fn explored(browser: &WebDriver) -> Result {
    browser.execute("scrollTo(0, 0)", Vec::new()).await?;
    let pressed = async || {
        let button = browser.query(By::Css("button[data-explore]"));
        let button = button.first().await?;
        button.scroll_into_view().await?;
        button.click().await
    };
    steady(pressed).await?;
    first(browser, "figure .uplot canvas").await?;
    steady(pressed).await?;
    see(browser, "Zoom and read values").await?;
    let gone = browser.find_all(By::Css("figure .uplot")).await?;
    assert!(gone.is_empty());
    Ok(())
}
