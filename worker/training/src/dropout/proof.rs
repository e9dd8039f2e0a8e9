//! Proof of treatment: what the masks that were really used looked like.
//!
//! Looks at the log of a sample of minibatches (the first two, then pairs of neighbours through the run) and checks,
//! independently of how masks are drawn, that at every site and layer
//! - each time step was masked, with entries of the specified scaling only;
//! - a fixed mask was the same at all steps, a per-step mask was not;
//! - the sequences of a minibatch had masks of their own, or one for all where it was to be shared;
//! - the gates had masks of their own where they are untied, and one where they are tied;
//! - no two inspected minibatches had the same masks;
//! - all occurrences of a dropped word had the same mask where it is dropped by type, and not by token;
//! - the share kept agrees with the rate; Gaussian noise has mean 0 and variance 1.
//!
//! What can happen by chance in a correct run is judged by exponential (Chernoff) bounds that a correct run
//! breaks with probability below [`ERROR_PROBABILITY`] for each check, so below 10⁻⁹ for all of them together.

mod embedding;
mod pattern;

use super::{Applied, MaskShape, Place, active};
use breakmywork_protocol::result::{SiteProof, Treatment};
use breakmywork_protocol::spec::{self, Dropout, MaskTime, Noise, SiteName};
use candle_core::Result;
use pattern::Pattern;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Chance that one check finds fault with a correct run. There are at most 10 sites × 4 layers × 6 checks.
const ERROR_PROBABILITY: f64 = 1e-12;
/// Pairs of neighbouring minibatches inspected through the run.
const SAMPLES: u32 = 16;
/// Most violations written out; more would say nothing new.
const VIOLATIONS_SHOWN: usize = 20;

/// What was seen so far. Part of the checkpoint, so that a resumed run proves the whole of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    places: Vec<Seen>,
    violations: Vec<String>,
}

/// What was seen of one site in one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Seen {
    site: SiteName,
    layer: usize,
    windows: u64,
    kept: u64,
    entries: u64,
    /// Sums of the entries and of their squares, of Gaussian noise.
    sums: [f64; 2],
    equal_steps: u64,
    different_steps: u64,
    equal_rows: u64,
    different_rows: u64,
    equal_gates: u64,
    different_gates: u64,
    /// SHA-256 of each inspected minibatch's masks.
    minibatches: Vec<String>,
    /// Entries of a row, rows of a gate's mask, gates with masks of their own.
    width: usize,
    rows: usize,
    gates: usize,
    /// Masks drawn for a minibatch.
    drawn: usize,
}

impl Proof {
    /// Whether the minibatch of that optimizer step, counted from 0, is to be inspected.
    pub fn wants(step: u32, steps: u32) -> bool {
        let stride = (steps / SAMPLES).max(2);
        step % stride < 2
    }

    /// Inspects the masks that were applied in one minibatch.
    ///
    /// # Errors
    /// If a mask cannot be read back from the device.
    pub fn inspect(&mut self, shape: MaskShape<'_>, log: &[Applied]) -> Result<()> {
        for site in SiteName::ALL {
            let Some(settings) = active(shape.dropout, site) else {
                if log.iter().any(|applied| applied.site == site) {
                    self.violate(format!(
                        "{}: a mask was applied where none is specified",
                        site.name()
                    ));
                }
                continue;
            };
            if site == SiteName::Embedding {
                self.inspect_embedding(shape, settings, log)?;
                continue;
            }
            for place in Place::all(site, shape) {
                self.inspect_place(site, place, settings, log)?;
            }
        }
        Ok(())
    }

    fn inspect_place(
        &mut self,
        site: SiteName,
        place: Place,
        settings: &spec::Site,
        log: &[Applied],
    ) -> Result<()> {
        let name = place_name(site, place.layer);
        let known = self
            .places
            .iter()
            .position(|seen| seen.site == site && seen.layer == place.layer);
        let mut seen = match known {
            Some(index) => self.places.remove(index),
            None => Seen::new(site, place, settings.time),
        };
        let here: Vec<&Applied> = log
            .iter()
            .filter(|a| a.site == site && a.layer == place.layer)
            .collect();
        if !here.iter().map(|applied| applied.step).eq(0..place.steps) {
            self.violate(format!(
                "{name}: masked at {} time steps instead of {}",
                here.len(),
                place.steps
            ));
        }
        let mut digest = Sha256::new();
        let mut before: Option<Pattern> = None;
        for applied in here {
            let pattern = Pattern::read(applied, settings)?;
            for fault in pattern.faults(&place, settings) {
                self.violate(format!("{name}: {fault}"));
            }
            // The repetitions of a fixed mask are no new evidence about rate, rows and gates.
            if settings.time == MaskTime::PerStep || before.is_none() {
                seen.count(&pattern, site);
            }
            digest.update(pattern.bytes());
            match &before {
                Some(before) if *before == pattern => seen.equal_steps += 1,
                Some(_) => seen.different_steps += 1,
                None => {}
            }
            before = Some(pattern);
        }
        seen.minibatches.push(hex::encode(digest.finalize()));
        seen.windows += 1;
        self.places.insert(known.unwrap_or(self.places.len()), seen);
        Ok(())
    }

