//! A real browser, and what people do in it.

use crate::support::Result;
use serde_json::json;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use thirtyfour::error::WebDriverErrorInner;
use thirtyfour::prelude::*;

/// Chromium's driver; ended with the test.
pub(crate) struct Driver {
    child: Child,
    url: String,
}

impl Driver {
    pub(crate) fn start() -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("chromedriver: {error}; `make test` installs it"))?;
        Ok(Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
        })
    }

    /// A browser of that profile.
    pub(crate) async fn browser(&self, profile: &Path) -> Result<WebDriver> {
        self.open(profile, true).await
    }

    /// A browser that runs no script of any page.
    pub(crate) async fn without_scripts(&self, profile: &Path) -> Result<WebDriver> {
        self.open(profile, false).await
    }

    async fn open(&self, profile: &Path, scripts: bool) -> Result<WebDriver> {
        let mut capabilities = DesiredCapabilities::chrome();
        for argument in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1200,2400",
        ] {
            capabilities.add_arg(argument)?;
        }
        capabilities.add_arg(&format!("--user-data-dir={}", profile.display()))?;
        if !scripts {
            let off = json!({ "profile.managed_default_content_settings.javascript": 2 });
            capabilities.add_experimental_option("prefs", off)?;
        }
        let started = Instant::now();
        loop {
            match WebDriver::new(&self.url, capabilities.clone()).await {
                Ok(browser) => return Ok(browser),
                Err(error) if started.elapsed() > Duration::from_secs(60) => {
                    return Err(error.into());
                }
                // The driver is not listening yet.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long something on a page is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Does something with the page, and anew where another page took its place, or a part of it, while it was done.
pub(crate) async fn steady<T>(act: impl AsyncFn() -> WebDriverResult<T>) -> Result<T> {
    let started = Instant::now();
    loop {
        match act().await {
            Err(error) if passes(&error) && started.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            outcome => return Ok(outcome?),
        }
    }
}

/// Whether the page may be at fault for a moment: what was found is no longer there, or is not shown yet.
fn passes(error: &WebDriverError) -> bool {
    matches!(
        **error,
        WebDriverErrorInner::StaleElementReference(_)
            | WebDriverErrorInner::ElementNotInteractable(_)
    )
}

/// Replaces what is in a field.
pub(crate) async fn fill(browser: &WebDriver, id: &str, text: &str) -> Result {
    steady(async || {
        let field = browser.query(By::Id(id)).first().await?;
        field.clear().await?;
        field.send_keys(text).await
    })
    .await
}

/// Types into the first element that this selects.
pub(crate) async fn send(browser: &WebDriver, css: &str, text: &str) -> Result {
    steady(async || {
        browser
            .query(By::Css(css))
            .first()
            .await?
            .send_keys(text)
            .await
    })
    .await
}

/// Clicks the first element that this selects, and waits for the page that it leads to, where it leads to one.
pub(crate) async fn click(browser: &WebDriver, css: &str) -> Result {
    watch(browser).await?;
    steady(async || browser.query(By::Css(css)).first().await?.click().await).await?;
    settle(browser, css).await
}

/// Presses the link, the button or the summary that begins with these words, and waits for the page that it leads to, where
/// it leads to one.
pub(crate) async fn press(browser: &WebDriver, words: &str) -> Result {
    let path = format!(
        "//*[self::a or self::button or self::summary][starts-with(normalize-space(.), \"{words}\")]"
    );
    watch(browser).await?;
    steady(async || {
        let seen = browser.query(By::XPath(path.as_str())).and_displayed();
        seen.first().await?.click().await
    })
    .await?;
    settle(browser, words).await
}

/// Has the page remember that a link or a form is about to put another in its place. The driver's own waiting misses that
/// one time in ten, and what is asked for next would be asked of the page before, or be overtaken by this one.
async fn watch(browser: &WebDriver) -> Result {
    // Where no scripts run, none keeps what is pressed from leading on, and nothing could tell whether it does.
    const WATCH: &str = "const there = (address) => address.split('#')[0];
        addEventListener('submit', (event) => { if (!event.defaultPrevented) document.isLeft = true; });
        addEventListener('click', (event) => {
            const link = event.target.closest('a[href]');
            if (!link || event.defaultPrevented || link.hasAttribute('download')) return;
            if (there(link.href) !== there(location.href)) document.isLeft = true;
        });
        let hears = false;
        addEventListener('probe', () => { hears = true; }, { once: true });
        dispatchEvent(new Event('probe'));
        document.isLeft = !hears;";
    browser.execute(WATCH, Vec::new()).await?;
    Ok(())
}

/// Waits until the page that is about to be left has been, and the next one is whole.
async fn settle(browser: &WebDriver, pressed: &str) -> Result {
    const IS_SETTLED: &str = "return !document.isLeft && document.readyState === 'complete'";
    let started = Instant::now();
    loop {
        // Between two pages there is none to ask.
        let answer = browser.execute(IS_SETTLED, Vec::new()).await;
        if answer.is_ok_and(|is_settled| is_settled.json().as_bool() == Some(true)) {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            let at = browser.current_url().await?;
            return Err(format!("{pressed:?} leads nowhere from {at}").into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits for the first element that this selects; where there is none, says on which page.
pub(crate) async fn first(browser: &WebDriver, css: &str) -> Result<WebElement> {
    match browser.query(By::Css(css)).first().await {
        Ok(element) => Ok(element),
        Err(error) => {
            let at = browser.current_url().await?;
            let text = browser.find(By::Tag("body")).await?.text().await?;
            Err(format!("{css} is not at {at} ({error}):\n{text}").into())
        }
    }
}

/// The text of the first element that this selects.
pub(crate) async fn text(browser: &WebDriver, css: &str) -> Result<String> {
    steady(async || browser.query(By::Css(css)).first().await?.text().await).await
}

/// Waits until the first element that this selects says these words, and no others.
pub(crate) async fn reads(browser: &WebDriver, css: &str, words: &str) -> Result {
    let started = Instant::now();
    loop {
        let said = text(browser, css).await?;
        if said == words {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            return Err(format!("{css} says {said:?}, not {words:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until the page's text contains `words`.
pub(crate) async fn see(browser: &WebDriver, words: &str) -> Result {
    let started = Instant::now();
    loop {
        let text = match browser.find(By::Tag("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        };
        if text.contains(words) {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            let at = browser.current_url().await?;
            return Err(format!("waited for {words:?} at {at}:\n{text}").into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A width in pixels, and light or dark.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) width: u32,
    pub(crate) theme: &'static str,
}

/// On a desktop and on a phone, light and dark.
pub(crate) const LOOKS: [Look; 4] = [
    Look {
        width: 1200,
        theme: "light",
    },
    Look {
        width: 1200,
        theme: "dark",
    },
    Look {
        width: 360,
        theme: "light",
    },
    Look {
        width: 360,
        theme: "dark",
    },
];

/// Shows what follows that way.
pub(crate) async fn look(browser: &WebDriver, look: Look) -> Result {
    let cdp = browser.cdp();
    cdp.emulation()
        .set_device_metrics_override(look.width, 900, 1.0, false)
        .await?;
    let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": look.theme }] });
    cdp.send_raw("Emulation.setEmulatedMedia", scheme).await?;
    Ok(())
}

/// Takes a picture of all of the page, however long it is.
pub(crate) async fn whole(browser: &WebDriver, shown: Look, file: &Path) -> Result {
    const LONGEST: u32 = 12_000;
    let height = "return document.documentElement.scrollHeight";
    let height: u32 = browser.execute(height, Vec::new()).await?.convert()?;
    browser
        .cdp()
        .emulation()
        .set_device_metrics_override(shown.width, height.min(LONGEST), 1.0, false)
        .await?;
    Ok(browser.screenshot(file).await?)
}
