//! The fields of an arm: its name, its method and its sites.

use super::own::{self, Row};
use super::value::{Kind, set, shown};
use breakmywork_protocol::spec::{By, MaskTime, SiteName, presets::PRESETS};
use toml::{Table, Value};

/// Sites that the form offers, the usual ones first.
pub(in crate::pages::experiments) const SITES: [SiteName; 10] = [
    SiteName::Input,
    SiteName::State,
    SiteName::Output,
    SiteName::Embedding,
    SiteName::Between,
    SiteName::RecurrentWeights,
    SiteName::Update,
    SiteName::Cell,
    SiteName::ZoneoutCell,
    SiteName::ZoneoutState,
];

/// How many of [`SITES`] are always in view.
pub(in crate::pages::experiments) const USUAL: usize = 3;

/// The key by which a site says that it drops anything: `time`, and of the embedding `by`, which settles its time.
pub(in crate::pages::experiments) fn when(name: SiteName) -> &'static str {
    match name {
        SiteName::Embedding => "by",
        _ => "time",
    }
}

/// The finer keys of a site, and what is typed for them.
pub(in crate::pages::experiments) const FINER: [(&str, Kind); 6] = [
    ("shared", Kind::Text),
    ("noise", Kind::Text),
    ("gates", Kind::Text),
    ("carry", Kind::Text),
    ("scaling", Kind::Text),
    ("until", Kind::Real),
];

/// Whether a site has that one of the [`FINER`] keys, so that there is something to choose.
pub(in crate::pages::experiments) fn has(site: SiteName, key: &str) -> bool {
    match key {
        "shared" => site != SiteName::RecurrentWeights,
        "noise" => site.feeds_product(),
        "gates" => site.feeds_gates(),
        "carry" => site == SiteName::Cell,
        "scaling" => !site.is_zoneout(),
        _ => true,
    }
}

/// Dropout at one site, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(in crate::pages::experiments) struct SiteFields {
    pub(in crate::pages::experiments) rate: String,
    /// What [`when`] names.
    pub(in crate::pages::experiments) when: String,
    /// In the order of [`FINER`]; empty where the site does not have it.
    pub(in crate::pages::experiments) finer: [String; FINER.len()],
}

/// An arm, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(in crate::pages::experiments) struct ArmFields {
    pub(in crate::pages::experiments) name: String,
    /// The named method, if one is chosen.
    pub(in crate::pages::experiments) preset: String,
    /// In the order of [`SITES`].
    pub(in crate::pages::experiments) sites: [SiteFields; SITES.len()],
    /// What it has differently from the base.
    pub(in crate::pages::experiments) own: Vec<Row>,
}

impl ArmFields {
    /// The arm of that place, from what was posted; `None` if there is none.
    pub(super) fn from_form(place: usize, get: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let dropout = |key: &str| get(&format!("arms-{place}-dropout-{key}")).unwrap_or_default();
        Some(Self {
            name: get(&format!("arms-{place}-name"))?,
            preset: dropout("preset"),
            sites: SITES.map(|site| {
                let of = |key: &str| dropout(&format!("{}-{key}", site.name()));
                SiteFields {
                    rate: of("rate"),
                    when: of(when(site)),
                    finer: FINER.map(|(key, _)| of(key)),
                }
            }),
            own: own::from_form(place, &get),
        })
    }

    /// Names of its fields.
    pub(super) fn names(&self, place: usize) -> Vec<String> {
        let dropout = format!("arms-{place}-dropout");
        let mut names = vec![format!("arms-{place}-name"), format!("{dropout}-preset")];
        for (index, site) in SITES.into_iter().enumerate() {
            let finer = FINER.map(|(key, _)| key).into_iter();
            let finer = finer.filter(|key| self.drops(index) && has(site, key));
            let keys = ["rate", when(site)].into_iter().chain(finer);
            names.extend(keys.map(|key| format!("{dropout}-{}-{key}", site.name())));
        }
        // Those that are there and one to fill.
        names.extend((0..=self.own.len()).flat_map(|row| own::names(place, row)));
        names
    }

    /// Whether something is dropped at the site of that place, as far as the form can tell: then its finer fields are shown.
    pub(in crate::pages::experiments) fn drops(&self, place: usize) -> bool {
        let preset = PRESETS.iter().find(|preset| preset.name == self.preset);
        let sites = preset.map_or(&[][..], |preset| preset.sites);
        !self.sites[place].is_empty() || sites.iter().any(|(site, _)| *site == SITES[place])
    }

    pub(super) fn from_toml(arm: &Table) -> Self {
        let dropout = arm.get("dropout").and_then(Value::as_table);
        let get = |key| dropout.and_then(|dropout| dropout.get(key));
        let preset = get("preset").map(shown).unwrap_or_default();
        Self {
            name: arm.get("name").map(shown).unwrap_or_default(),
            sites: SITES.map(|site| SiteFields::from_toml(site, get(site.name()), &preset)),
            preset,
            own: own::from_toml(arm),
        }
    }

