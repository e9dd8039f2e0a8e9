//! Every kind, from its files to its content.

use crate::support::*;
use breakmywork_training::data::known::Texts;
use breakmywork_training::data::{Content, Input, Kind, Request, Splits, import};
use std::fs;
use std::io::Write;

#[test]
fn a_text_is_split_at_lines_comes_back_whole_and_is_imported_once() {
    let place = Place::new();
    place.file("a.txt", lines());
    assert!(
        place
            .succeeds("import sample a.txt")
            .contains("sample@1 imported")
    );
    let Content::Text(text) = place.content("sample") else {
        panic!("text");
    };
    assert_eq!(
        text.each().map(|(_, text)| text.lines().count()),
        [90, 5, 5]
    );
    assert_eq!(text.train.clone() + &text.valid + &text.test, lines());
    let manifest = place.manifest("sample");
    assert_eq!(
        (manifest.kind, manifest.source.as_slice()),
        (Kind::Text, &["a.txt".to_owned()][..])
    );
    assert_eq!(manifest.splits.train["words"], 360);
    // What `sha256sum *.txt | sha256sum` prints.
    let listing = [
        ("test", &text.test),
        ("train", &text.train),
        ("valid", &text.valid),
    ]
    .map(|(split, text)| format!("{}  {split}.txt\n", sha256(text.as_bytes())));
    assert_eq!(manifest.sha256, sha256(listing.concat().as_bytes()));

    assert!(
        place
            .succeeds("import sample a.txt")
            .contains("already here, unchanged")
    );
    place.file("b.txt", lines() + "another line\n");
    let output = place.run("import sample b.txt");
    assert_eq!(output.status.code(), Some(10));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("already here with other content"), "{said}");
    assert!(said.contains("import it as sample@2"), "{said}");
    assert_eq!(place.manifest("sample"), manifest);
    place.succeeds("import sample@2 b.txt");
    let listed: serde_json::Value =
        serde_json::from_str(&place.succeeds("list --json")).expect("JSON");
    assert_eq!(listed["here"][1]["version"], 2);
    assert_eq!(listed["missing"][0]["name"], "tiny_shakespeare");
    let listed = place.succeeds("list");
    assert!(
        listed.contains(&format!("sample@1  text      {}", &manifest.sha256[..12])),
        "{listed}"
    );
    assert!(
        listed.contains("breakmywork-worker data import penn_treebank --train FILE"),
        "{listed}"
    );
}

#[test]
fn labelled_texts_are_shuffled_the_same_everywhere() {
    let place = Place::new();
    let all: String = (0..20)
        .map(|n| {
            format!(
                "{{\"label\": {}, \"text\": \"review \\u00e9 {n}\"}}\n",
                f64::from(n) / 20.0
            )
        })
        .collect();
    place.file("all.jsonl", all);
    place.succeeds("import reviews all.jsonl");
    let Content::Labelled(reviews) = place.content("reviews") else {
        panic!("labelled");
    };
    assert_eq!(reviews.each().map(|(_, reviews)| reviews.len()), [16, 2, 2]);
    let mut expected: Vec<usize> = (0..20).collect();
    expected.sort_by_key(|n| sha256(format!("{n}\nreview é {n}").as_bytes()));
    let order = reviews
        .train
        .iter()
        .chain(&reviews.valid)
        .chain(&reviews.test);
    for (review, n) in order.zip(expected) {
        assert_eq!(review.text, format!("review é {n}"));
        assert_eq!(review.label, n as f64 / 20.0);
    }
    assert!(place.manifest("reviews").notes[0].starts_with("split 80/10/10"));
    // The canonical files are themselves importable, and give the same data set.
    for split in ["train", "valid", "test"] {
        fs::copy(
            place.data().join(format!("reviews/1/{split}.jsonl")),
            place.folder.path().join(split),
        )
        .expect("copies");
    }
    place.succeeds("import again --kind labelled --train train --valid valid --test test");
    assert_eq!(
        place.manifest("again").sha256,
        place.manifest("reviews").sha256
    );
}

#[test]
fn frames_become_sorted_keys_and_may_be_empty() {
    let place = Place::new();
    place.file(
        "f.json",
        r#"{"train": [[[60, 21], []], [[108]]], "valid": [[[64, 64]]], "test": [[[]]]}"#,
    );
    place.succeeds("import tunes f.json");
    let expected = Splits {
        train: vec![vec![vec![21, 60], vec![]], vec![vec![108]]],
        valid: vec![vec![vec![64]]],
        test: vec![vec![vec![]]],
    };
    assert_eq!(place.content("tunes"), Content::Frames(expected));
    let stored = fs::read_to_string(place.data().join("tunes/1/train.jsonl")).expect("reads");
    assert_eq!(stored, "[[21,60],[]]\n[[108]]\n");
    place.file("t.jsonl", &stored);
    place.file("v.jsonl", "[[64]]\n");
    place.file("e.jsonl", "\n[[]]\n\n");
    place.succeeds("import again --train t.jsonl --valid v.jsonl --test e.jsonl");
    assert_eq!(
        place.manifest("again").sha256,
        place.manifest("tunes").sha256
    );
}

