//! What people come to do here, each from its beginning to its end in a real browser.

mod admin;
mod author;
mod drafts;
mod moderator;
mod plain;
mod visitor;

use crate::acts::{self, PASSWORD};
use crate::driver::{self, Driver};
use crate::server::Server;
use crate::support::Result;
use breakmywork::auth::{account::Role, password};
use breakmywork::db::accounts;
use sqlx::PgPool;
use std::time::{Duration, Instant};
use thirtyfour::prelude::*;

/// Whether pages may run their scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scripts {
    On,
    Off,
}

/// A board with the seed content, its real server, and a browser on it.
struct Board {
    pool: PgPool,
    server: Server,
    site: String,
    browser: WebDriver,
}

/// Lets somebody go about a journey on a board of its own, and ends what was started for it whatever came out.
async fn on_a_board(
    pool: PgPool,
    scripts: Scripts,
    journey: impl AsyncFnOnce(&Board) -> Result,
) -> Result {
    breakmywork::seed::apply(&pool).await?;
    let server = Server::start(&pool, 1024, &[])?;
    let folder = tempfile::tempdir()?;
    let driver = Driver::start()?;
    let profile = folder.path().join("profile");
    let browser = match scripts {
        Scripts::On => driver.browser(&profile).await?,
        Scripts::Off => driver.without_scripts(&profile).await?,
    };
    let board = Board {
        site: format!("http://{}", server.address),
        pool,
        server,
        browser,
    };
    let outcome = journey(&board).await;
    board.browser.clone().quit().await?;
    outcome
}

impl Board {
    async fn goto(&self, path: &str) -> Result {
        Ok(self.browser.goto(format!("{}{path}", self.site)).await?)
    }

    /// Presses the link, the button or the summary that begins with these words.
    async fn press(&self, words: &str) -> Result {
        driver::press(&self.browser, words).await
    }

    /// Opens what begins with these words, until what this selects is seen: a press that meets a part of the page being
    /// redrawn may be one too few, or one too many.
    async fn open(&self, words: &str, inside: &str) -> Result {
        let started = Instant::now();
        loop {
            self.press(words).await?;
            tokio::time::sleep(Duration::from_millis(200)).await;
            if self.shows(inside).await? {
                return Ok(());
            }
            if started.elapsed() > driver::PATIENCE {
                return Err(format!("{words:?} does not open").into());
            }
        }
    }

    async fn fill(&self, field: &str, text: &str) -> Result {
        driver::fill(&self.browser, field, text).await
    }

    /// Waits until these words stand on the page.
    async fn see(&self, words: &str) -> Result {
        driver::see(&self.browser, words).await
    }

    async fn click(&self, css: &str) -> Result {
        driver::click(&self.browser, css).await
    }

    /// Types into the first element that this selects.
    async fn send(&self, css: &str, text: &str) -> Result {
        driver::send(&self.browser, css, text).await
    }

    /// The text of the first element that this selects.
    async fn text(&self, css: &str) -> Result<String> {
        driver::text(&self.browser, css).await
    }

    /// Waits until the first element that this selects says these words, and no others.
    async fn reads(&self, css: &str, words: &str) -> Result {
        driver::reads(&self.browser, css, words).await
    }

    /// The first element that this selects, once it is there: of a page that stays.
    async fn find(&self, css: &str) -> Result<WebElement> {
        driver::first(&self.browser, css).await
    }

    /// Whether the first element that this selects is there to be seen.
    async fn shows(&self, css: &str) -> Result<bool> {
        let found = self.browser.find_all(By::Css(css)).await?;
        match found.first() {
            Some(element) => Ok(element.is_displayed().await.unwrap_or(false)),
            None => Ok(false),
        }
    }

    /// Whether nothing on the page is selected by this.
    async fn lacks(&self, css: &str) -> Result<bool> {
        Ok(self.browser.find_all(By::Css(css)).await?.is_empty())
    }

    /// Waits until a page is shown whose address begins so.
    async fn arrive(&self, address: &str) -> Result {
        let started = Instant::now();
        while !self.here().await?.starts_with(address) {
            if started.elapsed() > driver::PATIENCE {
                let here = self.here().await?;
                return Err(format!("waited for {address}, and is at {here}").into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Path and query of the page that is shown.
    async fn here(&self) -> Result<String> {
        let url = self.browser.current_url().await?;
        Ok(url.as_str().trim_start_matches(&self.site).to_owned())
    }

    /// The account of somebody who was there before.
    async fn account(&self, name: &str, role: Role) -> Result {
        let hash = password::hash_now(PASSWORD).map_err(|error| format!("{error:?}"))?;
        let made = accounts::create(&self.pool, name, &hash, role).await?;
        made.map(drop)
            .ok_or_else(|| format!("{name} is taken").into())
    }

    async fn sign_up(&self, name: &str) -> Result {
        acts::sign_up(&self.browser, &self.site, name).await
    }

    async fn sign_in(&self, name: &str) -> Result {
        acts::sign_in(&self.browser, &self.site, name, PASSWORD).await
    }

    /// Nobody is signed in from here on.
    async fn leave(&self) -> Result {
        Ok(self.browser.delete_all_cookies().await?)
    }

    async fn propose(&self, claim: &str, spec: &str) -> Result {
        acts::propose(&self.browser, &self.site, claim, spec).await
    }

    async fn register(&self) -> Result {
        acts::register(&self.browser).await
    }

    async fn comment(&self, body: &str) -> Result {
        acts::comment(&self.browser, body).await
    }
}
