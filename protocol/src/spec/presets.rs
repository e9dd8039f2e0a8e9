//! The named methods: each stands for sites with rates, and expands to them visibly.
//!
//! A rate without a source is the board's choice and says so. `docs/variants.md` has the formulas.

use super::dropout::{Dropout, SiteName};
use super::masks;
use super::types::{Cell, Model};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

/// A named method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// Its name in a specification.
    pub name: &'static str,
    /// Where it was published, and where its rates come from.
    pub source: &'static str,
    /// Its sites with their fields, as they are written in TOML; the first is what makes it the method it is.
    pub sites: &'static [(SiteName, &'static str)],
}

use super::dropout::SiteName::{
    Between, Cell as CellState, Embedding, Input, Output, RecurrentWeights, State, Update,
    ZoneoutCell, ZoneoutState,
};

/// Every named method, in the order of publication.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "none",
        source: "no dropout",
        sites: &[],
    },
    Preset {
        name: "pachitariu",
        source: "Pachitariu & Sahani 2013; the rate is the board's choice",
        sites: &[(Output, r#"rate = 0.5, time = "per_step""#)],
    },
    Preset {
        name: "fast_dropout",
        source: "Bayer et al. 2013 after Wang & Manning 2013; the rates are the board's choice",
        sites: &[
            (State, r#"rate = 0.5, time = "per_step", noise = "moments""#),
            (Input, r#"rate = 0.2, time = "per_step", noise = "moments""#),
            (
                Output,
                r#"rate = 0.5, time = "per_step", noise = "moments""#,
            ),
        ],
    },
    Preset {
        name: "pham",
        source: "Pham et al. 2013",
        sites: &[
            (
                Output,
                r#"rate = 0.5, time = "per_step", scaling = "published""#,
            ),
            (
                Between,
                r#"rate = 0.5, time = "per_step", scaling = "published""#,
            ),
        ],
    },
    Preset {
        name: "zaremba",
        source: "Zaremba, Sutskever & Vinyals 2014, medium model",
        sites: &[
            (Input, r#"rate = 0.5, time = "per_step""#),
            (Output, r#"rate = 0.5, time = "per_step""#),
        ],
    },
    Preset {
        name: "bluche",
        source: "Bluche, Kermorvant & Louradour 2015: all three positions; set a rate to 0 to leave one out; the rate is the board's choice",
        sites: &[
            (State, r#"rate = 0.5, time = "per_step""#),
            (Input, r#"rate = 0.5, time = "per_step""#),
            (Output, r#"rate = 0.5, time = "per_step""#),
        ],
    },
    Preset {
        name: "moon",
        source: "Moon et al. 2015 (RNNDrop), with the rate Gal & Ghahramani used for the medium model",
        sites: &[(
            CellState,
            r#"rate = 0.3, time = "fixed", carry = "masked", scaling = "published""#,
        )],
    },
    Preset {
        name: "moon_consistent",
        source: "Moon et al. 2015 without the difference between training and test: the mask hides, the memory is kept",
        sites: &[(
            CellState,
            r#"rate = 0.3, time = "fixed", carry = "unmasked", scaling = "inverted""#,
        )],
    },
    Preset {
        name: "naive",
        source: "Gal & Ghahramani 2016, equation 7: fresh masks, none on the state; rates of their medium model",
        sites: &[
            (Input, r#"rate = 0.35, time = "per_step""#),
            (Output, r#"rate = 0.35, time = "per_step""#),
        ],
    },
    Preset {
        name: "gal_tied",
        source: "Gal & Ghahramani 2016, medium model",
        sites: &[
            (State, r#"rate = 0.2, time = "fixed", gates = "tied""#),
            (Input, r#"rate = 0.35, time = "fixed", gates = "tied""#),
            (Output, r#"rate = 0.35, time = "fixed""#),
            (Embedding, r#"rate = 0.2, by = "type""#),
        ],
    },
    Preset {
        name: "gal_untied",
        source: "Gal & Ghahramani 2016, medium model",
        sites: &[
            (State, r#"rate = 0.2, time = "fixed", gates = "untied""#),
            (Input, r#"rate = 0.35, time = "fixed", gates = "untied""#),
            (Output, r#"rate = 0.35, time = "fixed""#),
            (Embedding, r#"rate = 0.2, by = "type""#),
        ],
    },
    Preset {
        name: "semeniuta",
        source: "Semeniuta, Severyn & Barth 2016",
        sites: &[(
            Update,
            r#"rate = 0.5, time = "per_step", scaling = "published""#,
        )],
    },
    Preset {
        name: "zoneout",
        source: "Krueger et al. 2016, character model",
        sites: &[
            (ZoneoutState, r#"rate = 0.05, time = "per_step""#),
            (ZoneoutCell, r#"rate = 0.5, time = "per_step""#),
        ],
    },
    Preset {
        name: "awd",
        source: "Merity, Keskar & Socher 2017, Penn Treebank",
        sites: &[
            (RecurrentWeights, r#"rate = 0.5, time = "fixed""#),
            (Input, r#"rate = 0.4, time = "fixed""#),
            (Between, r#"rate = 0.25, time = "fixed""#),
            (Output, r#"rate = 0.4, time = "fixed""#),
            (Embedding, r#"rate = 0.1, by = "type", shared = "batch""#),
        ],
    },
];

/// The fields of every site above, read once: pages ask for them again and again.
static FIELDS: LazyLock<HashMap<&str, Map<String, Value>>> = LazyLock::new(|| {
    let all = PRESETS.iter().flat_map(|preset| preset.sites);
    all.map(|(_, fields)| {
        let site: Value =
            toml::from_str(&format!("site = {{ {fields} }}")).expect("what is above is TOML");
        let Some(Value::Object(site)) = site.get("site").cloned() else {
            unreachable!("it is a table")
        };
        (*fields, site)
    })
    .collect()
});

impl Preset {
    /// Its sites as far as the network has them, by name, each a table of fields.
    pub fn expansion(&self, model: &Model) -> Map<String, Value> {
        let sites = self
            .sites
            .iter()
            .filter(|(name, _)| masks::has(*name, model).is_ok());
        sites
            .map(|(name, fields)| {
                let mut table = FIELDS[fields].clone();
                // One product has nothing to tie or untie.
                if model.cell == Cell::Rnn {
                    table.remove("gates");
                }
                (name.name().to_owned(), Value::Object(table))
            })
            .collect()
    }
}

/// Presets as a network of some kind reads them, without rates: which sites it has follows from its cell, and whether it has
/// an embedding and several layers.
static SHAPES: [OnceLock<Vec<(Dropout, &Preset)>>; 12] = [const { OnceLock::new() }; 12];

fn kind(model: &Model) -> usize {
    let cell = match model.cell {
        Cell::Rnn => 0,
        Cell::Gru => 1,
        Cell::Lstm => 2,
    };
    4 * cell + 2 * usize::from(model.embedding.is_some()) + usize::from(model.layers > 1)
}

fn shapes(model: &Model) -> Vec<(Dropout, &'static Preset)> {
    let read = |preset: &Preset| {
        let value = Value::Object(preset.expansion(model));
        masks::dropout(&value, String::new(), model, false, &mut Vec::new())
    };
    PRESETS
        .iter()
        .map(|preset| (read(preset), preset))
        .filter(|(named, preset)| *named != Dropout::default() || preset.sites.is_empty())
        .map(|(named, preset)| (named.without_rates(), preset))
        .collect()
}

impl Dropout {
    /// The named method that this is, whatever its rates; the earliest, where two differ in rates alone.
    pub fn preset(&self, model: &Model) -> Option<&'static Preset> {
        let this = self.without_rates();
        let shapes = SHAPES[kind(model)].get_or_init(|| shapes(model));
        let found = shapes.iter().find(|(shape, _)| *shape == this);
        found.map(|(_, preset)| *preset)
    }

    /// The same with one rate everywhere; a site that drops nothing is none.
    fn without_rates(&self) -> Self {
        let mut shape = self.clone();
        for name in SiteName::ALL {
            let site = shape.site_mut(name);
            site.take_if(|site| site.rate == 0.0);
            if let Some(site) = site {
                site.rate = 0.5;
            }
        }
        shape
    }
}

#[cfg(test)]
mod tests;
