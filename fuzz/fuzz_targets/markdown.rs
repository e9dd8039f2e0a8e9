//! Markdown and TeX of people: what comes out holds no script, and is no larger than is shown.
#![no_main]

use breakmywork::render::markdown;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let html = markdown::html(text);
    assert!(!html.as_str().contains("<script"), "{html}");
    let _ = markdown::named(text);
    if let Ok(html) = markdown::bounded(text, &Default::default()) {
        // What is shown as typed has no marks that could swell.
        assert!(html.as_str().len() <= markdown::HTML_BYTES || html.as_str().starts_with("<pre"));
    }
});
