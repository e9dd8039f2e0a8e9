//! The masks of the drawing: not random ones, but ones that show what matters.

use breakmywork_protocol::spec::{MaskTime, Site, SiteName};

/// Which units are kept at a step. The drawing is exact about what matters: as
/// many units fall as the rate says (at least one, never all), at a fixed site the
/// same ones each time, at a per-step site never the same set twice in a row.
pub(super) fn mask(site: &Site, name: SiteName, units: usize, step: usize) -> Vec<bool> {
    let stream = stream(name);
    let dropped = ((site.rate * units as f64).round() as usize).clamp(1, units - 1);
    let draw = |turn: usize| {
        let mut order: Vec<usize> = (0..units).collect();
        let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(stream * 1000 + turn as u64 + 7);
        for place in (1..units).rev() {
            // SplitMix64: small and even enough for a drawing.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            order.swap(
                place,
                ((mixed ^ (mixed >> 31)) % (place as u64 + 1)) as usize,
            );
        }
        let mut kept = vec![true; units];
        for &unit in &order[..dropped] {
            kept[unit] = false;
        }
        kept
    };
    match site.time {
        MaskTime::Fixed => draw(0),
        MaskTime::PerStep => {
            let mut turn = 0;
            let mut current = draw(turn);
            for _ in 0..step {
                loop {
                    turn += 1;
                    let next = draw(turn);
                    if next != current {
                        current = next;
                        break;
                    }
                }
            }
            current
        }
    }
}

/// Different sites never have the same mask by accident.
fn stream(name: SiteName) -> u64 {
    match name {
        SiteName::State => 1,
        SiteName::Input => 2,
        SiteName::Output => 3,
        SiteName::Between => 4,
        SiteName::RecurrentWeights => 5,
        SiteName::Update => 6,
        SiteName::Cell => 7,
        SiteName::ZoneoutCell => 8,
        SiteName::ZoneoutState => 9,
        SiteName::Embedding => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNITS: usize = 8;

    #[test]
    fn a_fixed_mask_is_the_same_at_every_step_and_a_fresh_one_is_not() {
        for name in SiteName::ALL {
            for rate in [0.0, 0.1, 0.25, 0.5, 0.9, 0.99] {
                let fixed = Site::new(rate, MaskTime::Fixed);
                let fresh = Site::new(rate, MaskTime::PerStep);
                for step in 1..5 {
                    let at = |site, step| mask(site, name, UNITS, step);
                    assert_eq!(at(&fixed, step), at(&fixed, 0));
                    assert_ne!(at(&fresh, step), at(&fresh, step - 1));
                }
            }
        }
    }

    #[test]
    fn the_rate_is_drawn_true() {
        let site = Site::new(0.25, MaskTime::Fixed);
        let mask = mask(&site, SiteName::State, UNITS, 0);
        assert_eq!(mask.iter().filter(|kept| !**kept).count(), 2);
    }
}
