//! Citations and reports, as other programs read them (pybtex, PyYAML, pylatexenc).

use crate::support::*;
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::io::Write;
use std::process::{Command, Stdio};

/// Text that means something in every one of the formats.
const HOSTILE: &str =
    "50% of $x_i & {y~ \\input{/etc/passwd} ^^5c: - [a](http://e.example) @misc{x, \"é\" <b> #1";

/// What another program finds in a file.
fn read(kind: &str, text: &str) -> Value {
    // Debian's Python, which has Debian's packages.
    let mut reader = Command::new("/usr/bin/python3")
        .args(["tests/data/read_citation.py", kind])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3-pybtex and python3-pylatexenc are installed");
    let mut input = reader.stdin.take().expect("a pipe");
    input.write_all(text.as_bytes()).expect("writes");
    drop(input);
    let output = reader.wait_with_output().expect("reads");
    assert!(output.status.success(), "{kind}: {text}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

async fn get(browser: &Browser, path: &str) -> String {
    let answer = browser.get(path).await;
    answer.assert_status_ok();
    assert!(answer.maybe_header("set-cookie").is_none(), "{path}");
    answer.text()
}

async fn with_hostile_words(site: &Site) {
    let words =
        "alter table experiment disable trigger user; alter table claim disable trigger user;";
    sqlx::raw_sql(words)
        .execute(&site.pool)
        .await
        .expect("allows");
    for update in [
        "update experiment set title = $1, prediction = $1",
        "update claim set sentence = $1",
        "update work set title = $1, citation = $1, authors = array['Gal, Yarin', 'Simon and Sons', $1]",
    ] {
        sqlx::query(update)
            .bind(HOSTILE)
            .execute(&site.pool)
            .await
            .expect(update);
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_verdict_and_a_claim_are_cited_as_other_programs_read_it(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    let reader = site.browser();
    let none = reader.get(&format!("{path}/cite.bib")).await;
    none.assert_status(StatusCode::NOT_FOUND);
    assert!(none.text().contains("has no verdict yet"));
    site.train_all().await;

    let bib = read("bib", &get(&reader, &format!("{path}/cite.bib")).await);
    let cited = &bib["breakmywork-experiment-1"];
    assert_eq!(cited["type"], "misc");
    assert_eq!(cited["authors"], json!(["{ada}"]));
    assert_eq!(
        cited["fields"]["url"],
        "http://127.0.0.1:8080/experiments/1"
    );
    assert!(
        cited["fields"]["year"]
            .as_str()
            .is_some_and(|year| year.starts_with("20"))
    );
    let note = cited["fields"]["note"].as_str().expect("a note");
    assert!(
        note.contains("Verdict: supported. Tests claim C2: "),
        "{note}"
    );
    let work = &bib["recurrent-dropout"];
    assert_eq!(work["authors"], json!(["Yarin Gal", "Zoubin Ghahramani"]));

    let cff = read("cff", &get(&reader, &format!("{path}/cite.cff")).await);
    assert_eq!(cff["cff-version"], "1.2.0");
    assert_eq!(cff["authors"], json!([{ "alias": "ada" }]));
    assert_eq!(cff["references"][0]["authors"][0]["name"], "Yarin Gal");
    let sha256 = cff["identifiers"][0]["value"].as_str().expect("a hash");
    assert!(ada.get(&path).await.text().contains(sha256));

    // A work is cited with its DOI; in CFF only with one that the format takes.
    assert!(work["fields"].get("doi").is_none());
    assert!(cff["references"][0].get("doi").is_none());
    for (doi, in_bib, in_cff) in [
        (
            "10.1109/5.771073",
            "10.1109/5.771073",
            json!("10.1109/5.771073"),
        ),
        (
            "10.1002/(SICI)15/16<1661::AID-SIM968>3.0.CO;2-2",
            "10.1002/(SICI)15/16<1661::AID-SIM968>3.0.CO;2-2",
            Value::Null,
        ),
        ("10.1000/a}{b\\_#%", "10.1000/a%7D%7Bb%5C_#%", Value::Null),
    ] {
        sqlx::query("update work set doi = $1 where slug = 'recurrent-dropout'")
            .bind(doi)
            .execute(&site.pool)
            .await
            .expect("has a DOI");
        let bib = read("bib", &get(&reader, &format!("{path}/cite.bib")).await);
        assert_eq!(bib["recurrent-dropout"]["fields"]["doi"], in_bib);
        let cff = read("cff", &get(&reader, &format!("{path}/cite.cff")).await);
        assert_eq!(cff["references"][0]["doi"], in_cff);
        assert_eq!(cff["references"][0]["year"], 2016);
    }

    let claim = format!("/claims/{}", site.claim("C2").await);
    let bib = read("bib", &get(&reader, &format!("{claim}/cite.bib")).await);
    assert!(
        bib.as_object().is_some_and(|entries| entries.len() == 2),
        "{bib}"
    );
    read("cff", &get(&reader, &format!("{claim}/cite.cff")).await);
    for page in [&path, &claim] {
        let text = ada.get(page).await.text();
        assert!(
            text.contains(&format!("{page}/cite.bib"))
                && text.contains(&format!("{page}/cite.cff"))
        );
    }
}

/// Its author says under which DOI a copy of the result lies; nobody else does, and not before there is a result.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_result_is_cited_by_the_doi_of_its_copy_in_an_archive(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let bob = site.signed_in("bob", Role::Member).await;
    let boss = site.signed_in("boss", Role::Admin).await;
    let path = ada.registered(&site).await;
    let asked = format!("{path}/doi");
    let deposit = |doi: &'static str| [("doi", doi)];
    let early = ada.post(&asked, &deposit("10.5281/zenodo.1")).await;
    early.assert_status(StatusCode::CONFLICT);
    assert!(early.text().contains("has no verdict yet"));
    site.train_all().await;

    assert!(ada.get(&path).await.text().contains(&asked));
    for other in [&bob, &site.browser()] {
        assert!(!other.get(&path).await.text().contains(&asked));
    }
    for answer in [
        bob.get(&asked).await,
        bob.post(&asked, &deposit("10.5281/zenodo.1")).await,
    ] {
        answer.assert_status(StatusCode::FORBIDDEN);
    }
    for wrong in [
        "zenodo.1",
        "10.5281/",
        "10.5281/a b",
        "javascript:alert(1)",
        "10.1/\u{202e}x",
    ] {
        let answer = ada.post(&asked, &deposit(wrong)).await;
        answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        let text = answer.text();
        assert!(text.contains("A DOI looks like"), "{wrong}");
        assert!(text.contains("value=\""), "what was typed stays: {wrong}");
    }

    let reader = site.browser();
    let said = ada
        .post(&asked, &deposit("https://doi.org/10.5281/zenodo.1<2>\"3"))
        .await;
    said.assert_status(StatusCode::SEE_OTHER);
    let page = reader.get(&path).await.text();
    assert!(
        page.contains("https://doi.org/10.5281/zenodo.1%3C2%3E%223"),
        "{page}"
    );
    let bib = read("bib", &get(&reader, &format!("{path}/cite.bib")).await);
    assert!(bib["breakmywork-experiment-1"]["fields"]["doi"].is_string());
    let cff = read("cff", &get(&reader, &format!("{path}/cite.cff")).await);
    assert!(cff.get("doi").is_none(), "its schema knows no such letters");

    let later = boss.post(&asked, &deposit("10.5281/zenodo.1234567")).await;
    later.assert_status(StatusCode::SEE_OTHER);
    let bib = read("bib", &get(&reader, &format!("{path}/cite.bib")).await);
    let cited = &bib["breakmywork-experiment-1"]["fields"];
    assert_eq!(cited["doi"], "10.5281/zenodo.1234567");
    let cff = read("cff", &get(&reader, &format!("{path}/cite.cff")).await);
    assert_eq!(cff["doi"], "10.5281/zenodo.1234567");
    let experiment: Value = get(&reader, &format!("/api/v1{path}"))
        .await
        .parse()
        .expect("JSON");
    assert_eq!(experiment["doi"], "10.5281/zenodo.1234567");

    // Once on record, however often it is said.
    let again = boss.post(&asked, &deposit("10.5281/zenodo.1234567")).await;
    again.assert_status(StatusCode::SEE_OTHER);
    ada.post(&asked, &deposit(" "))
        .await
        .assert_status(StatusCode::SEE_OTHER);
    let record = get(&reader, "/record").await;
    for (words, times) in [
        (
            "result said to be deposited as 10.5281/zenodo.1234567 by boss",
            1,
        ),
        ("result said to be deposited nowhere by ada", 1),
    ] {
        assert_eq!(record.matches(words).count(), times, "{words}: {record}");
    }
    let bib = read("bib", &get(&reader, &format!("{path}/cite.bib")).await);
    assert!(
        bib["breakmywork-experiment-1"]["fields"]
            .get("doi")
            .is_none()
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn hostile_words_stay_words_in_every_format(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = ada.registered(&site).await;
    site.train_all().await;
    with_hostile_words(&site).await;
    let claim = format!("/claims/{}", site.claim("C2").await);
    let reader = site.browser();
    for page in [&path, &claim] {
        let bib = read("bib", &get(&reader, &format!("{page}/cite.bib")).await);
        let entries = bib.as_object().expect("entries");
        assert_eq!(entries.len(), 2, "{bib}");
        let work = &bib["recurrent-dropout"];
        assert_eq!(work["authors"].as_array().map(Vec::len), Some(3), "{work}");
        let cff = read("cff", &get(&reader, &format!("{page}/cite.cff")).await);
        assert_eq!(cff["title"], HOSTILE);
        assert_eq!(cff["references"][0]["authors"][2]["name"], HOSTILE);
    }
    let tex = read("tex", &get(&reader, &format!("{claim}/report.tex")).await);
    let commands = tex["commands"].as_array().expect("commands");
    for command in commands {
        let command = command.as_str().expect("a name");
        let ours = [
            "documentclass",
            "usepackage",
            "ifPDFTeX",
            "fi",
            "title",
            "author",
            "date",
            "maketitle",
            "noindent",
            "emph",
            "texttt",
            "textbf",
            "small",
            "footnotesize",
            "sloppy",
            "allowbreak",
            "ensuremath",
            "ttfamily",
            "section",
            "subsection",
            "item",
            "\\",
            "$",
            "&",
            "#",
            "%",
            "_",
        ];
        assert!(
            ours.contains(&command) || command.starts_with("text"),
            "{command}"
        );
    }
    let text = tex["text"].as_str().expect("text");
    assert!(
        text.contains("50% of $x_i & y~ \\input/etc/passwd"),
        "{text}"
    );

    let markdown = get(&reader, &format!("{claim}/report.md")).await;
    let html = breakmywork::render::markdown::html(&markdown).to_string();
    assert!(
        !html.contains("e.example\"") && !html.contains("<b>"),
        "{html}"
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_report_has_what_it_takes_to_check_a_claim(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let claim = format!("/claims/{}", site.claim("C2").await);
    let reader = site.browser();
    assert!(
        get(&reader, &format!("{claim}/report.md"))
            .await
            .contains("There is none yet.")
    );
    let fields = [("title", "The zanzibar plan"), ("seal_days", "30")];
    let path = location(&ada.propose(&site, &fields).await);
    ada.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    let sealed = get(&reader, &format!("{claim}/report.md")).await;
    assert!(!sealed.contains("zanzibar"), "{sealed}");
    site.train_all().await;
    let page = ada.get(&path).await.text();
    let seeds = page
        .split(" --seed ")
        .nth(1)
        .and_then(|rest| rest.split('<').next());
    let seeds = seeds.expect("seeds");
    for format in ["md", "tex"] {
        let text = get(&reader, &format!("{claim}/report.{format}")).await;
        if format == "tex" {
            // What pdflatex takes as it is: Latin letters, and the punctuation of its own encoding.
            let strange = |char: &char| *char >= '\u{180}' && !"“”‘’–—…".contains(*char);
            assert_eq!(text.chars().find(strange), None, "{text}");
        }
        let text = text.replace("\\allowbreak{}", "");
        for part in [
            "The zanzibar plan",
            "supported",
            seeds,
            "experiments/1/spec.toml",
            "8 seeds",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let sha256 = text
            .split(|char: char| !char.is_ascii_hexdigit())
            .find(|word| word.len() == 64);
        assert!(page.contains(sha256.expect("a hash")), "{text}");
    }
    reader
        .get("/claims/99/report.md")
        .await
        .assert_status(StatusCode::NOT_FOUND);
}
