//! The pictures of the README, of a board where the first ready experiment has run: `scripts/pictures` takes them anew.

use crate::acts::{register, sign_up, verdict};
use crate::driver::{Driver, Look, look, press, see};
use crate::support::{Result, Up, data_dir};
use std::path::Path;
use thirtyfour::prelude::*;

/// A picture: its name, the page, from where it is taken, and how.
struct Picture {
    name: &'static str,
    page: &'static str,
    top: &'static str,
    look: Look,
    height: u32,
}

const WIDE: Look = Look {
    width: 1200,
    theme: "light",
};

const PICTURES: [Picture; 6] = [
    Picture {
        name: "home",
        page: "/",
        top: "body",
        look: WIDE,
        height: 1000,
    },
    Picture {
        name: "claim",
        page: "/claims/2",
        top: "body",
        look: WIDE,
        height: 1000,
    },
    Picture {
        name: "experiment",
        page: "/experiments/1",
        top: "section.verdict",
        look: WIDE,
        height: 1000,
    },
    Picture {
        name: "proposing",
        page: "/experiments/new?template=fixed-or-fresh",
        top: ".editor",
        look: WIDE,
        height: 1000,
    },
    Picture {
        name: "phone",
        page: "/experiments/1",
        top: "section.verdict",
        look: Look {
            width: 360,
            theme: "light",
        },
        height: 740,
    },
    Picture {
        name: "dark",
        page: "/experiments/1",
        top: "#curves",
        look: Look {
            width: 1200,
            theme: "dark",
        },
        height: 740,
    },
];

#[tokio::test]
#[ignore = "it takes the pictures of the README, which scripts/pictures asks for"]
async fn pictures_for_the_readme() -> Result {
    let (folder, data_dir) = data_dir()?;
    let up = Up::start(&data_dir, "1")?;
    let driver = Driver::start()?;
    let browser = driver.browser(&folder.path().join("profile")).await?;
    let taken = take(&browser, &format!("http://{}", up.address)).await;
    browser.quit().await?;
    taken?;
    up.stop("-TERM")?;
    Ok(())
}

async fn take(browser: &WebDriver, site: &str) -> Result {
    sign_up(browser, site, "ada").await?;
    propose(browser, site, "fixed-or-fresh").await?;
    verdict(browser).await?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("pictures");
    std::fs::create_dir_all(&folder)?;
    for picture in PICTURES {
        look(browser, picture.look).await?;
        browser
            .cdp()
            .emulation()
            .set_device_metrics_override(picture.look.width, picture.height, 1.0, false)
            .await?;
        browser.goto(format!("{site}{}", picture.page)).await?;
        let top = browser.query(By::Css(picture.top)).first().await?;
        let show = "scrollTo(0, arguments[0].getBoundingClientRect().top + scrollY - 12)";
        browser.execute(show, vec![top.to_json()?]).await?;
        let file = folder.join(format!("{}.png", picture.name));
        browser.screenshot(&file).await?;
    }
    Ok(())
}

async fn propose(browser: &WebDriver, site: &str, template: &str) -> Result {
    let form = format!("{site}/experiments/new?template={template}");
    browser.goto(form).await?;
    press(browser, "Propose it").await?;
    see(browser, "Nothing runs yet").await?;
    register(browser).await
}
