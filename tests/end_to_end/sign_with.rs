//! Signing up and in by another site in a browser, and the pages that only whoever comes from there sees.

use crate::accessibility::{axe, judge};
use crate::acts::signed_in;
use crate::driver::{Driver, click, fill, press, see};
use crate::support::{Result, Up, data_dir};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use thirtyfour::prelude::*;

/// A running provider (Python's oidc-provider-mock); ended with the test.
struct Provider(Child);

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn another_site_signs_somebody_up_and_in_again() -> Result {
    let python = concat!(env!("CARGO_TARGET_TMPDIR"), "/python/bin/python");
    let mut provider = Command::new(python)
        .arg("tests/data/openid_provider.py")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let output = provider.stdout.take().ok_or("no output")?;
    let _provider = Provider(provider);
    let mut port = String::new();
    BufReader::new(output).read_line(&mut port)?;
    let (folder, data_dir) = data_dir()?;
    let file = folder.path().join("providers.toml");
    std::fs::write(folder.path().join("secret"), "s3cret")?;
    std::fs::write(
        &file,
        format!(
            "[test]\nname = \"Test site\"\nissuer = \"http://127.0.0.1:{}\"\nclient_id = \"board\"\nclient_secret_file = \"secret\"\n",
            port.trim()
        ),
    )?;
    let file = file.to_str().ok_or("a path")?;
    let up = Up::start_with(&data_dir, "0", &["--sign-in-with", file])?;
    let site = format!("http://{}", up.address);
    let driver = Driver::start()?;
    let browser = driver.browser(&folder.path().join("profile")).await?;
    let found = journey(&browser, &site).await;
    browser.quit().await?;
    let found = found?;
    up.stop("-TERM")?;
    assert!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

/// Agrees on the other site's page.
async fn agree(browser: &WebDriver) -> Result {
    press(browser, "Sign in with Test site").await?;
    let who = browser.query(By::Name("sub")).first().await?;
    who.send_keys("ada-l").await?;
    click(browser, "button[type='submit']:not([name])").await
}

async fn journey(browser: &WebDriver, site: &str) -> Result<Vec<String>> {
    let axe = axe()?;
    let page = |path: &str| vec![path.to_owned()];
    browser.goto(format!("{site}/sign-in?next=/queue")).await?;
    agree(browser).await?;
    see(browser, "Choose a name").await?;
    let mut found = judge(browser, site, "newcomer", &page("/sign-up/with"), &axe).await?;
    fill(browser, "name", "ada").await?;
    click(browser, "main form .primary").await?;
    signed_in(browser, "ada").await?;
    assert!(browser.current_url().await?.path() == "/queue");
    let own = ["/account", "/account/identities", "/account/second-factor"];
    let own = own.map(str::to_owned);
    found.extend(judge(browser, site, "without-password", &own, &axe).await?);

    browser.delete_all_cookies().await?;
    let doors = ["/sign-up", "/sign-in"].map(str::to_owned);
    found.extend(judge(browser, site, "stranger", &doors, &axe).await?);
    agree(browser).await?;
    signed_in(browser, "ada").await?;
    Ok(found)
}
