//! Parts of addresses.

use std::fmt::Write;

/// Escapes a text so that it can be one component of a query or path.
pub fn component(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// A path on this site to go on to, or the front page: never another site.
pub fn local(next: &str) -> &str {
    let inside = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        // What cannot stand in a header, or would be dropped from it by a browser.
        && next.bytes().all(|byte| byte.is_ascii_graphic());
    if inside { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_site_are_followed() {
        assert_eq!(local("/claims/2?a=b#c"), "/claims/2?a=b#c");
        for bad in [
            "",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/a\r\nb",
            "/a\tb",
            "/\u{0}",
            "/\u{b}",
            "/\u{7f}",
            "/a b",
            "/ä",
            "javascript:x",
        ] {
            assert_eq!(local(bad), "/", "{bad}");
        }
    }

    #[test]
    fn components_are_escaped() {
        assert_eq!(component("/a b?c=ü"), "%2Fa%20b%3Fc%3D%C3%BC");
    }
}
