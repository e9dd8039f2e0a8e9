//! What people wrote in Markdown, made safe for everybody else's browser.
//!
//! comrak parses, with raw HTML shown as text; ammonia then lets through only
//! what is listed here. Neither MathML nor SVG is ever on that list: with them
//! both published holes in ammonia would be open.

use super::html::Html;
use ammonia::Builder;
use comrak::{Arena, Options, format_html, nodes::NodeValue, parse_document};
use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

/// Longest text that is parsed; longer texts are refused on entry, so this only guards.
const LONGEST: usize = 64 * 1024;

/// Deepest nesting that is rendered; deeper texts are shown as typed.
const DEEPEST: usize = 60;

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
        .set_tag_attribute_values(HashMap::from([(
            "input",
            HashMap::from([("disabled", "")]),
        )]))
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
    // Raw HTML is shown as the text that it is.
    options.render.escape = true;
    options
}

/// Renders Markdown.
pub fn html(source: &str) -> Html {
    if source.len() > LONGEST || nesting(source) > DEEPEST {
        return verbatim(source);
    }
    let arena = Arena::new();
    let options = options();
    let root = parse_document(&arena, source, &options);
    for node in root.descendants() {
        let mut data = node.data_mut();
        match &mut data.value {
            // A page loads nothing from elsewhere: a picture becomes a link to it.
            NodeValue::Image(link) => {
                let link = link.clone();
                data.value = NodeValue::Link(link);
            }
            // The page's own headings come first.
            NodeValue::Heading(heading) => heading.level = (heading.level + 2).min(6),
            _ => {}
        }
    }
    let mut rendered = String::new();
    if format_html(root, &options, &mut rendered).is_err() {
        return verbatim(source);
    }
    Html(SANITIZER.clean(&rendered).to_string())
}

/// The text as typed.
fn verbatim(source: &str) -> Html {
    Html(format!("<pre>{}</pre>", ammonia::clean_text(source)))
}

/// An upper bound of how deep the text can nest: markers that open a level, at the start of a line or in a row.
fn nesting(source: &str) -> usize {
    let quotes = |line: &str| {
        line.chars()
            .take_while(|letter| {
                matches!(letter, '>' | ' ' | '\t' | '-' | '*' | '+' | '.' | ')')
                    || letter.is_ascii_digit()
            })
            .filter(|letter| matches!(letter, '>' | '-' | '*' | '+' | '.' | ')'))
            .count()
    };
    let lines = source.lines().map(quotes).max().unwrap_or(0);
    let indent = source
        .lines()
        .map(|line| {
            line.chars()
                .take_while(|letter| letter.is_whitespace())
                .count()
                / 2
        })
        .max()
        .unwrap_or(0);
    let mut brackets: usize = 0;
    let mut run: usize = 0;
    for letter in source.chars() {
        run = match letter {
            '[' | '*' | '_' | '~' => run + 1,
            _ => 0,
        };
        brackets = brackets.max(run);
    }
    lines.max(indent).max(brackets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn rendered(source: &str) -> String {
        html(source).to_string()
    }

    #[test]
    fn ordinary_text_is_rendered() {
        assert_eq!(
            rendered("# A *b*\n\n[c](https://example.org)"),
            "<h3>A <em>b</em></h3>\n<p><a href=\"https://example.org\" rel=\"nofollow ugc noopener noreferrer\">c</a></p>\n"
        );
        assert!(rendered("| a |\n|---|\n| 1 |").contains("<td>1</td>"));
        assert!(rendered("- [x] done").contains("type=\"checkbox\""));
    }

    #[test]
    fn nothing_typed_becomes_active() {
        for hostile in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "[a](javascript:alert(1))",
            "[a](JaVaScRiPt:alert(1))",
            "[a](data:text/html;base64,PHNjcmlwdD4=)",
            "[a](vbscript:x)",
            "<a href=\"javascript:x\">a</a>",
            "![a](https://evil.example/pixel.png)",
            "![a](x \"\" onerror=\"alert(1))",
            "<svg onload=alert(1)>",
            "<math><mtext><script>alert(1)</script></mtext></math>",
            "`<script>`",
            "```html\" onclick=\"x\n<script>\n```",
            "<!-- --><style>*{display:none}</style>",
            "<iframe src=//evil.example></iframe>",
            "<https://a\"onmouseover=alert(1)>",
            "[a]: javascript:x\n[a]",
            "<form action=//evil><input type=submit>",
        ] {
            let html = rendered(hostile);
            let tags = html
                .split('<')
                .skip(1)
                .map(|tag| tag.split('>').next().unwrap_or(""));
            for tag in tags {
                let name = tag.trim_start_matches('/').split(' ').next().unwrap_or("");
                assert!(
                    !["script", "img", "svg", "math", "style", "iframe", "form"].contains(&name),
                    "{hostile} gave {html}"
                );
                let lower = tag.to_lowercase();
                assert!(
                    ![
                        "javascript:",
                        "data:",
                        "vbscript:",
                        " on",
                        " style",
                        " class",
                        " id="
                    ]
                    .iter()
                    .any(|bad| lower.contains(bad)),
                    "{hostile} gave {html}"
                );
            }
        }
    }

    #[test]
    fn pictures_become_links() {
        assert!(
            rendered("![curve](https://example.org/a.png)")
                .contains("<a href=\"https://example.org/a.png\"")
        );
    }

    #[test]
    fn hostile_sizes_end_soon() {
        let start = Instant::now();
        for huge in [
            ">".repeat(20_000),
            "- ".repeat(10_000),
            "[".repeat(20_000),
            "*a ".repeat(6_000),
            "![".repeat(10_000),
            "a\n".repeat(10_000),
            "`".repeat(20_000),
            "<".repeat(20_000),
            (0..200)
                .map(|i| format!("{}- a\n", "  ".repeat(i)))
                .collect(),
            "x".repeat(1_000_000),
            "|a".repeat(5_000) + "\n" + &"|-".repeat(5_000),
        ] {
            let _ = html(&huge);
        }
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "{:?}",
            start.elapsed()
        );
    }
}
