use super::*;
use crate::spec::{Format, read};

fn spec(seeds: &str) -> Spec {
    let text = format!(
        "title = \"t\"\nseeds = {seeds}\n[task]\nname = \"adding\"\n[training]\nsteps = 10\n[[arms]]\nname = \"a\"\n"
    );
    read(&text, Format::Toml).expect("good")
}

fn complaint(seeds: &str) -> String {
    let text = format!(
        "title = \"t\"\nseeds = {seeds}\n[task]\nname = \"adding\"\n[training]\nsteps = 10\n[[arms]]\nname = \"a\"\n"
    );
    read(&text, Format::Toml)
        .expect_err("refused")
        .0
        .iter()
        .map(Problem::to_string)
        .collect()
}

/// Computed apart, with `printf '%s' HASH:SALT:0 | sha256sum`, and so on.
#[test]
fn drawn_seeds_follow_from_the_hash_and_the_salt() {
    let spec = spec("6");
    let drawn = spec.seeds_drawn(Some("6f0d6b3e-51d6-4c3b-8f0e-2f5b6a1e9d10"));
    let again: Vec<u32> = (0..6)
        .map(|i| {
            let text = format!("{}:6f0d6b3e-51d6-4c3b-8f0e-2f5b6a1e9d10:{i}", spec.sha256());
            let hash = hex::encode(Sha256::digest(text));
            u32::from_str_radix(&hash[..8], 16).expect("eight digits")
        })
        .collect();
    assert_eq!(drawn, again);
    assert_ne!(drawn, spec.seeds_drawn(Some("another")));
    assert_eq!(spec.seeds_drawn(None), [1, 2, 3, 4, 5, 6]);
    assert_eq!(
        spec_titled(&spec)
            .seeds_drawn(Some("6f0d6b3e-51d6-4c3b-8f0e-2f5b6a1e9d10"))
            .len(),
        6
    );
}

/// The same with another title: other bytes, so other seeds.
fn spec_titled(spec: &Spec) -> Spec {
    Spec {
        title: "u".into(),
        ..spec.clone()
    }
}

#[test]
fn seeds_that_were_named_stay_and_decide_nothing() {
    let named = spec("[7, 3]");
    assert_eq!(named.seeds_drawn(Some("salt")), [7, 3]);
    let problem = undecidable(&named.seeds).expect("gated");
    assert!(problem.detail.contains("the board draws them"), "{problem}");
    assert_eq!(undecidable(&Seeds::Count(6)), None);
    assert!(undecidable(&Seeds::Count(5)).is_some_and(|it| it.detail.contains("at least 6")));
}

#[test]
fn what_is_no_number_of_seeds_is_refused() {
    for (seeds, reason) in [
        ("0", "from 1 to 40"),
        ("-1", "from 1 to 40"),
        ("41", "is 41"),
        ("4294967296", "from 1 to 40"),
        ("1.5", "whole number"),
        ("\"8\"", "not text"),
        ("true", "not true or false"),
        ("[]", "at least one"),
        ("{}", "not a table"),
    ] {
        let said = complaint(seeds);
        assert!(said.contains(reason), "{seeds}: {said}");
    }
}
