//! Files as other programs and systems leave them: understood with a note, or refused with the reason.

use crate::support::*;
use breakmywork_training::data::Content;

fn utf16(text: &str, big: bool) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units
        .flat_map(|unit| {
            if big {
                unit.to_be_bytes()
            } else {
                unit.to_le_bytes()
            }
        })
        .collect()
}

#[test]
fn one_text_has_one_sha256_however_it_was_saved() {
    let place = Place::new();
    let text = lines().replace("line", "liné");
    place.file("plain.txt", &text);
    place.succeeds("import plain plain.txt");
    let plain = place.manifest("plain");
    assert_eq!(plain.notes.len(), 1, "{:?}", plain.notes);
    let mixed: String = text
        .lines()
        .zip(["\r\n", "\n", "\r"].iter().cycle())
        .map(|(line, end)| format!("{line}{end}"))
        .collect();
    for (name, bytes, note) in [
        (
            "windows",
            text.replace('\n', "\r\n").into_bytes(),
            "line ends of Windows",
        ),
        (
            "mac",
            text.replace('\n', "\r").into_bytes(),
            "became line feeds",
        ),
        ("mixed", mixed.into_bytes(), "became line feeds"),
        (
            "marked",
            format!("\u{feff}{text}").into_bytes(),
            "the mark of UTF-8",
        ),
        ("wide", utf16(&text, false), "read as UTF-16"),
        (
            "big",
            utf16(&text.replace('\n', "\r\n"), true),
            "read as UTF-16",
        ),
    ] {
        place.file(&format!("{name}.txt"), bytes);
        let said = place.succeeds(&format!("import {name} {name}.txt"));
        assert!(said.contains(note), "{name}: {said}");
        let manifest = place.manifest(name);
        assert_eq!(manifest.sha256, plain.sha256, "{name}");
        assert!(manifest.notes[0].starts_with(&format!("{name}.txt: ")));
    }
    // So do the files of three splits.
    place.file("a.txt", "one\r\ntwo\r\n");
    place.file("b.txt", "one\ntwo\n");
    place.succeeds("import a --train a.txt --valid a.txt --test a.txt");
    place.succeeds("import b --train b.txt --valid b.txt --test b.txt");
    assert_eq!(place.manifest("a").sha256, place.manifest("b").sha256);
}

#[test]
fn reviews_with_a_mark_or_windows_lines_are_those_without() {
    let place = Place::new();
    let lines: String = (0..20)
        .map(|n| {
            format!(
                "{{\"text\": \"film {n}\", \"label\": {}}}\n",
                f64::from(n) / 20.0
            )
        })
        .collect();
    place.file("plain.jsonl", &lines);
    place.file(
        "marked.jsonl",
        format!("\u{feff}{}", lines.replace('\n', "\r\n")),
    );
    place.succeeds("import plain plain.jsonl");
    place.succeeds("import marked marked.jsonl");
    assert_eq!(
        place.manifest("plain").sha256,
        place.manifest("marked").sha256
    );
    let other = Place::new();
    other.file("words.jsonl", "{\"text\": \"film\", \"label\": \"pos\"}\n");
    let said = other.refuses("import words words.jsonl");
    assert!(
        said.contains(
            "line 1: invalid type: string \"pos\", expected a label that is a number from 0 to 1"
        ),
        "{said}"
    );
}

