//! The variants of a dropout site.

use breakmywork_protocol::spec::{
    Carry, Cell, Gates, MaskTime, Noise, Scaling, Shared, Site, SiteName,
};

/// Every combination of the settings that apply to the site.
pub(crate) fn of(cell: Cell, name: SiteName) -> Vec<Site> {
    let options = |applies: bool, count: usize| 0..if applies { count } else { 1 };
    let mut variants = Vec::new();
    for time in [MaskTime::PerStep, MaskTime::Fixed] {
        for shared in options(name != SiteName::RecurrentWeights, 2) {
            for gates in options(name.feeds_gates() && cell != Cell::Rnn, 2) {
                for carry in options(name == SiteName::Cell, 2) {
                    for scaling in options(!name.is_zoneout(), 2) {
                        for noise in options(name.feeds_product() && gates == 0, 2) {
                            variants.push(Site {
                                shared: [Shared::None, Shared::Batch][shared],
                                gates: [None, Some(Gates::Untied)][gates],
                                carry: Some([Carry::Masked, Carry::Unmasked][carry]),
                                scaling: Some([Scaling::Inverted, Scaling::Published][scaling]),
                                noise: [Noise::Mask, Noise::Moments][noise],
                                ..Site::new(0.4, time)
                            });
                        }
                    }
                }
            }
        }
    }
    variants
}
