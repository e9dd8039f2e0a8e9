//! Documents that come with the program, as pages of the site. They are ours, so nothing is taken out of them.

use super::{options, unwrap};
use crate::render::html::Html;
use comrak::{
    Anchorizer, Arena,
    adapters::{HeadingAdapter, HeadingMeta},
    format_html_with_plugins,
    nodes::{Node, NodeValue, Sourcepos},
    options::Plugins,
    parse_document,
};
use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

/// Gives each heading the address that links between documents name it by.
#[derive(Default)]
struct Headings(Mutex<Anchorizer>);

impl HeadingAdapter for Headings {
    fn enter(
        &self,
        output: &mut dyn fmt::Write,
        heading: &HeadingMeta,
        _: Option<Sourcepos>,
    ) -> fmt::Result {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = known.anchorize(&heading.content);
        write!(output, "<h{} id=\"{id}\">", heading.level)
    }

    fn exit(&self, output: &mut dyn fmt::Write, heading: &HeadingMeta) -> fmt::Result {
        write!(output, "</h{}>", heading.level)
    }
}

/// Renders a document. `page` says where on the site another file of the repository is shown; a link to one that is not leaves
/// its words.
pub fn html(source: &str, page: impl Fn(&str) -> Option<String>) -> Html {
    let arena = Arena::new();
    let root = parse_document(&arena, source, &options());
    let nodes: Vec<Node<'_>> = root.descendants().collect();
    for node in nodes {
        let NodeValue::Link(mut link) = node.data().value.clone() else {
            continue;
        };
        match address(&link.url, &page) {
            Some(url) => {
                link.url = url;
                node.data_mut().value = NodeValue::Link(link);
            }
            None => unwrap(node),
        }
    }
    let headings = Headings::default();
    let mut plugins = Plugins::default();
    plugins.render.heading_adapter = Some(&headings);
    let mut html = String::new();
    // Writing to a text cannot fail.
    let _ = format_html_with_plugins(root, &options(), &mut html, &plugins);
    // What scrolls takes the keyboard, and a corner without words heads nothing.
    Html(
        html.replace("<pre>", "<pre tabindex=\"0\">")
            .replace("<th></th>", "<td></td>")
            .replace("<table>", "<div class=\"scroll\" tabindex=\"0\"><table>")
            .replace("</table>", "</table></div>"),
    )
}

fn address(url: &str, page: impl Fn(&str) -> Option<String>) -> Option<String> {
    if url.starts_with("https://") || url.starts_with('#') {
        return Some(url.to_owned());
    }
    let (file, place) = match url.split_once('#') {
        Some((file, place)) => (file, Some(place)),
        None => (url, None),
    };
    let page = page(file)?;
    Some(match place {
        Some(place) => format!("{page}#{place}"),
        None => page,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_pages_of_the_site_or_are_words() {
        let page = |file: &str| (file == "verdict.md").then(|| "/docs/verdict".to_owned());
        let shown = html(
            "# A *b* & c\n\n[in](verdict.md#kind--x), [out](../bench/README.md), [here](#a-b--c)\n\n|a||\n|-|-|\n|`<b>`||\n",
            page,
        );
        assert_eq!(
            shown.as_str(),
            "<h1 id=\"a-b--c\">A <em>b</em> &amp; c</h1>\n\
             <p><a href=\"/docs/verdict#kind--x\">in</a>, out, <a href=\"#a-b--c\">here</a></p>\n\
             <div class=\"scroll\" tabindex=\"0\"><table>\n<thead>\n<tr>\n<th>a</th>\n<td></td>\n</tr>\n</thead>\n<tbody>\n\
             <tr>\n<td><code>&lt;b&gt;</code></td>\n<td></td>\n</tr>\n</tbody>\n</table></div>\n"
        );
    }
}
