//! The scripts that users copy, against the real programs.

use crate::support::{Result, Up, breakmywork, data_dir, stdout};
use std::path::Path;
use std::process::{Command, Output};

/// Six pairs of a network so small that a run takes a moment.
pub(crate) const TINY: &str = r#"
title = "A tiny experiment"
seeds = 6
[task]
name = "adding"
length = 4
[model]
hidden = 3
[training]
steps = 8
batch = 4
[evaluation]
every = 4
sequences = 20
[[arms]]
name = "fixed \"state\" mask"
dropout.state = { rate = 0.25, time = "fixed" }
[[arms]]
name = 'fresh \ mask'
dropout.state = { rate = 0.25, time = "per_step" }
[criterion]
kind = "difference"
metric = "test_mse"
treatment = "fixed \"state\" mask"
control = 'fresh \ mask'
margin = 0.02
"#;

#[test]
fn both_scripts_reach_a_verdict_and_a_repetition_changes_nothing() -> Result {
    let (folder, data_dir) = data_dir()?;
    let up = Up::start(&data_dir, "1")?;
    let made = breakmywork(&data_dir, &["user", "create", "ada"]).output()?;
    assert!(made.status.success());
    let token = breakmywork(&data_dir, &["token", "create", "--user", "ada"]).output()?;
    let spec = folder.path().join("tiny.toml");
    std::fs::write(&spec, TINY)?;

    let submit = |program: &str, claim: &str, spec: &Path| -> Result<Output> {
        Ok(Command::new(program)
            .arg(if program == "bash" {
                "examples/submit.sh"
            } else {
                "examples/submit.py"
            })
            .args([claim.as_ref(), spec.as_os_str()])
            .env("BREAKMYWORK_URL", format!("http://{}", up.address))
            .env("BREAKMYWORK_TOKEN", stdout(&token))
            .env("POLL_SECONDS", "0.3")
            .output()?)
    };
    let mut registered = Vec::new();
    for (program, claim) in [("bash", "C2"), ("python3", "C3"), ("python3", "C3")] {
        let output = submit(program, claim, &spec)?;
        let text = stdout(&output);
        assert!(
            output.status.success(),
            "{program}: {text}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(text.contains("Verdict: "), "{program}: {text}");
        registered.push(text.lines().next().unwrap_or_default().to_owned());
    }
    assert_ne!(registered[0], registered[1]);
    assert_eq!(
        registered[1], registered[2],
        "the same submission is the same experiment"
    );

    std::fs::write(&spec, TINY.replace("rate = 0.25", "rate = 2"))?;
    for program in ["bash", "python3"] {
        let output = submit(program, "C2", &spec)?;
        assert_eq!(output.status.code(), Some(1));
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(
            words.contains("/spec/arms/0/dropout/state/rate"),
            "{program}: {words}"
        );
    }
    up.stop("-TERM")?;
    Ok(())
}
