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
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn formulas_stay_as_typed() {
    let html = rendered(
        r"The bound is $\hat{m}_{i} = \sum_{i} d_{i}$, \(a_1 * b_1 * c\) and

$$\underbrace{a}_{2} \\ \underbrace{b}_{2}$$",
    );
    for formula in [
        r"<code>$\hat{m}_{i} = \sum_{i} d_{i}$</code>",
        r"<code>\(a_1 * b_1 * c\)</code>",
        r"<code>$$\underbrace{a}_{2} \\ \underbrace{b}_{2}$$</code>",
    ] {
        assert!(html.contains(formula), "{formula} is not in {html}");
    }
    let align = "\\begin{align}\nh_t &= d_t \\\\\nc_t &= f_t\n\\end{align}";
    let shown = align.replace('&', "&amp;");
    assert!(rendered(align).contains(&shown), "{}", rendered(align));
    assert!(!rendered("from $5 to $10 and _that_").contains("<code>"));
}

#[test]
fn rules_and_indents_are_no_nesting() {
    let log = format!(
        "My **second** run, see [it](https://example.org):\n\n```\n{}\n| end\n{}x\n```\n\n{}\n\n{}\n",
        "-".repeat(89),
        " ".repeat(200),
        "*".repeat(100),
        "- ".repeat(70),
    );
    let html = rendered(&log);
    assert!(
        html.contains("<strong>second</strong>") && html.contains("<hr>"),
        "{html}"
    );
    // What is really deep is shown as typed.
    for deep in [
        "> ".repeat(70) + "a",
        "- ".repeat(70) + "a",
        "*a ".repeat(200) + &"a* ".repeat(200),
    ] {
        assert!(rendered(&deep).starts_with("<pre"), "{deep}");
    }
}

#[test]
fn links_lead_somewhere_or_are_none() {
    assert_eq!(
        rendered("[f](file:///etc/x) [r](runs/1) [p](//evil.example)"),
        "<p>f (file:///etc/x) <a href=\"/runs/1\" rel=\"nofollow ugc noopener noreferrer\">r</a> p (//evil.example)</p>\n"
    );
    // A picture in a link is the words of that link.
    assert_eq!(
        rendered("[![state of the build](https://img.example/b.svg)](https://example.org/b)"),
        "<p><a href=\"https://example.org/b\" rel=\"nofollow ugc noopener noreferrer\">state of the build</a></p>\n"
    );
    let unnamed = rendered("[![](https://img.example/b.svg)](https://example.org/b)");
    assert!(unnamed.contains(">picture</a>"), "{unnamed}");
}

#[test]
fn what_swells_is_refused_with_the_reason_and_shown_as_typed() {
    for bomb in [
        "|a|b|\n|-|-|\n".to_owned() + &"|x|y|\n".repeat(3_300),
        "a@b.c ".repeat(3_300),
    ] {
        let said = bounded(&bomb).expect_err("too large");
        assert!(said.contains("100 kB"), "{said}");
        assert!(rendered(&bomb).len() <= HTML_BYTES);
    }
    for fine in [
        "\"".repeat(20_000),
        "&".repeat(20_000),
        "\u{1f600}".repeat(15_000),
    ] {
        assert!(bounded(&fine).is_ok());
    }
}
