//! Estimates beside what training takes. Alone in its program: its CPU time is the run's.

use breakmywork_protocol::spec::{self, Format, Plan};
use breakmywork_training::device::DeviceChoice;
use breakmywork_training::train::{self, Options, Outcome, Requests};
use std::fs;

/// CPU seconds of this process so far, in steps of a hundredth.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    // The program's name, in brackets, may have blanks.
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let ticks = |index: usize| -> f64 {
        let field = fields.split_whitespace().nth(index).expect("a field");
        field.parse().expect("a number")
    };
    // User and system time are fields 14 and 15 of the line, 11 and 12 behind the name.
    (ticks(11) + ticks(12)) / 100.0
}

/// The seconds that are estimated for all arms, a seed each, and those that training them takes.
fn seconds(spec: &str) -> (f64, f64) {
    let spec = spec::read(spec, Format::Toml).expect("good");
    let options = Options {
        device: DeviceChoice::Cpu,
        checkpoints: None,
        resume: None,
        held: false,
        data_sets: "none".into(),
    };
    let (before, mut estimated) = (cpu_seconds(), 0.0);
    for arm in &spec.arms {
        let plan = Plan {
            arm: arm.name.clone(),
            seed: 1,
            setup: arm.setup.clone(),
        };
        let outcome = train::train(&plan, &options, &Requests::default(), &mut |_| Ok(()));
        assert!(matches!(outcome, Ok(Outcome::Finished(_))));
        estimated += spec::run_seconds(&arm.setup);
    }
    (estimated, cpu_seconds() - before)
}

/// This is a test build on whatever machine, which may be three times as slow as the one that was fitted (that one's seconds:
/// `protocol/src/spec/cost/tests.rs`). So plans are held against each other: what one takes more than another is foreseen.
#[test]
fn plans_take_what_is_estimated() {
    let ready = include_str!("../../../examples/specs/fixed-or-fresh.toml");
    let ready = &ready.replace("steps = 1500", "steps = 500");
    let other = |changes: &[(&str, &str)]| {
        changes.iter().fold(ready.clone(), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        })
    };
    let measured = [
        ready.clone(),
        other(&[
            ("hidden = 32", "hidden = 128"),
            ("steps = 500", "steps = 100"),
        ]),
        other(&[
            ("length = 30", "length = 120"),
            ("steps = 500", "steps = 150"),
        ]),
        other(&[
            ("\"lstm\"", "\"gru\""),
            ("batch = 32", "batch = 128"),
            ("steps = 500", "steps = 200"),
        ]),
    ]
    .map(|spec| seconds(&spec));
    let factors = measured.map(|(estimated, took)| took / estimated);
    let least = factors.iter().copied().fold(f64::INFINITY, f64::min);
    let most = factors.iter().copied().fold(0.0, f64::max);
    assert!(most < 3.0 * least, "{measured:?}");
    // No machine is four times as fast as that one, least of all with a test build.
    assert!(least > 0.25, "{measured:?}");
}
