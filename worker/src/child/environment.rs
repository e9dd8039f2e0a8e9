//! What a trainer gets of its worker's environment.

use breakmywork_training::device::DeviceChoice;
use std::ffi::OsString;

/// For every trainer: what it logs, where the system looks for libraries, how memory is allocated.
const KEPT: [&str; 4] = [
    "RUST_LOG",
    "RUST_BACKTRACE",
    "LD_LIBRARY_PATH",
    "GLIBC_TUNABLES",
];
/// For one on a card: where its driver keeps compiled kernels,
const KEPT_ON_CARD: &str = "HOME";
/// and which cards it may see, and how it uses them.
const OF_CARDS: [&str; 2] = ["CUDA_", "NVIDIA_"];

/// The variables that a trainer on that device gets; none of them opens anything.
pub(super) fn kept(
    device: DeviceChoice,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (OsString, OsString)> {
    variables.filter(move |(name, _)| {
        let Some(name) = name.to_str() else {
            return false;
        };
        let of_cards =
            || name == KEPT_ON_CARD || OF_CARDS.iter().any(|some| name.starts_with(some));
        KEPT.contains(&name) || (device != DeviceChoice::Cpu && of_cards())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_needs_a_little_more_and_nothing_gets_a_secret() {
        let names = [
            "AWS_SECRET_ACCESS_KEY",
            "BREAKMYWORK_TOKEN",
            "CUDA_VISIBLE_DEVICES",
            "DATABASE_URL",
            "HOME",
            "PATH",
            "RUST_LOG",
        ];
        let variables = || names.map(|name| (name.into(), "x".into())).into_iter();
        let on =
            |device| -> Vec<OsString> { kept(device, variables()).map(|(name, _)| name).collect() };
        assert_eq!(on(DeviceChoice::Cpu), ["RUST_LOG"]);
        assert_eq!(
            on(DeviceChoice::Cuda(0)),
            ["CUDA_VISIBLE_DEVICES", "HOME", "RUST_LOG"]
        );
    }
}
