//! Tells the code which commit it is, part of every result, and compiles the kernels of a build for CUDA.

use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

/// What a result depends on.
const CODE: [&str; 4] = [
    "src",
    "../kernels",
    "../../protocol/src",
    "../../Cargo.lock",
];

fn main() {
    if std::env::var_os("CARGO_FEATURE_CUDA").is_some() {
        compile_kernels();
    }
    println!("cargo::rerun-if-env-changed=BREAKMYWORK_CODE_VERSION");
    for source in CODE {
        println!("cargo::rerun-if-changed={source}");
    }
    // Whoever builds without a repository may say it in the environment; an image may set that to nothing.
    let given = std::env::var("BREAKMYWORK_CODE_VERSION").ok();
    let given = given.filter(|given| !given.is_empty());
    let version = given.or_else(commit).unwrap_or_else(|| {
        contents().unwrap_or_else(|error| panic!("the sources cannot be read: {error}"))
    });
    println!("cargo::rustc-env=BREAKMYWORK_CODE_VERSION={version}");
}

/// The commit, with a `+` if the code differs from it.
fn commit() -> Option<String> {
    let head = git(&["rev-parse", "--git-path", "HEAD"])?;
    let logs = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    for path in [head, logs] {
        println!("cargo::rerun-if-changed={path}");
    }
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let status = ["status", "--porcelain", "--untracked-files=no", "--"];
    let changed = git(&[&status[..], &CODE].concat())?;
    Some(if changed.is_empty() {
        commit
    } else {
        commit + "+"
    })
}

/// A name made of the sources themselves, so that two builds without a repository are not taken for one.
fn contents() -> io::Result<String> {
    let mut files = Vec::new();
    for source in CODE {
        list(Path::new(source), &mut files)?;
    }
    files.sort();
    let mut all = Sha256::new();
    for file in files {
        let text = fs::read(&file)?;
        all.update(format!("{} {}\n", file.display(), text.len()));
        all.update(text);
    }
    let hash = all.finalize();
    let digits: String = hash
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(format!("sources-{digits}"))
}

/// The files below a path, or the one that it names.
fn list(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        list(&entry?.path(), files)?;
    }
    Ok(())
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Compiles all kernels into one binary: machine code for Hopper, so that no trainer waits for the driver's compiler,
/// and two texts of PTX, which the driver compiles for newer and for older cards.
fn compile_kernels() {
    /// The oldest cards that CUDA 13 compiles for.
    const OLDEST: &str = "arch=compute_75,code=compute_75";
    /// `compute_90` and not `90a`, so that its text runs on every newer card.
    const HOPPER: &str = "arch=compute_90,code=[sm_90,compute_90]";
    println!("cargo::rerun-if-changed=../kernels");
    for name in ["CUDA_HOME", "CUDA_PATH"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    let status = Command::new(compiler())
        .args(["--fatbin", "-O3", "-std=c++17"])
        .args(["-gencode", OLDEST, "-gencode", HOPPER])
        .arg("-o")
        .arg(Path::new(&out).join("kernels.fatbin"))
        .arg("../kernels/all.cu")
        .status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("nvcc could not compile the kernels: {status}"),
        Err(error) => {
            panic!("a build with `--features cuda` needs nvcc of a CUDA toolkit: {error}")
        }
    }
}

/// nvcc of the toolkit that the environment names, else the one in the path.
fn compiler() -> PathBuf {
    let homes = ["CUDA_HOME", "CUDA_PATH"]
        .into_iter()
        .filter_map(std::env::var_os);
    let mut named = homes.map(|home| Path::new(&home).join("bin/nvcc"));
    named
        .find(|nvcc| nvcc.exists())
        .unwrap_or_else(|| "nvcc".into())
}
