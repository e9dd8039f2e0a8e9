//! `bench/card.sh` runs whole without a card: the kernels' source on the processor, a minute's worth of everything.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The latest build of the worker's test `card`, which lies beside this one.
fn card_test(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let programs = entries.filter(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with("card-") && Path::new(&name).extension().is_none()
    });
    let built = |entry: &fs::DirEntry| entry.metadata().and_then(|about| about.modified()).ok();
    let latest = programs.max_by_key(built).map(|entry| entry.path());
    latest.expect("the worker's tests are built: cargo build --workspace --bins --tests")
}

#[test]
fn the_whole_script_runs_on_a_processor_and_keeps_each_part() {
    let deps = std::env::current_exe().expect("this test");
    let deps = deps.parent().expect("its folder");
    let bench = Path::new(env!("CARGO_BIN_EXE_bench-training"));
    let worker = bench.with_file_name("breakmywork-worker");
    assert!(
        worker.exists(),
        "the worker is built: cargo build --workspace --bins"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let programs = folder.path().join("programs");
    fs::create_dir(&programs).expect("a folder");
    for (program, name) in [
        (bench, "bench-training"),
        (&worker, "breakmywork-worker"),
        (&card_test(deps), "card"),
    ] {
        std::os::unix::fs::symlink(program, programs.join(name)).expect("a link");
    }
    let out = folder.path().join("results");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../card.sh");
    let mut command = Command::new("bash");
    command
        .arg(script)
        .args(["run", "--device", "cpu", "--quick"]);
    command
        .arg("--programs")
        .arg(&programs)
        .arg("--out")
        .arg(&out);
    let output = command.output().expect("bash");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for (part, holds) in [
        ("0-machine", "breakmywork-worker"),
        ("1-agreement", "test result: ok"),
        ("2-template", "Over 8 complete pairs"),
        (
            "3-speed-tf32",
            "| h64: 1×64 b64 T100 V10 | ours | gal_untied |",
        ),
        ("4-slots", "| 16 |"),
    ] {
        let text = fs::read_to_string(out.join(part).with_extension("txt")).expect(part);
        assert!(text.contains(holds), "{part}: {text}");
    }
}

/// A part that fails is said, and the others still run.
#[test]
fn a_part_that_fails_stops_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../card.sh");
    let mut command = Command::new("bash");
    command
        .arg(script)
        .args(["run", "--device", "cpu", "--quick", "--only", "0-machine"]);
    command.args(["--only", "1-agreement", "--only", "4-slots"]);
    command.arg("--programs").arg(folder.path().join("nothing"));
    command.arg("--out").arg(folder.path().join("results"));
    let output = command.output().expect("bash");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    for part in ["1-agreement", "4-slots"] {
        assert!(said.contains(&format!("== {part}: FAILED")), "{said}");
    }
}
