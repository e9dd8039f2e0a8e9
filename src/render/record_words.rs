//! Entries of the record in words, for people.

use breakmywork_protocol::record::Entry;
use serde_json::Value;

/// Where what an entry is about is to be seen, if it has a page of its own that everybody may read.
pub fn address(entry: &Entry) -> Option<String> {
    let id = entry.subject_id;
    // What stays off the board has no page for everybody.
    let stays_off = || {
        let body = serde_json::from_str::<Value>(&entry.body);
        body.is_ok_and(|body| body["act"] == "declined")
    };
    match (entry.subject.as_str(), id) {
        ("claim" | "work", Some(_)) if stays_off() => None,
        ("claim", Some(id)) => Some(format!("/claims/{id}")),
        ("experiment", Some(id)) => Some(format!("/experiments/{id}")),
        ("run", Some(id)) => Some(format!("/runs/{id}")),
        ("comment", Some(id)) => Some(format!("/comments/{id}")),
        ("queue", None) => Some("/queue".to_owned()),
        _ => None,
    }
}

/// What an entry is about.
pub fn subject(entry: &Entry) -> String {
    match entry.subject_id {
        Some(id) => format!("{} {id}", entry.subject),
        None => entry.subject.clone(),
    }
}

/// What an entry tells.
pub fn told(entry: &Entry) -> String {
    let body: Value = serde_json::from_str(&entry.body).unwrap_or_default();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let by = match body["by"]["name"].as_str() {
        Some(name) => format!(" by {name}"),
        None => " on the command line".to_owned(),
    };
    let words = match entry.kind.as_str() {
        "claim" => "came onto the board".to_owned(),
        "registration" if body["sealed"] == true => {
            let author = body["author"]["name"].as_str().unwrap_or_default();
            format!("registered sealed by {author}")
        }
        "opening" => "opened".to_owned(),
        "registration" => {
            let exploratory = body["exploratory"] == true;
            let how = if exploratory { " as exploratory" } else { "" };
            let author = body["author"]["name"].as_str().unwrap_or_default();
            format!("registered{how} by {author}")
        }
        "conclusion" => match body["outcome"].as_str() {
            Some(outcome) => format!("concluded: {outcome}"),
            None => "concluded without a verdict".to_owned(),
        },
        _ => {
            if body["act"] == "tuned" {
                return "the arms chose their settings, by the runs of their trials".to_owned();
            }
            if body["act"] == "volunteer_contradicted" {
                let run = body["run"].as_i64().unwrap_or_default();
                return format!(
                    "as a volunteer contradicted by a worker of the board’s own, for run {run}"
                );
            }
            let act = match body["author"]["name"].as_str() {
                Some(author) => format!("author named: {author}"),
                None if body["act"] == "deposited" => match body["doi"].as_str() {
                    Some(doi) => format!("result said to be deposited as {doi}"),
                    None => "result said to be deposited nowhere".to_owned(),
                },
                None => match body["rival"].as_i64() {
                    Some(rival) => format!("{} (claim {rival})", text("act").replace('_', " ")),
                    None => text("act").replace('_', " "),
                },
            };
            match text("reason") {
                reason if reason.is_empty() => format!("{act}{by}"),
                reason => format!("{act}{by}: {reason}"),
            }
        }
    };
    match body["backfilled"] == true {
        true => format!("{words} (before the record began)"),
        false => words,
    }
}