    fn violate(&mut self, violation: String) {
        if self.violations.len() < VIOLATIONS_SHOWN && !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }

    /// The verdict over everything inspected.
    pub fn treatment(&self, dropout: &Dropout) -> Treatment {
        let mut violations = self.violations.clone();
        let mut sites = BTreeMap::new();
        for site in SiteName::ALL {
            let Some(settings) = active(dropout, site) else {
                continue;
            };
            let places: Vec<&Seen> = self
                .places
                .iter()
                .filter(|seen| seen.site == site)
                .collect();
            if places.is_empty() {
                violations.push(format!("{}: no minibatch was inspected", site.name()));
                continue;
            }
            for seen in &places {
                let name = place_name(site, seen.layer);
                violations.extend(
                    seen.violations(settings)
                        .iter()
                        .map(|violation| format!("{name}: {violation}")),
                );
            }
            sites.insert(site.name().to_owned(), summary(&places));
        }
        Treatment {
            verified: violations.is_empty(),
            sites,
            violations,
        }
    }
}

fn place_name(site: SiteName, layer: usize) -> String {
    format!("{} of layer {}", site.name(), layer + 1)
}

/// One site over all its layers.
fn summary(places: &[&Seen]) -> SiteProof {
    let sum = |count: fn(&Seen) -> u64| places.iter().map(|seen| count(seen)).sum::<u64>();
    let entries = sum(|seen| seen.entries);
    let mut digest = Sha256::new();
    for minibatch in places.iter().flat_map(|seen| &seen.minibatches) {
        digest.update(minibatch);
    }
    SiteProof {
        windows: places[0].windows,
        keep_rate: sum(|seen| seen.kept) as f64 / entries.max(1) as f64,
        entries,
        equal_steps: sum(|seen| seen.equal_steps),
        different_steps: sum(|seen| seen.different_steps),
        equal_sequences: sum(|seen| seen.equal_rows),
        different_sequences: sum(|seen| seen.different_rows),
        equal_gates: sum(|seen| seen.equal_gates),
        different_gates: sum(|seen| seen.different_gates),
        sha256: hex::encode(digest.finalize()),
    }
}

impl Seen {
    fn new(site: SiteName, place: Place, time: MaskTime) -> Self {
        Self {
            site,
            layer: place.layer,
            windows: 0,
            kept: 0,
            entries: 0,
            sums: [0.0; 2],
            equal_steps: 0,
            different_steps: 0,
            equal_rows: 0,
            different_rows: 0,
            equal_gates: 0,
            different_gates: 0,
            minibatches: Vec::new(),
            width: place.width,
            rows: place.rows,
            gates: place.gates,
            drawn: if time == MaskTime::Fixed {
                1
            } else {
                place.steps
            },
        }
    }

    fn count(&mut self, pattern: &Pattern, site: SiteName) {
        self.entries += pattern.entries();
        self.kept += pattern.kept();
        for (sum, more) in self.sums.iter_mut().zip(pattern.sums()) {
            *sum += more;
        }
        let tally = |equal: bool, counts: [&mut u64; 2]| {
            let [same, other] = counts;
            *(if equal { same } else { other }) += 1;
        };
        for gate in pattern.gates() {
            // The rows of a recurrent matrix are no sequences.
            if site == SiteName::RecurrentWeights {
                break;
            }
            for pair in gate.windows(2) {
                tally(
                    pair[0] == pair[1],
                    [&mut self.equal_rows, &mut self.different_rows],
                );
            }
        }
        for pair in pattern.gates().windows(2) {
            tally(
                pair[0] == pair[1],
                [&mut self.equal_gates, &mut self.different_gates],
            );
        }
    }

