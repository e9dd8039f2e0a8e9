//! Pictures on a phone: whether their text can be read there.

use crate::support::Result;
use thirtyfour::prelude::*;

/// Narrowest screen that pages are made for.
const WIDTH: u32 = 360;
/// Smallest text, in pixels.
const READABLE: f64 = 11.0;

/// The size of every text in a picture as it is shown, with the text, and whether it lies on the page.
const TEXTS: &str = r"
    return [...document.querySelectorAll('svg text')]
        .map((text) => [text, text.getScreenCTM(), text.getBoundingClientRect()])
        .filter(([, , box]) => box.width > 0)
        .map(([text, scale, box]) => [
            parseFloat(getComputedStyle(text).fontSize) * Math.hypot(scale.a, scale.b),
            text.textContent,
            box.left >= -1 && box.right <= innerWidth + 1,
        ]);";

/// Looks at a page as a phone shows it: every text in its pictures must be readable and on the page, and nothing is pushed
/// out of it to the side.
pub(crate) async fn readable(browser: &WebDriver, page: &str, least: usize) -> Result {
    let cdp = browser.cdp();
    cdp.emulation()
        .set_device_metrics_override(WIDTH, 900, 1.0, true)
        .await?;
    browser.goto(page).await?;
    let texts = browser.execute(TEXTS, Vec::new()).await?;
    let texts: Vec<(f64, String, bool)> = texts.convert()?;
    assert!(texts.len() >= least, "{page} has {} texts", texts.len());
    for (size, text, inside) in texts {
        assert!(size >= READABLE, "{page}: {text:?} is {size} px high");
        assert!(inside, "{page}: {text:?} lies beside the page");
    }
    let width = browser
        .execute("return document.documentElement.scrollWidth", Vec::new())
        .await?;
    assert_eq!(width.json().as_u64(), Some(u64::from(WIDTH)), "{page}");
    cdp.emulation().clear_device_metrics_override().await?;
    Ok(())
}