    pub(super) fn apply(&self, arm: &mut Table) {
        let before = Self::from_toml(arm);
        set(arm, "name", &self.name, Kind::Text);
        own::apply(&self.own, arm);
        let had = arm.contains_key("dropout");
        let mut dropout = match arm.remove("dropout") {
            Some(Value::Table(dropout)) => dropout,
            Some(other) => {
                arm.insert("dropout".into(), other);
                return;
            }
            None => Table::new(),
        };
        let was_empty = dropout.is_empty();
        set(&mut dropout, "preset", &self.preset, Kind::Text);
        for ((site, typed), before) in SITES.into_iter().zip(&self.sites).zip(&before.sites) {
            let untouched = typed == before;
            // What stood for the preset's own says nothing once the preset is gone.
            if untouched && (self.has_preset() || !typed.when.is_empty() || typed.is_empty()) {
                continue;
            }
            // Whoever types a rate where nothing was dropped means that something is; what is said by its usual time.
            let begun = before.is_empty() && typed.when.is_empty() && !typed.rate.is_empty();
            typed.apply(site, &mut dropout, self.has_preset() || begun);
        }
        if !dropout.is_empty() || (had && was_empty) {
            arm.insert("dropout".into(), Value::Table(dropout));
        }
    }

    /// Whether a named method is chosen.
    pub(in crate::pages::experiments) fn has_preset(&self) -> bool {
        !self.preset.is_empty()
    }

    /// Whether anything is said about the sites that are not always in view.
    pub(in crate::pages::experiments) fn has_unusual(&self) -> bool {
        self.sites.iter().skip(USUAL).any(|site| !site.is_empty())
    }
}

impl SiteFields {
    /// Without a preset a site that is given drops units even if it leaves its time out, so the time is shown.
    fn from_toml(name: SiteName, site: Option<&Value>, preset: &str) -> Self {
        let Some(site) = site.and_then(Value::as_table) else {
            return Self::default();
        };
        let usual = if preset.is_empty() { usual(name) } else { "" };
        let said = site.get(when(name)).map(shown);
        let said = said.or_else(|| by_from_time(name, site));
        Self {
            rate: site.get("rate").map(shown).unwrap_or_default(),
            when: said.unwrap_or_else(|| usual.to_owned()),
            finer: FINER.map(|(key, _)| {
                let said = site.get(key).filter(|_| has(name, key));
                said.map(shown).unwrap_or_default()
            }),
        }
    }

    fn is_empty(&self) -> bool {
        self.rate.is_empty() && self.when.is_empty() && !self.has_finer()
    }

    /// Whether one of the finer keys is said.
    pub(in crate::pages::experiments) fn has_finer(&self) -> bool {
        self.finer.iter().any(|typed| !typed.is_empty())
    }

    fn apply(&self, site: SiteName, dropout: &mut Table, preset: bool) {
        let name = site.name();
        if self.when.is_empty() && !preset {
            dropout.remove(name);
            return;
        }
        if !self.is_empty() {
            dropout
                .entry(name)
                .or_insert_with(|| Value::Table(Table::new()));
        }
        let Some(Value::Table(table)) = dropout.get_mut(name) else {
            return;
        };
        set(table, "rate", &self.rate, Kind::Real);
        set(table, when(site), &self.when, Kind::Text);
        for ((key, kind), typed) in FINER.into_iter().zip(&self.finer) {
            if has(site, key) {
                set(table, key, typed, kind);
            }
        }
        if when(site) != "time" {
            // What settles the time has just been said.
            table.remove("time");
        }
        if table.is_empty() {
            dropout.remove(name);
        }
    }
}

/// What holds where a site does not say it.
fn usual(name: SiteName) -> &'static str {
    if name == SiteName::Embedding {
        By::Type.name()
    } else if name.is_zoneout() {
        MaskTime::PerStep.name()
    } else {
        MaskTime::Fixed.name()
    }
}

/// What an embedding that only gives its time means by it.
fn by_from_time(name: SiteName, site: &Table) -> Option<String> {
    let by = match site.get("time")?.as_str()? {
        _ if name != SiteName::Embedding => return None,
        time if time == MaskTime::Fixed.name() => By::Type,
        time if time == MaskTime::PerStep.name() => By::Token,
        _ => return None,
    };
    Some(by.name().to_owned())
}

#[cfg(test)]
impl ArmFields {
    /// The dropout of an arm as a browser posts it.
    pub(in crate::pages::experiments) fn posted(&self, arm: &str) -> Vec<(String, String)> {
        let own = self.own.iter().enumerate().flat_map(|(row, typed)| {
            [0, 1].map(|side| (format!("{arm}-own-{row}-{side}"), typed[side].clone()))
        });
        let mut posted = own.collect::<Vec<_>>();
        posted.extend([(format!("{arm}-dropout-preset"), self.preset.clone())]);
        for (site, typed) in SITES.iter().zip(&self.sites) {
            let base = format!("{arm}-dropout-{}", site.name());
            posted.push((format!("{base}-rate"), typed.rate.clone()));
            posted.push((format!("{base}-{}", when(*site)), typed.when.clone()));
            for ((key, _), typed) in FINER.iter().zip(&typed.finer) {
                posted.push((format!("{base}-{key}"), typed.clone()));
            }
        }
        posted
    }
}
