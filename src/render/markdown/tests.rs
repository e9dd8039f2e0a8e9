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
fn cells_stand_where_their_column_says() {
    let html =
        rendered("| a | b | c | d |\n|:--|:-:|--:|---|\n| 1 | 2 | `<td align=\"right\">` | 4 |\n");
    for cell in [
        "<th>a</th>",
        "<th class=\"center\">b</th>",
        "<td class=\"right\"><code>&lt;td align=\"right\"&gt;</code></td>",
        "<td>4</td>",
    ] {
        assert!(html.contains(cell), "{cell} in {html}");
    }
    assert!(!html.contains("<td align"), "{html}");
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
        "$x$".repeat(6_000),
        "$".repeat(20_000),
        "[^a]".repeat(4_000) + "\n\n[^a]: b",
        "$'$ ".repeat(5_000),
        format!("${}$", "'".repeat(3_900)),
        "#1 C2 @abc ".repeat(1_800),
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
fn formulas_are_set_as_mathml() {
    let html = rendered(
        r"The bound is $\hat{m}_{i} = \sum_{i} d_{i}$, \(a_1 * b_1 * c\) and

$$\underbrace{a}_{2} + \underbrace{b}_{2}$$",
    );
    assert_eq!(html.matches("<math>").count(), 2, "{html}");
    assert_eq!(
        html.matches("<math display=\"block\">").count(),
        1,
        "{html}"
    );
    assert!(!html.contains("<em>") && !html.contains('$'), "{html}");
    assert!(
        rendered("$x_i$").contains(
            "<msub><mi>x</mi><mi>i</mi></msub><annotation encoding=\"application/x-tex\">x_i</annotation>"
        ),
        "{}",
        rendered("$x_i$")
    );
    assert!(!rendered("from $5 to $10 and _that_").contains("<math"));
}

#[test]
fn formulas_on_lines_of_their_own_are_no_lists() {
    for typed in [
        "$$\na\n+ b\n= c\n$$",
        "\\[\na\n- b\n\\]",
        "\\begin{align}\nh_t &= d_t \\\\\n+ c_t &= f_t\n\\end{align}",
        "```math\na\n+ b\n```",
    ] {
        let html = rendered(typed);
        assert!(
            html.contains("<span class=\"formula\" tabindex=\"0\"><math display=\"block\">"),
            "{html}"
        );
        assert!(!html.contains("<li>") && !html.contains("<h"), "{html}");
        assert!(!html.contains(" style=") && !html.contains("(1)"), "{html}");
    }
}

#[test]
fn what_is_no_tex_is_shown_as_typed_with_the_reason() {
    assert_eq!(
        rendered(r"$\unknown{<b>}$"),
        "<p><code class=\"tex\" title=\"TeX: Unknown command &quot;\\unknown&quot;.\">$\\unknown{&lt;b&gt;}$</code></p>\n"
    );
    assert!(rendered(r"$\href{javascript:x}{y}$").contains("<code"));
    assert!(rendered(r"$\cancel{x}$").contains("holds what is not set here"));
    assert!(rendered(&"$x$ ".repeat(205)).contains("Only the first 200 formulas"));
    let long = format!("${}$", "x+".repeat(2_100));
    assert!(rendered(&long).contains("at most 4000 bytes"));
}

/// Each of these once ended a process that gave the converter the stack that threads have.
#[test]
fn formulas_that_nest_do_not_end_the_server() {
    let within = |open: &str, close: &str, times: usize| {
        format!("${}x{}$", open.repeat(times), close.repeat(times))
    };
    for typed in [
        within("{", "}", 400),
        within(r"\sqrt{", "}", 200),
        within(r"\left(", r"\right)", 200),
        within(r"\begin{matrix}", r"\end{matrix}", 100),
        within(r"\sqrt", "", 399),
        within(r"\frac", "", 400),
        within(r"\hat", "", 399),
        within(r"\displaystyle a", "", 400),
        within(r"\color{red}", "", 200),
        within(r"\sqrt[", "", 400),
        within("{", "}", 2_000),
    ] {
        let html = rendered(&typed);
        assert!(html.contains("<math") || html.contains("<code"), "{typed}");
    }
}

#[test]
fn footnotes_of_two_texts_have_ids_of_their_own() {
    let ids = |text: &str| -> Vec<String> {
        let html = rendered(text);
        let ids = html.split(" id=\"").skip(1);
        ids.map(|rest| rest.split('"').next().unwrap_or_default().to_owned())
            .collect()
    };
    let first = "It is so.[^a] And so.[^a] But[^b]\n\n[^a]: Says **who**?\n[^b]: x";
    let html = rendered(first);
    let own = ids(first);
    assert_eq!(own.len(), 5, "{html}");
    for id in own.iter().filter(|id| id.starts_with("fn-")) {
        assert!(html.contains(&format!("href=\"#{id}\"")), "{html}");
    }
    let other = ids(&first.replace("so", "not so"));
    assert!(own.iter().all(|id| !other.contains(id)));
    assert!(
        html.contains("<section>") && html.contains("<strong>who</strong>"),
        "{html}"
    );
}

#[test]
fn names_of_what_is_there_become_links() {
    let known = Known {
        experiments: [12].into(),
        claims: [("C3".to_owned(), 7)].into(),
        people: ["ada".to_owned(), "a_b_c".to_owned()].into(),
        numbers: Default::default(),
    };
    let text = "#12 and #13, **C3** and C4, @ada @a_b_c @eve; `#12` [see #12](/x) $C_3$ a@ada.org";
    let html = linked(text, &known).to_string();
    for link in [
        "<a href=\"/experiments/12\" rel=\"nofollow ugc noopener noreferrer\">#12</a> and #13, ",
        "<strong><a href=\"/claims/7\" rel=\"nofollow ugc noopener noreferrer\">C3</a></strong> and C4, ",
        "<a href=\"/people/ada\" rel=\"nofollow ugc noopener noreferrer\">@ada</a> ",
        "<a href=\"/people/a_b_c\" rel=\"nofollow ugc noopener noreferrer\">@a_b_c</a> @eve; ",
        "<code>#12</code> ",
        ">see #12</a>",
    ] {
        assert!(html.contains(link), "{link} is not in {html}");
    }
    assert_eq!(html.matches("/experiments/12").count(), 1, "{html}");
    let named = named(text);
    assert_eq!(named.experiments, [12, 13].into());
    assert_eq!(named.claims, ["C3".to_owned(), "C4".to_owned()].into());
    assert_eq!(mentions(text), ["a_b_c", "ada", "eve"]);
    let many: String = (100..200).map(|number| format!("@name{number} ")).collect();
    assert_eq!(mentions(&many).len(), 30);
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
        let said = bounded(&bomb, &Known::default()).expect_err("too large");
        assert!(said.contains("100 kB"), "{said}");
        assert!(rendered(&bomb).len() <= HTML_BYTES);
    }
    for fine in [
        "\"".repeat(20_000),
        "&".repeat(20_000),
        "\u{1f600}".repeat(15_000),
    ] {
        assert!(bounded(&fine, &Known::default()).is_ok());
    }
}
