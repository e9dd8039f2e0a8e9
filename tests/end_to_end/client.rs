//! The Python client, against the real programs: its types, its tests on a live board, and that it can be packed.

use crate::support::{Result, Up, breakmywork, data_dir, stdout};
use std::path::Path;
use std::process::Command;

#[test]
fn the_python_client_reaches_a_verdict_and_reads_its_numbers() -> Result {
    let (folder, data_dir) = data_dir()?;
    let up = Up::start(&data_dir, "1")?;
    let made = breakmywork(&data_dir, &["user", "create", "ada"]).output()?;
    assert!(made.status.success());
    let token = breakmywork(&data_dir, &["token", "create", "--user", "ada"]).output()?;
    let python = |words: &[&str]| -> Result {
        let output = Command::new(Path::new(env!("CARGO_TARGET_TMPDIR")).join("python/bin/python"))
            .args(words)
            .current_dir("clients/python")
            .env("PYTHONPATH", "src")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("MPLCONFIGDIR", folder.path())
            .env("BREAKMYWORK_URL", format!("http://{}", up.address))
            .env("BREAKMYWORK_TOKEN", stdout(&token))
            .output()
            .map_err(|error| format!("{error}; `make test` installs the Python tools"))?;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{words:?}: {}\n{errors}",
            stdout(&output)
        );
        Ok(())
    };
    let cache = folder.path().join("mypy");
    python(&["-m", "mypy", "--cache-dir", &cache.to_string_lossy()])?;
    python(&["-m", "pytest", "--quiet", "-p", "no:cacheprovider"])?;
    let wheels = folder.path().join("wheels");
    let wheel = [
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
    ];
    python(&[&wheel[..], &[".", "--wheel-dir", &wheels.to_string_lossy()]].concat())?;
    assert_eq!(std::fs::read_dir(&wheels)?.count(), 1);
    up.stop("-TERM")?;
    Ok(())
}
