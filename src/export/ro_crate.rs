//! An experiment as a research object: what `ro-crate-metadata.json` of its bundle says (RO-Crate 1.1,
//! <https://w3id.org/ro/crate/1.1>).

use crate::config::Settings;
use crate::db::experiments::Experiment;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// Name of the description in a crate.
pub const NAME: &str = "ro-crate-metadata.json";

/// A file of a bundle.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// Its name.
    pub name: &'static str,
    /// What is in it.
    pub about: &'static str,
    /// Its media type.
    pub kind: &'static str,
}

/// The description of a bundle that holds these files.
pub fn description(
    experiment: &Experiment,
    files: &[File],
    settings: &Settings,
    now: DateTime<Utc>,
) -> Value {
    let address = settings.address(&experiment.address());
    let author = settings.address(&format!("/people/{}", experiment.author));
    let claim = settings.address(&format!("/claims/{}", experiment.claim));
    let at = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let published = experiment.concluded_at.or(experiment.registered_at);
    let state = match &experiment.outcome {
        Some(outcome) => format!("Its verdict is {outcome}."),
        None => format!("It is {} and has no verdict.", experiment.state),
    };
    let mut graph = vec![
        json!({
            "@id": NAME,
            "@type": "CreativeWork",
            "conformsTo": { "@id": "https://w3id.org/ro/crate/1.1" },
            "about": { "@id": "./" },
        }),
        json!({
            "@id": "./",
            "@type": "Dataset",
            "name": experiment.title,
            "description": format!("{} {state}", experiment.prediction),
            "datePublished": at(published.unwrap_or(experiment.created_at)),
            "dateModified": at(now),
            "identifier": experiment.doi.as_ref().map_or(address.clone(), |doi| format!("https://doi.org/{doi}")),
            "url": address,
            "license": { "@id": "#no-licence" },
            "author": { "@id": author },
            "publisher": { "@id": settings.address("/") },
            "about": { "@id": claim },
            "hasPart": files.iter().map(|file| json!({ "@id": file.name })).collect::<Vec<_>>(),
        }),
        json!({
            "@id": "#no-licence",
            "@type": "CreativeWork",
            "name": "No licence is stated",
            "description": "What members of the board write stays theirs. Ask the author before you publish the text again.",
        }),
        json!({ "@id": author, "@type": "Person", "name": experiment.author }),
        json!({ "@id": settings.address("/"), "@type": "Organization", "name": "Break My Work", "url": settings.address("/") }),
        json!({ "@id": claim, "@type": "CreativeWork", "name": format!("Claim {}", experiment.claim_label), "text": experiment.claim_sentence }),
    ];
    graph.extend(files.iter().map(|file| {
        json!({
            "@id": file.name,
            "@type": "File",
            "name": file.name,
            "description": file.about,
            "encodingFormat": file.kind,
        })
    }));
    json!({ "@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph })
}
