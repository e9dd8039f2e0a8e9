//! A registration as a Pre-Registered ML Manifest (PRML 0.1: <https://spec.falsify.dev/v0.1>), in its canonical bytes.
//!
//! A manifest is one metric against one threshold. Here that is the estimated effect against the smallest effect of
//! interest: what the board's verdict asks for beyond a test at the registered level, which the manifest names.

use crate::config::Settings;
use crate::db::frozen::Frozen;
use breakmywork_protocol::record::{Entry, exact_time, text_digest};
use breakmywork_protocol::spec::{Criterion, CriterionKind, Spec, Tuning};
use serde_json::Value;
use std::fmt::Write;
use uuid::Uuid;

/// Media type of a manifest.
pub const MEDIA_TYPE: &str = "application/vnd.prml+yaml";

/// The manifest of the last of a line of registrations, each of which amends the one before: it keeps the id of the first
/// one's claim, and names the one before by the hash of its manifest (PRML 0.1, section 6.1). `None` without a criterion.
///
/// Everything in it is frozen, so its bytes never change while the board keeps its address.
pub fn manifest(line: &[(Frozen, Option<Entry>)], settings: &Settings) -> Option<String> {
    let first = claim_id(&line.first()?.0);
    let mut text = None;
    for (frozen, entry) in line {
        let spec = Spec::from_stored(&frozen.spec).ok()?;
        let criterion = spec.criterion.filter(|_| !frozen.exploratory)?;
        let prior = text.as_deref().map(text_digest);
        let one = Registration {
            frozen,
            criterion: &criterion,
            tuning: spec.tuning.as_ref(),
            entry: entry.as_ref(),
            claim_id: first,
            prior,
        };
        text = Some(one.manifest(settings));
    }
    text
}

/// A registration, and its place in a line of amendments.
struct Registration<'a> {
    frozen: &'a Frozen,
    criterion: &'a Criterion,
    tuning: Option<&'a Tuning>,
    entry: Option<&'a Entry>,
    claim_id: Uuid,
    /// Hash of the manifest that it amends.
    prior: Option<String>,
}

impl Registration<'_> {
    fn manifest(&self, settings: &Settings) -> String {
        let Self {
            frozen,
            criterion,
            tuning,
            entry,
            claim_id,
            prior,
        } = self;
        let experiment = settings.address(&format!("/experiments/{}", frozen.id));
        let (data, data_sha256) = data_set(frozen, *entry);
        let equivalence = criterion.kind == CriterionKind::Equivalence;
        let (comparator, size) = if equivalence {
            ("<=", "absolute_effect")
        } else {
            (">=", "effect")
        };
        let kind = serde_json::to_value(criterion.kind).expect("a name");
        let mut text = String::new();
        let mut line = |line: std::fmt::Arguments| {
            writeln!(text, "{line}").expect("a string takes any text");
        };
        // Sorted, as the canonical form wants it.
        line(format_args!("claim_id: {claim_id}"));
        line(format_args!("comparator: '{comparator}'"));
        line(format_args!(
            "created_at: '{}'",
            exact_time(frozen.registered_at)
        ));
        line(format_args!("dataset:"));
        line(format_args!("  hash: {}", plain(&data_sha256)));
        line(format_args!("  id: {}", plain(&data)));
        line(format_args!(
            "metric: {size}_on_{}_by_{}",
            criterion.metric,
            kind.as_str().unwrap_or_default()
        ));
        line(format_args!("metric_args:"));
        line(format_args!("  alpha: {}", float(criterion.alpha)));
        line(format_args!(
            "  rule: {}",
            settings.address("/record#registration-v1")
        ));
        line(format_args!("  spec: {experiment}/spec.json"));
        line(format_args!("  spec_sha256: {}", plain(&frozen.sha256)));
        if let Some(tuning) = tuning {
            line(format_args!("  tuned_on: {}", tuning.metric));
            line(format_args!(
                "  tuning_trials_of_each_arm: {}",
                tuning.trials()
            ));
        }
        if let Some(prior) = prior {
            line(format_args!("prior_hash: {}", plain(prior)));
        }
        line(format_args!("producer:"));
        line(format_args!(
            "  id: {}",
            settings.address(&format!("/people/{}", frozen.author))
        ));
        // There are several, and the specification names them.
        line(format_args!("seed: null"));
        let threshold = match criterion.kind {
            CriterionKind::NonInferiority => -criterion.margin,
            _ => criterion.margin,
        };
        line(format_args!("threshold: {}", float(threshold)));
        line(format_args!("version: prml/0.1"));
        text
    }
}

/// The one data set that the runs need, if its content was known at registration; else the specification itself, from
/// which sequences follow.
fn data_set(frozen: &Frozen, entry: Option<&Entry>) -> (String, String) {
    let body = entry.and_then(|entry| serde_json::from_str::<Value>(&entry.body).ok());
    // Of what was sealed, the entry of its opening holds what was registered.
    let registration = body
        .as_ref()
        .map(|body| body.get("registration").unwrap_or(body));
    let sets = registration.and_then(|body| body["data_sets"].as_object());
    let mut sets = sets.into_iter().flatten();
    match (sets.next(), sets.next()) {
        (Some((name, Value::String(sha256))), None) => (name.clone(), sha256.clone()),
        _ => ("specification".to_owned(), frozen.sha256.clone()),
    }
}

