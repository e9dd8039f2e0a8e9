//! A registration as an in-toto statement (Statement v1: <https://github.com/in-toto/attestation>).
//!
//! The subject is the frozen specification by its SHA-256; the predicate says what the record says of its registration.
//! The statement is not signed: who wants that wraps it in an envelope of their own.

use crate::config::Settings;
use crate::db::frozen::Frozen;
use breakmywork_protocol::record::{Entry, exact_time};
use serde_json::{Value, json};

/// Media type of a statement.
pub const MEDIA_TYPE: &str = "application/vnd.in-toto+json";

/// The statement. What predicate it makes is told at the predicate type's own address, on the page of the record.
pub fn statement(frozen: &Frozen, entry: Option<&Entry>, settings: &Settings) -> Value {
    let experiment = settings.address(&format!("/experiments/{}", frozen.id));
    let body = entry.and_then(|entry| serde_json::from_str::<Value>(&entry.body).ok());
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{
            "name": format!("experiment-{}/spec.json", frozen.id),
            "uri": format!("{experiment}/spec.json"),
            "mediaType": "application/json",
            "digest": { "sha256": frozen.sha256 },
        }],
        "predicateType": settings.address("/record#registration-v1"),
        "predicate": {
            "experiment": experiment,
            "claim": {
                "uri": settings.address(&format!("/claims/{}", frozen.claim)),
                "sentence": frozen.claim_sentence,
            },
            "author": settings.address(&format!("/people/{}", frozen.author)),
            "registeredAt": exact_time(frozen.registered_at),
            "exploratory": frozen.exploratory,
            "tuning": frozen.spec.get("tuning"),
            "acceptance": body.as_ref().map(|body| &body["acceptance"]),
            "entry": entry.map(|entry| json!({
                "seq": entry.seq,
                "previous": entry.previous,
                "hash": entry.hash,
                "at": exact_time(entry.at),
                "body": body,
            })),
        },
    })
}
