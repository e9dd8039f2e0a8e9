//! HTML that is known to be safe, so that templates print it as it is.

use std::fmt;

/// Safe HTML. Whoever makes one has escaped what people typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Html(pub(in crate::render) String);

impl Html {
    /// HTML that was rendered here before and kept, in memory or in the database, which nobody else writes.
    pub fn kept(html: String) -> Self {
        Self(html)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Html {}
