//! MathML as it may stand on a page: elements, attributes and classes that are listed here, and nothing else.
//!
//! The converter writes styles into attributes, which the site's policy forbids; those that matter become classes of
//! the stylesheet.

/// Elements of a formula; in its words those of running text. Not `menclose`, which browsers draw without its stroke: what
/// is cancelled would stand there as if it were not.
const ELEMENTS: [&str; 33] = [
    "math",
    "semantics",
    "annotation",
    "mrow",
    "mi",
    "mn",
    "mo",
    "ms",
    "mtext",
    "mspace",
    "mfrac",
    "msqrt",
    "mroot",
    "msub",
    "msup",
    "msubsup",
    "munder",
    "mover",
    "munderover",
    "mmultiscripts",
    "mprescripts",
    "mtable",
    "mtr",
    "mtd",
    "mpadded",
    "mphantom",
    "b",
    "i",
    "em",
    "code",
    "s",
    "u",
    "span",
];

/// Attributes of theirs that say how a formula is set.
const ATTRIBUTES: [&str; 26] = [
    "accent",
    "accentunder",
    "columnspan",
    "depth",
    "display",
    "displaystyle",
    "encoding",
    "fence",
    "form",
    "height",
    "largeop",
    "linethickness",
    "lspace",
    "mathvariant",
    "maxsize",
    "minsize",
    "movablelimits",
    "rowspan",
    "rspace",
    "scriptlevel",
    "separator",
    "stretchy",
    "symmetric",
    "voffset",
    "width",
    "columnalign",
];

/// What the stylesheet has a class for.
const CLASSES: [(&str, &str); 17] = [
    ("text-align:left", "tex-left"),
    ("text-align:right", "tex-right"),
    ("padding-left:0", "tex-close"),
    ("padding-right:0", "tex-closed"),
    ("padding-left:1em", "tex-apart"),
    ("padding-left:0.1667em", "tex-thin"),
    ("padding-left:0.2222em", "tex-thin"),
    ("padding-left:0.2778em", "tex-thin"),
    ("padding-right:0.1667em", "tex-thinly"),
    ("padding-right:0.2222em", "tex-thinly"),
    ("padding-right:0.2778em", "tex-thinly"),
    ("margin-left:-0.1667em", "tex-back"),
    ("border-top:0.05em solid currentcolor", "tex-over"),
    ("border-top:0.05em dashed currentcolor", "tex-over"),
    ("border-left:0.05em solid currentcolor", "tex-before"),
    ("border-right:0.05em solid currentcolor", "tex-after"),
    ("font-variant-caps:small-caps", "tex-caps"),
];

/// The MathML again, of what is listed here alone; none if it has another element or is not whole.
pub(super) fn checked(mathml: &str) -> Option<String> {
    let mut out = String::with_capacity(mathml.len());
    let mut rest = mathml;
    let mut open: Vec<&str> = Vec::new();
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(closed) = rest.strip_prefix('/') {
            let (name, after) = closed.split_once('>')?;
            if open.pop()? != name {
                return None;
            }
            out.push_str("</");
            out.push_str(name);
            out.push('>');
            rest = after;
            continue;
        }
        let (name, after) = word(rest);
        if !ELEMENTS.contains(&name) {
            return None;
        }
        out.push('<');
        out.push_str(name);
        let (ends_here, after) = attributes(&mut out, after)?;
        out.push_str(if ends_here { "/>" } else { ">" });
        if !ends_here {
            open.push(name);
        }
        rest = after;
    }
    out.push_str(rest);
    open.is_empty().then_some(out)
}

/// Copies the attributes that are listed; says whether the element ends with its tag, and what follows.
fn attributes<'a>(out: &mut String, mut rest: &'a str) -> Option<(bool, &'a str)> {
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix("/>") {
            return Some((true, after));
        }
        if let Some(after) = rest.strip_prefix('>') {
            return Some((false, after));
        }
        let (name, after) = word(rest);
        let (value, after) = after.strip_prefix("=\"")?.split_once('"')?;
        if name.is_empty() {
            return None;
        }
        rest = after;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" .-+%/".contains(&byte);
        if name == "style" {
            let classes = classes(value);
            if !classes.is_empty() {
                out.push_str(&format!(" class=\"{}\"", classes.join(" ")));
            }
        } else if ATTRIBUTES.contains(&name) && value.bytes().all(plain) {
            out.push_str(&format!(" {name}=\"{value}\""));
        }
    }
}

/// The classes that stand for a style; what has none is left out.
fn classes(style: &str) -> Vec<&'static str> {
    let declared = style.split(';').map(|one| one.trim().replace(": ", ":"));
    let class = |one: String| CLASSES.iter().find(|(declaration, _)| *declaration == one);
    declared
        .filter_map(class)
        .map(|(_, class)| *class)
        .collect()
}

/// The letters, digits and hyphens at the beginning, and what follows.
fn word(text: &str) -> (&str, &str) {
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '-';
    text.split_at(text.find(|char| !is_part(char)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_passes_but_what_is_listed() {
        let kept = "<math display=\"block\"><mtd class=\"tex-right tex-closed\"><mi>a</mi></mtd><mspace width=\"1em\"/></math>";
        let styled = "<math display=\"block\"><mtd style=\"text-align: right;justify-items: end;padding-right: 0;\" id=\"x\" onclick=\"y\"><mi>a</mi></mtd><mspace width=\"1em\"/></math>";
        assert_eq!(checked(styled).as_deref(), Some(kept));
        for hostile in [
            "<math><script>x</script></math>",
            "<math><mtext><img src=x></mtext></math>",
            "<math><mtext><a href=\"javascript:x\">y</a></mtext></math>",
            "<math><annotation-xml encoding=\"text/html\"></annotation-xml></math>",
            "<math><mi>a</math></mi>",
            "<math><mi>a</mi>",
            "<math><mi onclick=x>a</mi></math>",
            "<math><mi <script>a</mi></math>",
            "</math>",
            "<!-- <math>",
        ] {
            assert_eq!(checked(hostile), None, "{hostile}");
        }
        assert_eq!(
            checked("<math href=\"x\" width=\"&quot;\"></math>").as_deref(),
            Some("<math></math>")
        );
    }
}
