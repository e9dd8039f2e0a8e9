//! Masks of whole words: by type all occurrences in a sequence agree, by token they do not.

use super::{Applied, MaskShape, Place, Proof, Seen, place_name, too_many_equal};
use breakmywork_protocol::spec::{By, MaskTime, Site, SiteName};
use candle_core::Result;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

impl Proof {
    /// Inspects the masks on the tokens of one minibatch.
    pub(super) fn inspect_embedding(
        &mut self,
        shape: MaskShape<'_>,
        site: &Site,
        log: &[Applied],
    ) -> Result<()> {
        let name = place_name(SiteName::Embedding, 0);
        let here: Vec<&Applied> = log
            .iter()
            .filter(|applied| applied.site == SiteName::Embedding)
            .collect();
        let Some(tokens) = shape.tokens else {
            self.violate(format!("{name}: no tokens were read"));
            return Ok(());
        };
        if !here.iter().map(|applied| applied.step).eq(0..shape.steps) {
            let (had, wanted) = (here.len(), shape.steps);
            self.violate(format!(
                "{name}: masked at {had} time steps instead of {wanted}"
            ));
            return Ok(());
        }
        let mut kept = Vec::with_capacity(tokens.ids.len());
        for applied in here {
            kept.extend_from_slice(&applied.entries()?);
        }
        if kept.len() != tokens.ids.len() {
            self.violate(format!(
                "{name}: a mask does not have one entry for each sequence"
            ));
            return Ok(());
        }
        let full = match site.published() {
            true => 1.0,
            false => 1.0 / (1.0 - site.rate),
        };
        let allowed = |value: f32| value == 0.0 || (f64::from(value) / full - 1.0).abs() < 1e-6;
        if !kept.iter().all(|&value| allowed(value)) {
            self.violate(format!(
                "{name}: a mask has entries that its rate and scaling do not allow"
            ));
        }
        let kept: Vec<bool> = kept.iter().map(|&value| value != 0.0).collect();
        let known = self
            .places
            .iter()
            .position(|seen| seen.site == SiteName::Embedding);
        let index = known.unwrap_or(self.places.len());
        if known.is_none() {
            let place = Place {
                layer: 0,
                steps: shape.steps,
                gates: 1,
                by_gate: false,
                rows: 1,
                width: 1,
            };
            let mut seen = Seen::new(SiteName::Embedding, place, MaskTime::Fixed);
            seen.drawn = usize::MAX;
            self.places.push(seen);
        }
        let seen = &mut self.places[index];
        seen.count_tokens(&tokens.ids, &kept, shape.batch, site);
        let bytes: Vec<u8> = kept.iter().map(|&kept| u8::from(kept)).collect();
        seen.minibatches.push(hex::encode(Sha256::digest(&bytes)));
        seen.windows += 1;
        Ok(())
    }
}

impl Seen {
    fn count_tokens(&mut self, ids: &[u32], kept: &[bool], batch: usize, site: &Site) {
        let by_token = site.by == Some(By::Token);
        // The mask of the last occurrence of a type: in a sequence, and at all.
        let mut in_sequence: HashMap<(usize, u32), bool> = HashMap::new();
        let mut anywhere: HashMap<u32, (usize, bool)> = HashMap::new();
        let (mut step_before, mut drawn) = (None, 0);
        for (place, (&id, &keeps)) in ids.iter().zip(kept).enumerate() {
            let (step, sequence) = (place / batch, place % batch);
            let repeated = in_sequence.insert((sequence, id), keeps);
            match repeated {
                Some(before) if before == keeps => self.equal_steps += 1,
                Some(_) => self.different_steps += 1,
                None => {}
            }
            // What must agree is no new evidence about the rate.
            let neighbour = match by_token {
                true => step_before.filter(|(at, _)| *at == step),
                false => anywhere.get(&id).copied().filter(|(at, _)| *at != sequence),
            };
            let fresh = (by_token || repeated.is_none()) && !(site.shared() && neighbour.is_some());
            if fresh && !(site.shared() && !by_token && anywhere.contains_key(&id)) {
                self.entries += 1;
                self.kept += u64::from(keeps);
                drawn += 1;
            }
            if by_token || repeated.is_none() {
                match neighbour {
                    Some((_, before)) if before == keeps => self.equal_rows += 1,
                    Some(_) => self.different_rows += 1,
                    None => {}
                }
            }
            anywhere.insert(id, (sequence, keeps));
            step_before = Some((step, keeps));
        }
        // Fewest independent entries of a minibatch: what the chance of a repetition rests on.
        self.drawn = self.drawn.min(drawn);
    }

    /// What is wrong between the occurrences of a type in a sequence.
    pub(super) fn wrong_types(&self, site: &Site, ln_entry: f64) -> Option<String> {
        let pairs = self.equal_steps + self.different_steps;
        match site.by {
            Some(By::Token) => too_many_equal(self.equal_steps, pairs, ln_entry).then(|| {
                format!(
                    "{} of {pairs} repetitions of a word had its mask though each token was to have its own",
                    self.equal_steps
                )
            }),
            _ => (self.different_steps > 0).then(|| {
                format!(
                    "{} of {pairs} repetitions of a word had another mask though it was to be dropped by type",
                    self.different_steps
                )
            }),
        }
    }
}

#[cfg(test)]
mod tests;
