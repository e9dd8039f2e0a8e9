//! The documents of the repository that readers of the board need, as its pages.

use crate::{
    error::{Error, Result},
    extract::{Path, Visit},
    pages::{Cache, show},
    render::{html::Html, markdown::document},
};
use askama::Template;
use axum::response::Response;
use std::sync::LazyLock;

/// A document.
#[derive(Debug)]
struct Document {
    /// In the address.
    name: &'static str,
    /// Of the file.
    file: &'static str,
    /// What it tells.
    about: &'static str,
    source: &'static str,
}

macro_rules! documents {
    ($($name:literal $(= $file:literal)?, $about:literal;)*) => {
        const DOCUMENTS: &[Document] = &[$(documents!(@one $name $($file)?, $about)),*];
    };
    (@one $name:literal, $about:literal) => { documents!(@one $name $name, $about) };
    (@one $name:literal $file:literal, $about:literal) => {
        Document {
            name: $name,
            file: concat!($file, ".md"),
            about: $about,
            source: include_str!(concat!("../../../docs/", $file, ".md")),
        }
    };
}

documents! {
    "specification", "every field of an experiment, and every limit";
    "variants", "every kind of dropout, where it was published, and its formula";
    "verdict", "how a verdict comes about, and where a claim stands";
    "search", "searching for where a claim fails";
    "forecasts", "what members think beforehand, and how good they are at it";
    "following", "following, the inbox, feeds and mail";
    "webhooks", "being told of verdicts by signed requests, and checking them";
    "record", "what is on record, and how anybody checks it";
    "queue", "what waits, in which order, and what is promised";
    "worker", "workers that have a token instead of the database's password";
    "reproduction", "training a result again, what the numbers must be, and the commands that show it";
    "rest" = "api", "REST in words: tokens, pages, limits, versions, and what each thing means";
    "examples", "REST by example: each thing that a person can do, as a request";
    "operations", "running a board for others";
}

impl Document {
    fn title(&self) -> &'static str {
        let first = self.source.lines().next().unwrap_or_default();
        first.trim_start_matches("# ")
    }
}

/// Each rendered once.
static RENDERED: LazyLock<Vec<Html>> = LazyLock::new(|| {
    let render = |document: &Document| document::html(document.source, page_of);
    DOCUMENTS.iter().map(render).collect()
});

/// Where a file beside the documents is shown.
fn page_of(file: &str) -> Option<String> {
    let document = DOCUMENTS.iter().find(|document| document.file == file)?;
    Some(format!("/docs/{}", document.name))
}

#[derive(Debug, Template)]
#[template(path = "docs.html")]
struct Index {
    visit: Visit,
    documents: &'static [Document],
}

/// All of them, and what the words mean.
pub async fn index(visit: Visit) -> Result<Response> {
    let documents = DOCUMENTS;
    show(&Index { visit, documents }, Cache::Fresh)
}

#[derive(Debug, Template)]
#[template(path = "docs_document.html")]
struct Page {
    visit: Visit,
    document: &'static Document,
    html: &'static Html,
}

/// One of them.
pub async fn document(visit: Visit, Path(name): Path<String>) -> Result<Response> {
    let place = DOCUMENTS.iter().position(|document| document.name == name);
    let place = place.ok_or_else(|| {
        Error::NotFound("There is no such document; all are listed at /docs.".into())
    })?;
    let page = Page {
        visit,
        document: &DOCUMENTS[place],
        html: &RENDERED[place],
    };
    show(&page, Cache::Fresh)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_from_one_document_to_another_leads_there() {
        let mut followed = 0;
        for html in RENDERED.iter() {
            let links = html.to_string();
            for link in links.split("href=\"/docs/").skip(1) {
                let link = link.split('"').next().expect("an address");
                let (name, part) = link.split_once('#').unwrap_or((link, ""));
                let place = DOCUMENTS.iter().position(|document| document.name == name);
                let Some(place) = place else {
                    assert!(name.starts_with("api"), "{link}");
                    continue;
                };
                let there = RENDERED[place].to_string();
                let id = format!("id=\"{part}\"");
                assert!(part.is_empty() || there.contains(&id), "{link}");
                followed += 1;
            }
        }
        assert!(followed > 20, "{followed}");
    }
}