#[test]
fn the_scale_data_is_read_in_both_layouts_and_in_latin_1() {
    let place = Place::new();
    let texts: String = (0..6).map(|n| format!("review {n} .\n")).collect();
    let ratings = "0\n0.25\n.5\n0.75\n1\n0.1\n";
    for folder in ["flat", "original/scaledata/A+B"] {
        place.file(&format!("{folder}/subj.A+B"), &texts);
        place.file(&format!("{folder}/rating.A+B"), ratings);
    }
    for folder in ["flat", "original/scaledata/C"] {
        place.file(
            &format!("{folder}/subj.C"),
            b"caf\xe9 one\ntwo\nthree\nfour\n",
        );
        place.file(&format!("{folder}/rating.C"), "0\n0\n0\n0.123\n");
    }
    place.succeeds("import one --cornell flat");
    place.succeeds("import two --cornell original");
    assert_eq!(place.manifest("one").sha256, place.manifest("two").sha256);
    assert_eq!(
        place.manifest("one").notes[0],
        "subj.C was not UTF-8 and read as Latin-1"
    );
    let Content::Labelled(reviews) = place.content("one") else {
        panic!("labelled");
    };
    let all = || reviews.each().into_iter().flat_map(|(_, reviews)| reviews);
    assert_eq!(all().count(), 10);
    assert!(all().any(|review| review.text == "café one"));
    assert!(all().any(|review| review.text == "four" && review.label == 0.123));
}

fn idx(magic: u32, sizes: &[u32], body: &[u8]) -> Vec<u8> {
    let header = std::iter::once(&magic).chain(sizes);
    let mut bytes: Vec<u8> = header.flat_map(|number| number.to_be_bytes()).collect();
    bytes.extend_from_slice(body);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("compresses");
    encoder.finish().expect("compresses")
}

#[test]
fn pictures_keep_their_order_and_the_last_ten_thousand_validate() {
    let place = Place::new();
    let count = 10_003_u32;
    let pixels: Vec<u8> = (0..count * 784).map(|n| (n / 784 % 251) as u8).collect();
    let labels: Vec<u8> = (0..count).map(|n| (n % 10) as u8).collect();
    let pictures = idx(0x803, &[count, 28, 28], &pixels);
    place.file("m/train-images-idx3-ubyte.gz", gzip(&pictures));
    place.file("m/train-labels-idx1-ubyte", idx(0x801, &[count], &labels));
    place.file(
        "m/t10k-images.idx3-ubyte",
        idx(0x803, &[2, 28, 28], &pixels[..2 * 784]),
    );
    place.file(
        "m/t10k-labels-idx1-ubyte.gz",
        gzip(&idx(0x801, &[2], &[7, 8])),
    );
    place.succeeds("import digits --mnist m");
    let Content::Images(images) = place.content("digits") else {
        panic!("images");
    };
    assert_eq!(
        images.each().map(|(_, images)| images.len()),
        [3, 10_000, 2]
    );
    let first = &images.valid[0];
    assert_eq!((first.label, first.pixels.as_slice()), (3, &[3; 784][..]));
    assert_eq!(images.test[1].label, 8);

    let other = Place::new();
    for (name, bytes) in [
        (
            "train-images-idx3-ubyte",
            idx(0x803, &[2, 28, 28], &pixels[..2 * 784]),
        ),
        ("train-labels-idx1-ubyte", idx(0x801, &[3], &[0, 1, 2])),
    ] {
        other.file(&format!("m/{name}"), bytes);
    }
    let said = other.refuses("import digits --mnist m");
    assert!(
        said.contains("train-labels-idx1-ubyte: it has 3 labels for the 2 pictures"),
        "{said}"
    );
    other.file("m/train-images-idx3-ubyte", &pictures[..5000]);
    let said = other.refuses("import digits --mnist m");
    assert!(
        said.contains(
            "its header promises [10003, 28, 28] bytes of pictures, and 4984 bytes follow"
        ),
        "{said}"
    );
    other.file("m/train-labels-idx1-ubyte", idx(0x801, &[2], &[0, 10]));
    other.file(
        "m/train-images-idx3-ubyte",
        idx(0x803, &[2, 28, 28], &pixels[..2 * 784]),
    );
    let said = other.refuses("import digits --mnist m");
    assert!(
        said.contains("label 10 of picture 2 is not from 0 to 9"),
        "{said}"
    );
}

#[test]
fn a_treebank_is_recognised_with_and_without_line_ends_in_its_hash() {
    let place = Place::new();
    let (train, valid, test) = (" a b \n c a \n", " d \n", " e \n");
    let leak = |text: &str| -> &'static str { sha256(text.as_bytes()).leak() };
    let request = |train: &str| Request {
        reference: reference("bank"),
        kind: None,
        input: Input::Splits(Splits {
            train: place.file("train.txt", train),
            valid: place.file("valid.txt", valid),
            test: place.file("test.txt", test),
        }),
    };
    for joined in ["a b c a", "a b <eos> c a <eos>"] {
        let texts = Texts {
            train_words: leak(joined),
            train_lines: 2,
            valid: leak(valid),
            test: leak(test),
        };
        let known = known("bank", None, Some(texts));
        import(&place.store(), &request(train), Some(&known)).expect("is the original");
        let other = import(&place.store(), &request("a b\nc d\n"), Some(&known));
        let said = other.expect_err("is another").to_string();
        assert!(
            said.contains("train.txt is not the training file"),
            "{said}"
        );
        assert!(
            said.contains("import this one under another name"),
            "{said}"
        );
    }
    let texts = Texts {
        train_words: leak("a b c a"),
        train_lines: 2,
        valid: leak(valid),
        test: leak(test),
    };
    let lost = import(
        &place.store(),
        &request("a b c a\n"),
        Some(&known("bank", None, Some(texts))),
    );
    assert!(
        lost.expect_err("has lost its lines")
            .to_string()
            .contains("on 1 lines instead of 2")
    );
}