/// UUIDv7 of the moment of registration; the rest follows from what was registered.
fn claim_id(frozen: &Frozen) -> Uuid {
    let seed = format!("breakmywork prml v1\n{}\n{}", frozen.id, frozen.sha256);
    let random: [u8; 10] = hex::decode(text_digest(&seed))
        .ok()
        .and_then(|bytes| bytes[..10].try_into().ok())
        .expect("a digest has 32 bytes");
    let millis = u64::try_from(frozen.registered_at.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// A word of letters, digits and marks; one that would read as a number is quoted.
fn plain(word: &str) -> String {
    match word.bytes().all(|byte| byte.is_ascii_digit()) {
        true => format!("'{word}'"),
        false => word.to_owned(),
    }
}

/// A number as the canonical form has it, which is as Python writes it, with a point always.
fn float(value: f64) -> String {
    let text = format!("{value:?}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}{point}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakmywork_protocol::id::{ClaimId, ExperimentId};
    use breakmywork_protocol::spec;
    use chrono::DateTime;

    #[test]
    fn numbers_are_as_python_writes_them() {
        // python3 -c 'import yaml; print(yaml.safe_dump([...]))'
        for (value, text) in [
            (0.02, "0.02"),
            (1.0, "1.0"),
            (1e-4, "0.0001"),
            (1e-5, "1.0e-05"),
            (1.5e-9, "1.5e-09"),
            (1e6, "1000000.0"),
            (1e16, "1.0e+16"),
        ] {
            assert_eq!(float(value), text);
        }
    }

    fn registered(spec: &str) -> Frozen {
        let spec = spec::read(spec, spec::Format::Toml).expect("a good specification");
        Frozen {
            id: ExperimentId(12),
            claim: ClaimId(3),
            claim_sentence: String::new(),
            author: "ada".into(),
            canonical: String::new(),
            sha256: "5e".repeat(32),
            registered_at: DateTime::from_timestamp(1_795_770_245, 120_000_000).expect("a time"),
            exploratory: false,
            spec: spec.to_json(),
            closed: false,
        }
    }

    #[test]
    fn it_says_that_arms_were_tuned_before() {
        let frozen = registered(include_str!("../../examples/specs/each-at-its-best.toml"));
        let text = manifest(&[(frozen, None)], &Settings::default()).expect("a manifest");
        let tuned = "\n  tuned_on: valid_mse\n  tuning_trials_of_each_arm: ";
        assert!(text.contains(tuned), "{text}");
    }

    /// Byte for byte what the reference implementation (`falsify` 0.4.0, `falsify_prml.canonicalize`) makes of it; the
    /// hash is the one that it prints.
    #[test]
    fn the_bytes_are_the_canonical_ones() {
        let spec = "title = \"t\"\nseeds = 6\n[task]\nname = \"adding\"\nlength = 5\n[training]\nsteps = 10\n\
             [[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\n[criterion]\nkind = \"difference\"\nmetric = \"test_mse\"\n\
             treatment = \"a\"\ncontrol = \"b\"\nmargin = 0.1\n";
        let frozen = registered(spec);
        let settings = Settings::default();
        let alone = [(frozen.clone(), None)];
        let text = manifest(&alone, &settings).expect("a manifest");
        insta::assert_snapshot!("manifest", text);
        assert_eq!(
            text_digest(&text),
            "934fe06da902156a1bf26f733546c0100d63f411a977c2e23acebc8b89e2045e"
        );
        // Amended, it keeps its claim and is named by its hash.
        let amendment = Frozen {
            id: ExperimentId(15),
            registered_at: frozen.registered_at + chrono::Duration::hours(1),
            ..frozen.clone()
        };
        let amended = manifest(&[(frozen.clone(), None), (amendment, None)], &settings);
        let amended = amended.expect("a manifest");
        let of = |text: &str, key: &str| {
            let mut lines = text.lines().map(str::to_owned);
            lines.find(|line| line.starts_with(key))
        };
        assert_eq!(of(&amended, "claim_id"), of(&text, "claim_id"));
        let prior = format!("prior_hash: {}", text_digest(&text));
        assert_eq!(of(&amended, "prior_hash"), Some(prior));
        let keys: Vec<&str> = (amended.lines())
            .filter(|line| !line.starts_with(' '))
            .filter_map(|line| line.split_once(':'))
            .map(|(key, _)| key)
            .collect();
        assert!(keys.is_sorted(), "{keys:?}");
        // What only looks has nothing to promise.
        let exploratory = Frozen {
            exploratory: true,
            ..frozen
        };
        assert_eq!(manifest(&[(exploratory, None)], &settings), None);
    }
}
