//! The estimate of the ready template beside what training it takes. Alone in its program: its CPU time is the run's.

use breakmywork_protocol::spec::{self, Format, Plan};
use breakmywork_worker::device::DeviceChoice;
use breakmywork_worker::train::{self, Options, Outcome, Requests};
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

#[test]
fn the_ready_template_takes_what_is_estimated() {
    let text = include_str!("../../examples/specs/fixed-or-fresh.toml");
    let spec = spec::read(text, Format::Toml).expect("good");
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
    let took = cpu_seconds() - before;
    // Measured in release on the machine that was fitted: 1.15. This is a test build on whatever machine, maybe busy.
    assert!(
        took < 6.0 * estimated && estimated < 4.0 * took,
        "estimated {estimated:.2} s, took {took:.2} s"
    );
}
