//! Dropout in words: one wording for the notes below a picture and for its text alternative.

use super::number;
use breakmywork_protocol::spec::{
    By, Carry, Dropout, MaskTime, Model, Noise, Site, SiteName,
    presets::{PRESETS, Preset},
};
use serde_json::{Map, Value};

/// One site: what happens there, when, and for whom.
pub fn site(name: SiteName, site: &Site) -> String {
    let rate = number::plain(site.rate);
    let label = name.name();
    if site.rate == 0.0 {
        return format!("{label}: rate 0, nothing dropped");
    }
    let fixed = site.time == MaskTime::Fixed;
    let mut text = if name == SiteName::Embedding {
        let what = match site.by {
            Some(By::Token) => "single words or characters, each occurrence by itself",
            _ => "word or character types, the same for the whole sequence",
        };
        format!("{label}: drops {what}, rate {rate}")
    } else if name.is_zoneout() {
        let when = if fixed {
            "the same units at every step"
        } else {
            "other units at each step"
        };
        format!("{label}: a unit keeps its previous value with probability {rate}, {when}")
    } else if site.noise == Noise::Moments {
        let when = if fixed {
            "the same at every step"
        } else {
            "new at each step"
        };
        format!(
            "{label}: Gaussian noise with the mask's mean and variance, {when}, for a rate of {rate}"
        )
    } else {
        let when = if fixed {
            "same mask at every step"
        } else {
            "new mask at each step"
        };
        let what = match name {
            SiteName::RecurrentWeights => " on the entries of U",
            _ => "",
        };
        format!("{label}: {when}{what}, rate {rate}")
    };
    if site.untied() {
        text.push_str(", one for each gate");
    }
    if site.shared() && name == SiteName::Embedding {
        text.push_str(", the same for the whole minibatch");
    } else if site.shared() {
        text.push_str(", one for the whole minibatch");
    }
    match site.carry {
        Some(Carry::Masked) => text.push_str(", what is dropped is forgotten"),
        Some(Carry::Unmasked) => text.push_str(", what is dropped is hidden but remembered"),
        None => {}
    }
    if let Some(share) = site.until.filter(|share| *share < 1.0) {
        let share = number::plain(share);
        text.push_str(&format!(
            ", in the first {share} of the training steps only"
        ));
    }
    if site.published() {
        text.push_str(", published scaling (all × (1 − rate) at test)");
    }
    text
}

/// All sites, in the order in which a signal meets them.
pub fn sites(dropout: &Dropout) -> Vec<String> {
    dropout
        .sites()
        .map(|(name, given)| site(name, given))
        .collect()
}

/// The named method that this is, with its source, which also says where its rates come from.
pub fn method(dropout: &Dropout, model: &Model) -> Option<String> {
    let found = dropout.preset(model)?;
    if found.sites.is_empty() {
        return None;
    }
    // Some methods differ in their rates alone; then the rates decide which one it is.
    let shape = without_rates(found.expansion(model));
    let twin = PRESETS
        .iter()
        .filter(|preset| without_rates(preset.expansion(model)) == shape)
        .find(|preset| has_rates_of(dropout, preset, model));
    Some(match twin {
        Some(preset) => format!("the method {}: {}", preset.name, preset.source),
        None => format!(
            "the method {} at other rates (its source: {})",
            found.name, found.source
        ),
    })
}

fn without_rates(mut expansion: Map<String, Value>) -> Map<String, Value> {
    for site in expansion.values_mut().filter_map(Value::as_object_mut) {
        site.remove("rate");
    }
    expansion
}

fn has_rates_of(dropout: &Dropout, preset: &Preset, model: &Model) -> bool {
    let expansion = preset.expansion(model);
    dropout
        .sites()
        .filter(|(_, site)| site.rate > 0.0)
        .all(|(name, site)| {
            let rate = expansion
                .get(name.name())
                .and_then(|site| site["rate"].as_f64());
            rate == Some(site.rate)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakmywork_protocol::spec::{Format, Spec, read};

    fn spec(cell: &str, dropout: &str) -> Spec {
        let text = format!(
            "title = \"t\"\nseeds = [1]\n[task]\nname = \"word_lm\"\ndata = \"d\"\n[model]\ncell = \"{cell}\"\nlayers = 2\n\
             [training]\nsteps = 10\n[[arms]]\nname = \"a\"\ndropout = {{ {dropout} }}\n"
        );
        read(&text, Format::Toml).expect("a good specification")
    }

    fn named(cell: &str, dropout: &str) -> Option<String> {
        let spec = spec(cell, dropout);
        method(&spec.arms[0].dropout, &spec.model)
    }

    #[test]
    fn a_site_is_put_into_words_with_all_that_is_unusual() {
        for (dropout, words) in [
            (
                "state = { rate = 0.25, gates = \"untied\" }",
                "state: same mask at every step, rate 0.25, one for each gate",
            ),
            (
                "input = { rate = 0.2, time = \"per_step\", shared = \"batch\" }",
                "input: new mask at each step, rate 0.2, one for the whole minibatch",
            ),
            (
                "output = { rate = 0.5, time = \"per_step\", noise = \"moments\" }",
                "output: Gaussian noise with the mask's mean and variance, new at each step, for a rate of 0.5",
            ),
            (
                "cell = { rate = 0.3 }",
                "cell: same mask at every step, rate 0.3, what is dropped is forgotten, published scaling (all × (1 − rate) at test)",
            ),
            (
                "cell = { rate = 0.3, carry = \"unmasked\" }",
                "cell: same mask at every step, rate 0.3, what is dropped is hidden but remembered",
            ),
            (
                "zoneout_state = { rate = 0.05 }",
                "zoneout_state: a unit keeps its previous value with probability 0.05, other units at each step",
            ),
            (
                "recurrent_weights = { rate = 0.5 }",
                "recurrent_weights: same mask at every step on the entries of U, rate 0.5, one for the whole minibatch",
            ),
            (
                "embedding = { rate = 0.2 }",
                "embedding: drops word or character types, the same for the whole sequence, rate 0.2",
            ),
            (
                "embedding = { rate = 0.2, by = \"token\", shared = \"batch\" }",
                "embedding: drops single words or characters, each occurrence by itself, rate 0.2, the same for the whole minibatch",
            ),
            (
                "output = { rate = 0.5, until = 0.1 }",
                "output: same mask at every step, rate 0.5, in the first 0.1 of the training steps only",
            ),
            ("between = { rate = 0 }", "between: rate 0, nothing dropped"),
        ] {
            assert_eq!(sites(&spec("lstm", dropout).arms[0].dropout), [words]);
        }
    }

    #[test]
    fn every_preset_goes_by_its_own_name() {
        for preset in PRESETS.iter().filter(|preset| !preset.sites.is_empty()) {
            let words = named("lstm", &format!("preset = \"{}\"", preset.name));
            let own = format!("the method {}: {}", preset.name, preset.source);
            assert_eq!(words, Some(own));
        }
    }

    #[test]
    fn other_rates_are_not_passed_off_as_the_published_ones() {
        let words = named("lstm", "preset = \"gal_tied\", state.rate = 0.1");
        assert!(
            words.is_some_and(|words| { words.starts_with("the method gal_tied at other rates") })
        );
        assert_eq!(named("lstm", "state.rate = 0.1"), None);
        assert_eq!(named("lstm", ""), None, "no dropout is no method");
    }
}
