//! `docs/examples.md` from top to bottom on a fresh board: each request is answered as it says there, and there is one for
//! each operation of REST.

use crate::support::{Site, a_worker};
use axum_test::TestServer;
use breakmywork::auth::{account::Role, token::Scope};
use breakmywork::config::Settings;
use breakmywork::mail::SmtpUrl;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::jobs::{self, Ending, FailureKind, Timing};
use serde_json::{Map, Value};
use sqlx::PgPool;
use std::collections::{BTreeMap, BTreeSet};

/// One request and what comes of it.
#[derive(Debug)]
struct Example {
    method: String,
    path: String,
    person: Option<String>,
    body: Option<Value>,
    status: u16,
    answer: Value,
}

/// What happens.
#[derive(Debug)]
enum Step {
    Asked(Box<Example>),
    Run,
    Fail,
}

fn steps() -> Vec<Step> {
    let page = std::fs::read_to_string("docs/examples.md").expect("the page");
    page.split("```http\n")
        .skip(1)
        .filter_map(|block| block.split("```").next())
        .flat_map(|block| block.trim().split("\n\n"))
        .map(step)
        .collect()
}

fn step(text: &str) -> Step {
    match text {
        "the workers run it" => return Step::Run,
        "the workers fail" => return Step::Fail,
        _ => {}
    }
    let json = |text: &str| {
        serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{error} in {text}"))
    };
    let mut lines = text.lines();
    let head = lines.next().expect("a request");
    let (head, person) = match head.split_once(" as ") {
        Some((head, person)) => (head, Some(person.to_owned())),
        None => (head, None),
    };
    let (method, path) = head.split_once(' ').expect("a method and a path");
    let mut line = lines.next().expect("an answer");
    let body = line.starts_with(['{', '"']).then(|| json(line));
    if body.is_some() {
        line = lines.next().expect("an answer");
    }
    assert_eq!(lines.next(), None, "too much in {text}");
    let (status, answer) = line.split_once(' ').unwrap_or((line, "{}"));
    Step::Asked(Box::new(Example {
        method: method.to_owned(),
        path: path.to_owned(),
        person,
        body,
        status: status
            .parse()
            .unwrap_or_else(|_| panic!("no status in {text}")),
        answer: json(answer),
    }))
}

/// What earlier answers had, by name.
#[derive(Debug, Default)]
struct Known(BTreeMap<String, Value>);

/// The name in `{name}`, if that is all there is.
fn name(text: &str) -> Option<&str> {
    let name = text.strip_prefix('{')?.strip_suffix('}')?;
    name.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        .then_some(name)
}

impl Known {
    /// With what is known in place of its names.
    fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.0 {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            text = text.replace(&format!("{{{name}}}"), &value);
        }
        text
    }

    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => match name(text).and_then(|name| self.0.get(name)) {
                Some(known) => known.clone(),
                None => self.text(text).into(),
            },
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Value::Object(fields) => {
                let filled = fields
                    .iter()
                    .map(|(key, value)| (key.clone(), self.filled(value)));
                filled.collect::<Map<_, _>>().into()
            }
            other => other.clone(),
        }
    }

    /// Whether the answer has what is expected of it; a name that is new is what stands there.
    fn fits(&mut self, expected: &Value, answer: &Value) -> bool {
        match (expected, answer) {
            (Value::String(text), _)
                if name(text).is_some_and(|name| !self.0.contains_key(name)) =>
            {
                let name = name(text).expect("a name").to_owned();
                !answer.is_null() && self.0.insert(name, answer.clone()).is_none()
            }
            (Value::Object(fields), Value::Object(_)) => fields.iter().all(|(key, expected)| {
                answer
                    .get(key)
                    .is_some_and(|answer| self.fits(expected, answer))
            }),
            (Value::Array(some), Value::Array(all)) => some
                .iter()
                .all(|expected| all.iter().any(|answer| self.fits(expected, answer))),
            (expected, answer) => self.filled(expected) == *answer,
        }
    }
}

