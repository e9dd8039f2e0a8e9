//! No module names one above it, and the script that holds that finds what does.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What `scripts/floors` says of that tree; nothing where it is content.
fn faults(tree: &Path) -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/floors");
    let output = Command::new(script).arg(tree).output().expect("runs");
    let said = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    said.lines().map(str::to_owned).collect()
}

#[test]
fn the_worker_keeps_the_order_of_its_floors() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    assert_eq!(faults(&root), Vec::<String>::new());
}

#[test]
fn every_way_of_naming_a_higher_floor_is_found_and_comments_texts_and_tests_are_free() {
    let tree = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = tree.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("is made");
        fs::write(path, text).expect("is written");
    };
    write(
        "docs/architecture.md",
        "# A\n\n## Floors\n\n| floor | modules |\n|--:|---|\n| 1 | `ground` |\n| 2 | `walls/left` `walls/right` |\n| 3 | `walls` |\n| 4 | `roof` |\n",
    );
    write(
        "worker/src/roof.rs",
        "use crate::{ground::{self, A}, walls::B};\n",
    );
    write("worker/src/walls/mod.rs", "use crate::ground;\n");
    write("worker/src/walls/left.rs", "use super::super::ground::A;\n");
    write("worker/src/walls/right/mod.rs", "");
    let ground = "//! [`crate::roof`]\nconst A: [&str; 2] = [\"crate::roof\", r#\"\" crate::roof\"#];\n#[cfg(test)]\nmod tests {\n    use crate::roof;\n}\n";
    write("worker/src/ground.rs", ground);
    assert_eq!(faults(tree.path()), Vec::<String>::new());

    write(
        "worker/src/ground.rs",
        &format!("{ground}use crate::{{\n    ground::A,\n    roof::{{B, C}},\n}};\n"),
    );
    write(
        "worker/src/walls/left.rs",
        "const Q: char = '\"';\nfn f() {\n    super::right::f();\n    crate::walls::f()\n}\n",
    );
    write("worker/src/shed.rs", "");
    let found = faults(tree.path()).join("\n");
    for part in [
        "worker/src/ground.rs:7: `ground` (floor 1) names `roof::B`, but `roof` is on floor 4",
        "worker/src/ground.rs:7: `ground` (floor 1) names `roof::C`",
        "worker/src/walls/left.rs:3: `walls/left` (floor 2) names `walls::right::f`",
        "worker/src/walls/left.rs:4: `walls/left` (floor 2) names `walls::f`",
        "worker/src/shed.rs:1: `shed` has no floor",
    ] {
        assert!(found.contains(part), "{part}\n{found}");
    }
    assert_eq!(found.lines().count(), 5, "{found}");
}
