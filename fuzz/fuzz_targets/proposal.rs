//! Bodies of `POST /api/v1/experiments`: whatever object comes, it is a proposal or is refused by its fields.
#![no_main]

use breakmywork::proposal::{self, Proposal, Source};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let Ok(body) = serde_json::from_str::<Value>(text) else {
        return;
    };
    let words = |name: &str| body[name].as_str().map(ToOwned::to_owned);
    let proposal = Proposal {
        title: words("title"),
        prediction: words("prediction"),
        rationale: words("rationale").unwrap_or_default(),
        spec: match &body["spec"] {
            Value::String(toml) => Source::Toml(toml.clone()),
            other => Source::Json(other.clone()),
        },
        seal_days: body["seal_days"].as_i64(),
    };
    if let Err(problems) = proposal::check(&proposal) {
        assert!(!problems.is_empty());
    }
});
