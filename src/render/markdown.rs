//! What people wrote in Markdown, made safe for everybody else's browser.
//!
//! comrak parses, with raw HTML shown as text; ammonia then lets through only what is listed. Formulas never pass
//! through it: each leaves a mark that nobody can guess, and its MathML, which is held against a list of its own,
//! takes the mark's place afterwards.

use super::{html::Html, math};
use breakmywork_protocol::record::text_digest;
use comrak::{
    Arena, Options,
    arena_tree::NodeEdge,
    format_html,
    nodes::{Node, NodeLink, NodeMath, NodeValue},
    parse_document,
};
use formulas::Formulas;
use math_core::MathDisplay;
use references::{Known, Named};
use std::thread;

pub mod document;
mod footnotes;
mod formulas;
pub mod kept;
mod mathml;
pub mod references;
mod sanitizer;

/// Longest text that is parsed; longer texts are refused on entry, so this only guards.
const LONGEST: usize = 64 * 1024;

/// Deepest nesting that is rendered; deeper texts are shown as typed.
const DEEPEST: usize = 60;

/// Longest HTML of one text, in bytes: more than its text as typed could ever need, less than tables and links can be
/// made to swell to.
pub const HTML_BYTES: usize = 100 * 1024;

/// Grows by one with each change of what is rendered from the same text.
pub const VERSION: i16 = 2;

/// Stack of a rendering, in bytes: what is nested in a text is nested there, and running out of it would end the
/// server. What is not used is never given.
const STACK: usize = 32 * 1024 * 1024;

fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.extension.math_dollars = true;
    options.extension.math_code = true;
    // Raw HTML is shown as the text that it is.
    options.render.escape = true;
    options
}

/// Renders Markdown. What would be too deep or too large as HTML is shown as typed.
pub fn html(source: &str) -> Html {
    linked(source, &Known::default())
}

/// The same, with links to what it names and is known.
pub fn linked(source: &str, known: &Known) -> Html {
    whole(source, known)
        .filter(|html| html.0.len() <= HTML_BYTES)
        .unwrap_or_else(|| verbatim(source))
}

/// Renders Markdown that somebody is about to post.
///
/// # Errors
/// A sentence for the person who wrote it, if it would be too large as HTML.
pub fn bounded(source: &str, known: &Known) -> Result<Html, String> {
    match whole(source, known) {
        Some(html) if html.0.len() > HTML_BYTES => Err(format!(
            "On the page this would be {} kB of tables, formulas, links and marks; at most {} kB are shown. Post it in parts, or put it into a code block: a line of ``` before and after it.",
            html.0.len().div_ceil(1024),
            HTML_BYTES / 1024
        )),
        Some(html) => Ok(html),
        None => Ok(verbatim(source)),
    }
}

/// The experiments, claims and people that a text names outside of code, formulas and links, whether they exist or not.
pub fn named(source: &str) -> Named {
    apart(source, |source| {
        let arena = Arena::new();
        let root = parsed(&arena, source)?;
        let mut named = Named::default();
        let nodes: Vec<Node<'_>> = root.descendants().collect();
        for node in references::texts(&nodes) {
            if let NodeValue::Text(text) = &node.data().value {
                for (_, _, name) in references::names(text) {
                    named.add(name);
                }
            }
        }
        Some(named)
    })
    .unwrap_or_default()
}

/// The people whom a text mentions as `@name` outside of code, formulas and links, whether they exist or not; at most 30.
pub fn mentions(source: &str) -> Vec<String> {
    named(source).people.into_iter().collect()
}

/// The text rendered; none if it is too long or too deep for that.
fn whole(source: &str, known: &Known) -> Option<Html> {
    apart(source, |source| render(source, known))
}

/// Does work on a text with a stack of its own. A text that breaks the parser is worth as much as one that is too deep.
fn apart<T: Send>(source: &str, work: impl FnOnce(&str) -> Option<T> + Send) -> Option<T> {
    if source.len() > LONGEST {
        return None;
    }
    thread::scope(|scope| {
        let room = thread::Builder::new().stack_size(STACK);
        let done = room.spawn_scoped(scope, || work(source)).ok()?;
        done.join().ok()?
    })
}

fn parsed<'a>(arena: &'a Arena<'a>, source: &str) -> Option<Node<'a>> {
    let root = parse_document(arena, &math::protected(source), &options());
    (!is_deep(root)).then_some(root)
}

fn render(source: &str, known: &Known) -> Option<Html> {
    let arena = Arena::new();
    let root = parsed(&arena, source)?;
    // Whoever could write a mark would have to find a text that holds its own hash.
    let hash = text_digest(source);
    let mark = format!("formula{}", &hash[..32]);
    let mut formulas = Formulas::default();
    // First all, then each: some are taken out of the tree.
    let nodes: Vec<Node<'_>> = root.descendants().collect();
    footnotes::rename(&nodes, &hash);
    for &node in &nodes {
        prepare(&arena, node, &mut formulas, &mark);
    }
    let nodes: Vec<Node<'_>> = root.descendants().collect();
    for node in references::texts(&nodes) {
        references::link(&arena, node, known);
    }
    let mut rendered = String::new();
    format_html(root, &options(), &mut rendered).ok()?;
    set_in(&sanitizer::clean(&rendered), &formulas, &mark).map(Html)
}

/// The HTML with each formula in the place of its mark; none if it would be too large by far.
fn set_in(html: &str, formulas: &Formulas, mark: &str) -> Option<String> {
    let mut parts = html.split(mark);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (place, after) = part.split_once('.')?;
        out.push_str(formulas.get(place.parse().ok()?)?);
        out.push_str(after);
    }
    Some(out)
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
fn prepare<'a>(arena: &'a Arena<'a>, node: Node<'a>, formulas: &mut Formulas, mark: &str) {
    let mut marked = |tex: &str, typed: &str, display| {
        let place = formulas.add(tex, typed, display);
        NodeValue::Text(format!("{mark}{place}.").into())
    };
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
        NodeValue::Math(formula) => {
            let typed = as_typed(&formula);
            let display = match formula.display_math {
                true => MathDisplay::Block,
                false => MathDisplay::Inline,
            };
            node.data_mut().value = marked(&formula.literal, &typed, display);
        }
        NodeValue::CodeBlock(block) if block.info == "math" => {
            let tex = block.literal.trim();
            node.data_mut().value = NodeValue::Paragraph;
            node.append(arena.alloc(marked(tex, tex, MathDisplay::Block).into()));
        }
        // The page's own headings come first.
        NodeValue::Heading(mut heading) => {
            heading.level = (heading.level + 2).min(6);
            node.data_mut().value = NodeValue::Heading(heading);
        }
        _ => {}
    }
}

/// A formula with the marks around it.
fn as_typed(formula: &NodeMath) -> String {
    let literal = &formula.literal;
    match (formula.dollar_math, formula.display_math) {
        (true, true) => format!("$${literal}$$"),
        (true, false) => format!("${literal}$"),
        (false, _) => format!("\\({literal}\\)"),
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
mod hostile;
#[cfg(test)]
mod tests;
