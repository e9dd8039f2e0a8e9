//! Drawing masks, and what they are on average.

use super::drawn::{Drawn, Entries, MaskSize};
use super::place::{self, Place, kept_value};
use super::{MaskShape, Position, active, embedding};
use crate::card::{self, Card};
use crate::rng::{Purpose, Stream};
use breakmywork_protocol::spec::{MaskTime, Noise, Site, SiteName};
use candle_core::Result;
use std::sync::Arc;

/// Masks by site and layer.
type ByPlace = Vec<((SiteName, usize), Drawn)>;

/// The masks of a site at their mean; none where that is 1.
pub(super) fn means(name: SiteName, shape: MaskShape<'_>) -> ByPlace {
    let Some(site) = active(shape.dropout, name) else {
        return Vec::new();
    };
    let mean = match name.is_zoneout() {
        true => site.rate,
        false if site.published() => 1.0 - site.rate,
        false => return Vec::new(),
    };
    // A constant has no variance, so moments become a plain factor.
    let site = Site {
        noise: Noise::Mask,
        gates: None,
        ..site.clone()
    };
    let one = MaskSize {
        masks: 1,
        gates: 1,
        by_gate: false,
        rows: 1,
        width: 1,
    };
    let mean = Entries::Double(Arc::new(vec![mean]));
    let place = |place: Place| {
        let drawn = Drawn::new(site.clone(), one, mean.clone());
        ((name, place.layer), drawn)
    };
    Place::all(name, shape).into_iter().map(place).collect()
}

/// Fresh masks of a site, drawn on that card or here.
pub(super) fn draws(
    card: Option<&dyn Card>,
    name: SiteName,
    shape: MaskShape<'_>,
    seed: u32,
    purpose: impl Fn(u8, u16) -> Purpose,
    position: Position,
) -> Result<ByPlace> {
    let Some(site) = active(shape.dropout, name) else {
        return Ok(Vec::new());
    };
    let position = match site.time {
        MaskTime::Fixed => position.fixed,
        MaskTime::PerStep => position.per_step,
    };
    let place = |place: Place| {
        let purpose = purpose(place::stream(name), place.layer as u16);
        let mut stream = Stream::new(seed, purpose, position);
        let drawn = match name {
            SiteName::Embedding => embedding::draw(shape, site, &mut stream)?,
            _ => draw_place(card, &place, name, site, &mut stream)?,
        };
        Ok(((name, place.layer), drawn))
    };
    Place::all(name, shape).into_iter().map(place).collect()
}

fn draw_place(
    card: Option<&dyn Card>,
    place: &Place,
    name: SiteName,
    site: &Site,
    stream: &mut Stream,
) -> Result<Drawn> {
    let size = MaskSize {
        masks: match site.time {
            MaskTime::Fixed => 1,
            MaskTime::PerStep => place.steps,
        },
        gates: place.gates,
        by_gate: place.by_gate,
        rows: place.rows,
        width: place.width,
    };
    let keep = 1.0 - site.rate;
    // Zoneout's 1 is for the previous value.
    let (chance, value) = match name.is_zoneout() {
        true => (site.rate, 1.0),
        false => (keep, kept_value(site)),
    };
    let entries = match card.filter(|_| site.noise == Noise::Mask) {
        Some(card) => {
            let shape = [size.masks, size.gates, size.rows, size.width];
            Entries::OnCard(card::draw_mask(card, stream, &shape, chance, value as f32)?)
        }
        None => {
            let mut entries = vec![0.0; size.masks * size.entries()];
            match site.noise {
                Noise::Moments => entries.fill_with(|| stream.normal() as f32),
                Noise::Mask => stream.fill_bernoulli(&mut entries, chance, value as f32),
            }
            Entries::Single(Arc::new(entries))
        }
    };
    Ok(Drawn::new(site.clone(), size, entries))
}
