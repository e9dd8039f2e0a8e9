//! What is on the disk: all of a data set or nothing, and never damaged unnoticed.

use crate::support::*;
use std::fs;
use std::process::Command;

#[test]
fn a_write_that_fails_leaves_nothing() {
    let place = Place::new();
    place.file("a.txt", lines().repeat(10));
    // A shell's limit of one block makes the system refuse the rest of the first larger file.
    let output = Command::new("sh")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 1; exec \"$0\" data import sample a.txt --data-sets data")
        .arg(env!("CARGO_BIN_EXE_breakmywork-worker"))
        .current_dir(place.folder.path())
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(10), "{said}");
    assert!(
        said.contains("cannot write data/sample/.1.partial/"),
        "{said}"
    );
    assert!(said.contains("no data set was added or changed"), "{said}");
    assert!(place.left().is_empty(), "{:?}", place.left());
}

#[test]
fn what_a_killed_import_left_is_ignored_and_cleared_away() {
    let place = Place::new();
    place.file("a.txt", lines());
    place.file("data/sample/.1.partial/train.txt", "half");
    place.file("data/postgres/17/PG_VERSION", "17");
    assert_eq!(place.store().list().expect("lists"), []);
    place.succeeds("import sample a.txt");
    assert_eq!(place.store().list().expect("lists").len(), 1);
    assert!(!place.data().join("sample/.1.partial").exists());
}

#[test]
fn damaged_and_missing_files_are_noticed() {
    let place = Place::new();
    place.file("a.txt", lines());
    place.succeeds("import sample a.txt");
    let load = || {
        let loaded = place.store().load(&reference("sample"));
        loaded.expect_err("is damaged").to_string()
    };
    let path = place.data().join("sample/1/valid.txt");
    let whole = fs::read(&path).expect("reads");
    fs::write(&path, &whole[1..]).expect("writes");
    let said = load();
    assert!(
        said.contains("sample/1/valid.txt is damaged: SHA-256"),
        "{said}"
    );
    assert!(
        said.contains("delete the folder") && said.contains("import sample@1 again"),
        "{said}"
    );
    fs::remove_file(&path).expect("deletes");
    assert!(load().contains("sample/1/valid.txt is damaged: it is missing"));
    let manifest = place.data().join("sample/1/manifest.json");
    let text = fs::read_to_string(&manifest).expect("reads");
    fs::write(&manifest, text.replace(&sha256(&whole), &sha256(b"other"))).expect("writes");
    assert!(load().contains("manifest.json is damaged: SHA-256"));
    fs::remove_file(&manifest).expect("deletes");
    assert!(load().contains("manifest.json is damaged: it is missing"));
    let absent = place
        .store()
        .load(&reference("penn_treebank"))
        .expect_err("not here");
    assert!(
        absent
            .to_string()
            .contains("run `breakmywork-worker data import penn_treebank --train")
    );
    let absent = place
        .store()
        .load(&reference("mine@3"))
        .expect_err("not here")
        .to_string();
    assert!(
        absent.contains("mine@3 is not in") && absent.contains("data import mine@3"),
        "{absent}"
    );
}
