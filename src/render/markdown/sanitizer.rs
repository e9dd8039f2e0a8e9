//! What of comrak's HTML is let through. Neither MathML nor SVG is ever on the list: with them both published holes in
//! ammonia would be open.

use ammonia::Builder;
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

static SANITIZER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder
        .tags(HashSet::from([
            "a",
            "blockquote",
            "br",
            "code",
            "del",
            "em",
            "h3",
            "h4",
            "h5",
            "h6",
            "hr",
            "input",
            "li",
            "ol",
            "p",
            "pre",
            "section",
            "strong",
            "sup",
            "table",
            "tbody",
            "td",
            "th",
            "thead",
            "tr",
            "ul",
        ]))
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href", "title", "id", "aria-label"])),
            ("li", HashSet::from(["id"])),
            ("ol", HashSet::from(["start"])),
            ("input", HashSet::from(["checked", "disabled"])),
        ]))
        .attribute_filter(|_, attribute, value| match attribute {
            "id" if !super::footnotes::is_id(value) => None,
            _ => Some(Cow::Borrowed(value)),
        })
        .tag_attribute_values(HashMap::from([
            (
                "input",
                HashMap::from([("type", HashSet::from(["checkbox"]))]),
            ),
            ("td", HashMap::from([("align", HashSet::from(SIDES))])),
            ("th", HashMap::from([("align", HashSet::from(SIDES))])),
        ]))
        .set_tag_attribute_values(HashMap::from([
            ("input", HashMap::from([("disabled", "")])),
            // It scrolls, so the keyboard must reach it.
            ("pre", HashMap::from([("tabindex", "0")])),
        ]))
        .clean_content_tags(HashSet::from(["script", "style"]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(ammonia::UrlRelative::PassThrough)
        .link_rel(Some("nofollow ugc noopener noreferrer"))
        .strip_comments(true);
    builder
});

/// Where the text of a cell stands, if not at its left.
const SIDES: [&str; 2] = ["center", "right"];

/// The HTML with nothing left that is not listed here.
pub(super) fn clean(html: &str) -> String {
    sided(SANITIZER.clean(html).to_string())
}

/// Cells with the class of a side in place of the attribute, which HTML has no more and the style sheet overrules.
///
/// What was sanitized has one way to write a cell, and in text no `<`.
fn sided(mut html: String) -> String {
    for cell in ["td", "th"] {
        for side in SIDES {
            let attribute = format!("<{cell} align=\"{side}\">");
            if html.contains(&attribute) {
                html = html.replace(&attribute, &format!("<{cell} class=\"{side}\">"));
            }
        }
    }
    html
}