#[test]
fn rests_and_whole_floats_of_published_chorales_are_understood() {
    let place = Place::new();
    place.file(
        "rests.json",
        r#"{"train": [[[65, 60.0, -1, 53], [NaN, 60], null, [-1.0, null]]], "valid": [[[60]]], "test": [[[]]]}"#,
    );
    let said = place.succeeds("import rests rests.json");
    assert!(
        said.contains("5 rests (-1, null or NaN) were read as silence"),
        "{said}"
    );
    let Content::Frames(frames) = place.content("rests") else {
        panic!("frames");
    };
    assert_eq!(
        frames.train,
        [vec![vec![53, 60, 65], vec![60], vec![], vec![]]]
    );
    place.file("t.jsonl", "[[60.0, -1], [62]]\n");
    let said = place.succeeds("import lines --train t.jsonl --valid t.jsonl --test t.jsonl");
    assert!(said.contains("3 rests"), "{said}");
    let other = Place::new();
    for (frames, words) in [
        (
            "[[[60.5]]]",
            "sequence 1, frame 1: key 60.5 is not among the piano's 21 to 108",
        ),
        (
            "[[[0]]]",
            "key 0 is not among the piano's 21 to 108 (a rest is -1, null or an empty frame)",
        ),
        (
            "[[[\"C4\"]]]",
            "invalid type: string \"C4\", expected a piano key, a whole number from 21 to 108",
        ),
    ] {
        other.file(
            "f.json",
            format!("{{\"train\": {frames}, \"valid\": [[[60]]], \"test\": [[[60]]]}}"),
        );
        let said = other.refuses("import x f.json");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn what_is_no_text_is_named_with_what_to_do() {
    let place = Place::new();
    let no_mark = &utf16("a line\n", false)[2..];
    for (name, bytes, words) in [
        (
            "a.txt",
            &b"\x1f\x8b\x08\0\0\0"[..],
            "compressed with gzip; unpack it with `gunzip`",
        ),
        (
            "a.npz",
            b"PK\x03\x04\0\0",
            "a ZIP archive, as NumPy's .npz are",
        ),
        ("a.npy", b"\x93NUMPY\x01\0", "a NumPy array"),
        (
            "a.pkl",
            b"\x80\x04\x95\0\0",
            "pickled by Python, which runs what it reads",
        ),
        ("a.mat", b"MATLAB 5.0 MAT-file, Platform", "a MATLAB file"),
        ("a.h5", b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (
            "a.idx",
            &[0, 0, 8, 3, 0, 0, 0, 1],
            "an idx file of pictures; name the folder",
        ),
        (
            "b.txt",
            no_mark,
            "the byte at offset 1 is 0, as in UTF-16 without its mark",
        ),
        ("c.txt", b"\xff\xfea\0b", "damaged UTF-16"),
    ] {
        place.file(name, bytes);
        for options in ["", " --kind text", " --kind frames"] {
            let said = place.refuses(&format!("import x {name}{options}"));
            assert!(said.contains(words), "{name}{options}: {said}");
        }
    }
}

#[test]
fn a_known_name_takes_only_what_it_stands_for() {
    let place = Place::new();
    place.file("train.txt", "this is not wikipedia\nat all\n");
    place.file(
        "chorales.json",
        r#"{"train": [[[60]]], "valid": [[[60]]], "test": [[[60]]]}"#,
    );
    place.file("cornell/subj.A", lines());
    place.file("cornell/rating.A", "0.5\n".repeat(100));
    for (words, expected) in [
        (
            "import wikitext_2 --train train.txt --valid train.txt --test train.txt",
            "this is not wikitext_2: its train split has 8 words and line ends, expected 2088628",
        ),
        (
            "import jsb_chorales chorales.json",
            "this is not jsb_chorales: its train split has 1 sequences, expected 229",
        ),
        (
            "import cornell_scale --cornell cornell",
            "this is not cornell_scale: its train split has 80 reviews, expected 4004",
        ),
    ] {
        let said = place.refuses(words);
        assert!(said.contains(expected), "{said}");
        assert!(
            said.contains("under another name, one of your own"),
            "{said}"
        );
    }
    // Others have as many pictures as MNIST, so its files themselves are known.
    let idx = |magic: u32, sizes: &[u32], body: usize| -> Vec<u8> {
        let numbers = std::iter::once(&magic).chain(sizes);
        let mut bytes: Vec<u8> = numbers.flat_map(|number| number.to_be_bytes()).collect();
        bytes.resize(bytes.len() + body, 0);
        bytes
    };
    for prefix in ["train", "t10k"] {
        place.file(
            &format!("m/{prefix}-images-idx3-ubyte"),
            idx(0x803, &[2, 28, 28], 2 * 784),
        );
        place.file(
            &format!("m/{prefix}-labels-idx1-ubyte"),
            idx(0x801, &[2], 2),
        );
    }
    let said = place.refuses("import mnist --mnist m");
    assert!(
        said.contains("train-images-idx3-ubyte is not the file of pictures of mnist: SHA-256"),
        "{said}"
    );
    assert!(said.contains("expected ba891046"), "{said}");
}
