//! What people wrote in Markdown, made safe for everybody else's browser.
//!
//! comrak parses, with raw HTML shown as text; ammonia then lets through only
//! what is listed here. Neither MathML nor SVG is ever on that list: with them
//! both published holes in ammonia would be open.

use super::{html::Html, math};
use ammonia::Builder;
use comrak::{
    Arena, Options,
    arena_tree::NodeEdge,
    format_html,
    nodes::{Node, NodeCode, NodeLink, NodeValue},
    parse_document,
};
use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

/// Longest text that is parsed; longer texts are refused on entry, so this only guards.
const LONGEST: usize = 64 * 1024;

/// Deepest nesting that is rendered; deeper texts are shown as typed.
const DEEPEST: usize = 60;

/// Longest HTML of one text, in bytes: more than its text as typed could ever need, less than tables and links can be
/// made to swell to.
pub const HTML_BYTES: usize = 100 * 1024;

/// Grows by one with each change of what is rendered from the same text.
pub const VERSION: i16 = 1;

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
            "strong",
            "table",
            "tbody",
            "td",
            "th",
            "thead",
            "tr",
            "ul",
        ]))
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href", "title"])),
            ("ol", HashSet::from(["start"])),
            ("td", HashSet::from(["align"])),
            ("th", HashSet::from(["align"])),
            ("input", HashSet::from(["checked", "disabled"])),
        ]))
        .tag_attribute_values(HashMap::from([(
            "input",
            HashMap::from([("type", HashSet::from(["checkbox"]))]),
        )]))
        .set_tag_attribute_values(HashMap::from([
            ("input", HashMap::from([("disabled", "")])),
            // It scrolls, so the keyboard must reach it.
            ("pre", HashMap::from([("tabindex", "0")])),
        ]))
        .clean_content_tags(HashSet::from(["script", "style"]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(ammonia::UrlRelative::PassThrough)
        .link_rel(Some("nofollow ugc noopener noreferrer"))
        .id_prefix(Some("user-"))
        .strip_comments(true);
    builder
});

fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.math_dollars = true;
    // Raw HTML is shown as the text that it is.
    options.render.escape = true;
    options
}

/// Renders Markdown. What would be too deep or too large as HTML is shown as typed.
pub fn html(source: &str) -> Html {
    whole(source)
        .filter(|html| html.0.len() <= HTML_BYTES)
        .unwrap_or_else(|| verbatim(source))
}

/// Renders Markdown that somebody is about to post.
///
/// # Errors
/// A sentence for the person who wrote it, if it would be too large as HTML.
pub fn bounded(source: &str) -> Result<Html, String> {
    match whole(source) {
        Some(html) if html.0.len() > HTML_BYTES => Err(format!(
            "On the page this would be {} kB of tables, links and marks; at most {} kB are shown. Post it in parts, or put it into a code block: a line of ``` before and after it.",
            html.0.len().div_ceil(1024),
            HTML_BYTES / 1024
        )),
        Some(html) => Ok(html),
        None => Ok(verbatim(source)),
    }
}

/// The text rendered; none if it is too long or too deep for that.
fn whole(source: &str) -> Option<Html> {
    if source.len() > LONGEST {
        return None;
    }
    let source = math::protected(source);
    let arena = Arena::new();
    let options = options();
    let root = parse_document(&arena, &source, &options);
    if is_deep(root) {
        return None;
    }
    // First all, then each: some are taken out of the tree.
    let nodes: Vec<Node<'_>> = root.descendants().collect();
    for node in nodes {
        prepare(&arena, node);
    }
    let mut rendered = String::new();
    format_html(root, &options, &mut rendered).ok()?;
    Some(Html(SANITIZER.clean(&rendered).to_string()))
}

/// Whether anything lies deeper than is rendered.
fn is_deep(root: Node<'_>) -> bool {
    let mut depth: usize = 0;
    root.traverse().any(|edge| {
        match edge {
            NodeEdge::Start(_) => depth += 1,
            NodeEdge::End(_) => depth -= 1,
        }
        depth > DEEPEST
    })
}

/// Makes of one part of a text what this site shows of it.
fn prepare<'a>(arena: &'a Arena<'a>, node: Node<'a>) {
    let value = node.data().value.clone();
    match value {
        // A page loads nothing from elsewhere: a picture becomes a link to it, or its words where it is one already.
        NodeValue::Image(picture) => {
            if node.children().next().is_none() {
                node.append(arena.alloc(NodeValue::Text("picture".into()).into()));
            }
            let linked = node
                .ancestors()
                .skip(1)
                .any(|outer| matches!(outer.data().value, NodeValue::Link(_)));
            match address(&picture.url).filter(|_| !linked) {
                Some(url) => {
                    node.data_mut().value = NodeValue::Link(Box::new(NodeLink { url, ..*picture }));
                }
                None => unwrap(node),
            }
        }
        NodeValue::Link(link) => match address(&link.url) {
            Some(url) => {
                node.data_mut().value = NodeValue::Link(Box::new(NodeLink { url, ..*link }));
            }
            None => {
                let typed = format!(" ({})", link.url);
                node.append(arena.alloc(NodeValue::Text(typed.into()).into()));
                unwrap(node);
            }
        },
        // A formula stays as it was typed, letter by letter.
        NodeValue::Math(formula) => {
            let marks = match (formula.dollar_math, formula.display_math) {
                (true, true) => "$$",
                (true, false) => "$",
                (false, _) => "",
            };
            node.data_mut().value = NodeValue::Code(NodeCode {
                num_backticks: 1,
                literal: format!("{marks}{}{marks}", formula.literal),
            });
        }
        // The page's own headings come first.
        NodeValue::Heading(mut heading) => {
            heading.level = (heading.level + 2).min(6);
            node.data_mut().value = NodeValue::Heading(heading);
        }
        _ => {}
    }
}

/// Leaves what is inside a node in its place.
fn unwrap(node: Node<'_>) {
    let inside: Vec<Node<'_>> = node.children().collect();
    for child in inside {
        node.insert_before(child);
    }
    node.detach();
}

/// Sections of this site that people name without the stroke before them.
const SECTIONS: [&str; 6] = [
    "works/",
    "claims/",
    "experiments/",
    "runs/",
    "comments/",
    "people/",
];

/// The address that a link leads to; none if it would lead nowhere.
fn address(typed: &str) -> Option<String> {
    let lower = typed.to_ascii_lowercase();
    let known = ["http://", "https://", "mailto:"];
    if known.iter().any(|scheme| lower.starts_with(scheme)) {
        return Some(typed.to_owned());
    }
    let here = typed.starts_with('#') || (typed.starts_with('/') && !typed.starts_with("//"));
    if here {
        return Some(typed.to_owned());
    }
    let section = SECTIONS.iter().any(|name| typed.starts_with(name));
    section.then(|| format!("/{typed}"))
}

/// The text as typed. Only what is read inside an element is escaped: a comment of quotes stays short.
fn verbatim(source: &str) -> Html {
    let text = source
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    Html(format!("<pre tabindex=\"0\">{text}</pre>"))
}

#[cfg(test)]
mod tests;
