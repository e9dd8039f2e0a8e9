//! Tells the code which commit it is: part of every result.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=BREAKMYWORK_CODE_VERSION");
    // Whoever builds without a repository, such as an image, says it in the environment.
    let given = std::env::var("BREAKMYWORK_CODE_VERSION").ok();
    let version = given.or_else(commit).unwrap_or_else(|| "unknown".into());
    println!("cargo::rustc-env=BREAKMYWORK_CODE_VERSION={version}");
}

/// The commit, with a `+` if the code differs from it.
fn commit() -> Option<String> {
    let head = git(&["rev-parse", "--git-path", "HEAD"])?;
    let logs = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    for path in [head, logs] {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-changed=src");
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no", "."])?;
    Some(if changed.is_empty() {
        commit
    } else {
        commit + "+"
    })
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
