//! Rendered texts that are asked for again: those of pages, whose tables keep no HTML.

use super::{Html, html};
use lru::LruCache;
use std::{
    num::NonZero,
    sync::{LazyLock, Mutex, PoisonError},
};

/// Texts that are kept: with [`super::HTML_BYTES`] each and its text, 21 MB at most.
const MOST: NonZero<usize> = NonZero::new(128).expect("not zero");

static KEPT: LazyLock<Mutex<LruCache<String, Html>>> =
    LazyLock::new(|| Mutex::new(LruCache::new(MOST)));

/// The text rendered, or as it was rendered before.
pub fn rendered(source: &str) -> Html {
    let lock = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(html) = lock().get(source) {
        return html.clone();
    }
    let html = html(source);
    if source.len() <= super::LONGEST {
        lock().put(source.to_owned(), html.clone());
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn what_is_asked_for_again_is_not_rendered_again() {
        let text = "| a | b |\n|---|---|\n".to_owned() + &"| $x^2$ | *y* |\n".repeat(100);
        let begun = Instant::now();
        let first = rendered(&text);
        let rendering = begun.elapsed();
        let begun = Instant::now();
        assert_eq!(rendered(&text), first);
        assert!(begun.elapsed() < rendering / 3);
        // However many there are, few are kept.
        for number in 0..200 {
            rendered(&format!("*{number}*"));
        }
        let kept = KEPT.lock().expect("whole").len();
        assert!(kept <= MOST.get(), "{kept}");
    }
}