    fn violations(&self, settings: &spec::Site) -> Vec<String> {
        let rate = settings.rate;
        // Logarithms of the chance that independent masks agree: in one entry, row, gate, step, minibatch.
        let ln_entry = match settings.noise {
            Noise::Mask => ((1.0 - rate).powi(2) + rate.powi(2)).ln(),
            // Normal numbers agree in 24 bits with a chance below 2^-20.
            Noise::Moments => -20.0 * std::f64::consts::LN_2,
        };
        let ln_rows = self.width as f64 * ln_entry;
        let ln_gates = ln_rows * self.rows as f64;
        let ln_steps = ln_gates * self.gates as f64;
        let ln_minibatches = ln_steps * self.drawn as f64;
        let mut found = Vec::new();
        let steps = self.equal_steps + self.different_steps;
        if self.site == SiteName::Embedding {
            found.extend(self.wrong_types(settings, ln_entry));
        }
        match settings.time {
            // Said in other words just before.
            _ if self.site == SiteName::Embedding => {}
            MaskTime::Fixed if self.different_steps > 0 => found.push(format!(
                "the mask changed between {} of {steps} successive steps though it was specified as fixed",
                self.different_steps
            )),
            MaskTime::PerStep if too_many_equal(self.equal_steps, steps, ln_steps) => found.push(format!(
                "the mask was the same at {} of {steps} successive steps though it was specified as drawn anew",
                self.equal_steps
            )),
            _ => {}
        }
        let pairs = self.equal_rows + self.different_rows;
        let shared = self.site == SiteName::Embedding && settings.shared();
        if shared && self.different_rows > 0 {
            found.push(format!(
                "{} of {pairs} pairs of sequences had masks of their own though they were to share one",
                self.different_rows
            ));
        }
        if !shared && too_many_equal(self.equal_rows, pairs, ln_rows) {
            found.push(format!(
                "{} of {pairs} neighbouring sequences shared their mask",
                self.equal_rows
            ));
        }
        let pairs = self.equal_gates + self.different_gates;
        if too_many_equal(self.equal_gates, pairs, ln_gates) {
            found.push(format!(
                "{} of {pairs} neighbouring gates shared their mask though each was to have its own",
                self.equal_gates
            ));
        }
        let inspected = self.minibatches.len();
        let repeated = inspected - self.minibatches.iter().collect::<BTreeSet<_>>().len();
        let pairs = (inspected * inspected) as f64 / 2.0;
        if repeated > 0 && pairs.ln() + ln_minibatches < ERROR_PROBABILITY.ln() {
            found.push(format!(
                "{repeated} of {inspected} minibatches had the masks of another"
            ));
        }
        found.extend(match settings.noise {
            Noise::Mask => self.wrong_rate(rate),
            Noise::Moments => self.wrong_moments(),
        });
        found
    }

    fn wrong_rate(&self, rate: f64) -> Option<String> {
        let share = self.kept as f64 / self.entries.max(1) as f64;
        let evidence = self.entries as f64 * divergence(share, (1.0 - rate).ln(), rate.ln());
        (evidence > (2.0 / ERROR_PROBABILITY).ln()).then(|| {
            format!(
                "{share:.4} of {} entries were kept, which a rate of {rate} makes all but impossible",
                self.entries
            )
        })
    }

    /// Mean and variance of n normal numbers. P(|mean| > √(2x / n)) ≤ 2 exp(−x); and the sum of squares leaves
    /// n ± (2 √(n x) + 2x) with a chance of at most 2 exp(−x) (Laurent & Massart 2000, lemma 1).
    fn wrong_moments(&self) -> Option<String> {
        let n = self.entries.max(1) as f64;
        let [sum, squares] = self.sums;
        let x = (2.0 / ERROR_PROBABILITY).ln();
        let outside = sum.abs() > (2.0 * x * n).sqrt()
            || (squares - n).abs() > 2.0 * (n * x).sqrt() + 2.0 * x;
        outside.then(|| {
            format!(
                "{} noise numbers have mean {:.4} and mean square {:.4}, all but impossible for a standard normal",
                self.entries,
                sum / n,
                squares / n
            )
        })
    }
}

/// Whether `equal` of `n` successive comparisons, each equal with chance exp(`ln_chance`), is beyond chance.
///
/// Every second comparison is independent, and one half of them has at least the overall share.
fn too_many_equal(equal: u64, n: u64, ln_chance: f64) -> bool {
    if n == 0 {
        return false;
    }
    let share = equal as f64 / n as f64;
    let independent = (n / 2).max(1) as f64;
    share > ln_chance.exp()
        && independent * divergence(share, ln_chance, (-ln_chance.exp_m1()).ln())
            > (2.0 / ERROR_PROBABILITY).ln()
}

/// Kullback–Leibler divergence of Bernoulli(`share`) from the chance with logarithms `ln_yes` and `ln_no`:
/// P(share of n at least this far out on its side) ≤ exp(−n · divergence) (Chernoff 1952).
fn divergence(share: f64, ln_yes: f64, ln_no: f64) -> f64 {
    let term = |part: f64, ln: f64| {
        if part > 0.0 {
            part * (part.ln() - ln)
        } else {
            0.0
        }
    };
    term(share, ln_yes) + term(1.0 - share, ln_no)
}

#[cfg(test)]
mod tests;