/// An answer without what is another each time: numbers, hashes, times. Of a list the first.
fn shape(value: &Value) -> Value {
    match value {
        Value::Number(_) => "a number".into(),
        Value::String(text) => settled(text).into(),
        Value::Array(items) => items.first().map(shape).into_iter().collect(),
        Value::Object(fields) => {
            let shapes = fields
                .iter()
                .map(|(key, value)| (key.clone(), shape(value)));
            shapes.collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

fn settled(text: &str) -> String {
    let hash = |word: &str| {
        word.len() >= 32
            && word
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    };
    if text
        .split(|char: char| !char.is_ascii_alphanumeric() && char != '-')
        .any(hash)
    {
        return "a hash".to_owned();
    }
    if text.len() >= 20 && text.ends_with('Z') && text.as_bytes()[0].is_ascii_digit() {
        return "a time".to_owned();
    }
    let mut settled = String::new();
    for char in text.chars() {
        match char.is_ascii_digit() {
            true if settled.ends_with('0') => {}
            true => settled.push('0'),
            false => settled.push(char),
        }
    }
    settled
}

async fn fail_all(site: &Site) {
    let worker = a_worker(&site.pool).await;
    while let Some(lease) = jobs::take(&site.pool, worker, Timing::default())
        .await
        .expect("takes")
    {
        let ending = Ending::Failed {
            kind: FailureKind::OutOfMemory,
            error: "the memory is full".into(),
        };
        jobs::finish(&site.pool, &lease, ending, Timing::default())
            .await
            .expect("ends");
    }
}

/// Every operation of the description: its method and its path.
fn described() -> BTreeSet<(String, String)> {
    let description = serde_json::to_value(breakmywork::api::openapi()).expect("plain data");
    let paths = description["paths"].as_object().expect("paths").clone();
    paths
        .into_iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods").clone();
            methods
                .into_iter()
                .map(move |(method, _)| (method.to_uppercase(), path.clone()))
        })
        .collect()
}

/// Whether an address is one of an operation's.
fn is_of(address: &str, path: &str) -> bool {
    let address = address.split('?').next().unwrap_or_default();
    let (asked, parts): (Vec<_>, Vec<_>) =
        (address.split('/').collect(), path.split('/').collect());
    asked.len() == parts.len()
        && asked
            .iter()
            .zip(&parts)
            .all(|(asked, part)| part.starts_with('{') || asked == part)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_operation_has_an_example_that_works(pool: PgPool) {
    // A board that sends mail; nothing is sent here, since its chores do not run.
    let checkpoints = tempfile::tempdir().expect("a folder");
    let settings = Settings {
        checkpoint_dir: Some(checkpoints.path().to_owned()),
        smtp_url: Some(SmtpUrl::parse("smtp://127.0.0.1:25").expect("an address")),
        mail_from: Some("board@example.org".parse().expect("an address")),
        ..Settings::default()
    };
    let site = Site::with(pool, settings).await;
    site.widen("C2").await;
    let mut tokens = BTreeMap::new();
    for (name, role) in [
        ("ada", Role::Member),
        ("bob", Role::Member),
        ("nina", Role::Member),
        ("mona", Role::Moderator),
        ("boss", Role::Admin),
    ] {
        site.signed_in(name, role).await;
        let account = breakmywork::db::accounts::find(&site.pool, name).await;
        let account = account.expect("asks").expect("is there");
        tokens.insert(name.to_owned(), site.token(account.id, &Scope::ALL).await);
    }
    sqlx::query(
        "update account set created_at = now() - interval '30 days' where name in ('ada', 'bob')",
    )
    .execute(&site.pool)
    .await
    .expect("no newcomers");
    let server = TestServer::new(breakmywork::app(site.state.clone()));
    let mut known = Known::default();
    let spec = include_str!("../../examples/specs/fixed-or-fresh.toml");
    known.0.insert("spec".into(), spec.into());
    let mut missing = described();
    let mut answers = BTreeMap::new();
    for step in steps() {
        let example = match step {
            Step::Asked(example) => example,
            Step::Run => {
                site.train_all().await;
                continue;
            }
            Step::Fail => {
                fail_all(&site).await;
                continue;
            }
        };
        let method = example.method.parse().expect("a method");
        let mut request = server.method(method, &known.text(&example.path));
        if let Some(person) = &example.person {
            request = request.authorization_bearer(&tokens[person]);
        }
        request = match &example.body {
            // Text in quotes is sent as it is.
            Some(Value::String(text)) => request
                .bytes(text.clone().into())
                .content_type("application/octet-stream"),
            Some(body) => request.json(&known.filled(body)),
            None => request,
        };
        let answer = request.await;
        let told = format!("{} {}: {}", example.method, example.path, answer.text());
        assert_eq!(answer.status_code().as_u16(), example.status, "{told}");
        let body = match answer.as_bytes().is_empty() {
            true => Value::Object(Map::new()),
            false => {
                serde_json::from_slice(answer.as_bytes()).unwrap_or_else(|_| answer.text().into())
            }
        };
        assert!(
            known.fits(&example.answer, &body),
            "{} in {told}",
            example.answer
        );
        if example.method == "GET" && example.status == 200 {
            let operation =
                |(method, path): &&(String, String)| method == "GET" && is_of(&example.path, path);
            let path = described()
                .iter()
                .find(operation)
                .map(|(_, path)| path.clone());
            answers
                .entry(path.expect("an operation"))
                .or_insert_with(|| shape(&body));
        }
        missing.retain(|(method, path)| *method != example.method || !is_of(&example.path, path));
    }
    assert!(missing.is_empty(), "without an example: {missing:#?}");
    // One of each: what a change of them is, reviewers read.
    insta::assert_json_snapshot!("answers", answers);
}
