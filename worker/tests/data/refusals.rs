//! Files that are refused, and what is said.

use crate::support::*;

#[test]
fn what_is_wrong_is_named_with_its_place_and_what_to_do() {
    let place = Place::new();
    place.file("good.txt", "a line\n");
    place.file("empty.txt", "");
    place.file("blank.txt", "\n  \n");
    place.file("one-line.txt", "all on one line\n");
    place.file("two-lines.txt", "first\nsecond\n");
    place.file("latin.txt", b"caf\xe9\nline\n");
    place.file("unclear.bin", "who knows");
    place.file(
        "label.jsonl",
        "{\"text\":\"a\",\"label\":1}\n\n{\"text\":\"b\",\"label\":1.5}\n",
    );
    place.file("number.jsonl", "{\"text\":\"a\",\"label\":\"good\"}\n");
    place.file("infinite.jsonl", "{\"text\":\"a\",\"label\":1e999}\n");
    place.file("no-text.jsonl", "{\"text\":\" \",\"label\":1}\n");
    place.file("few.jsonl", "{\"text\":\"a\",\"label\":1}\n");
    place.file(
        "key.json",
        "{\"train\":[[[60]]],\"valid\":[[[60]],[[21],[60,109]]],\"test\":[[[60]]]}",
    );
    place.file("key.jsonl", "[[60]]\n[[20]]\n");
    place.file("no-test.json", "{\"train\":[[[60]]],\"valid\":[[[60]]]}");
    place.file(
        "no-frames.json",
        "{\"train\":[[]],\"valid\":[[[60]]],\"test\":[[[60]]]}",
    );
    place.file(
        "no-sequence.json",
        "{\"train\":[[[60]]],\"valid\":[],\"test\":[[[60]]]}",
    );
    place.file("uneven/subj.X", "one\ntwo\n");
    place.file("uneven/rating.X", "0.5\n");
    place.file("high/subj.X", "one\ntwo\n");
    place.file("high/rating.X", "0.5\n3\n");
    place.file("half/subj.X", "one\n");
    place.file("none/readme", "nothing");
    for (words, expected) in [
        (
            "import x empty.txt",
            "empty.txt is empty, and every split needs something",
        ),
        ("import x blank.txt", "blank.txt is empty"),
        (
            "import x --train good.txt --valid empty.txt --test good.txt",
            "empty.txt is empty",
        ),
        (
            "import x one-line.txt",
            "one-line.txt is too small to split: it has one line",
        ),
        (
            "import x two-lines.txt",
            "two-lines.txt is too small to split: the line boundary nearest to 90%",
        ),
        (
            "import x latin.txt",
            "latin.txt is not UTF-8: the byte at offset 3 begins no character; convert",
        ),
        (
            "import x unclear.bin",
            "cannot tell what kind of data unclear.bin holds; add --kind",
        ),
        (
            "import x label.jsonl",
            "label.jsonl, line 3: the label 1.5 is not from 0 to 1; correct the line",
        ),
        (
            "import x number.jsonl",
            "number.jsonl, line 1: invalid type: string \"good\", expected a label that is a number from 0 to 1",
        ),
        (
            "import x infinite.jsonl",
            "infinite.jsonl, line 1: number out of range",
        ),
        (
            "import x no-text.jsonl",
            "no-text.jsonl, line 1: the text is empty",
        ),
        (
            "import x few.jsonl",
            "few.jsonl is too small to split: 1 reviews do not fill",
        ),
        (
            "import x key.json",
            "key.json (valid), sequence 2, frame 2: key 109 is not among the piano's 21 to 108",
        ),
        (
            "import x --train key.jsonl --valid key.jsonl --test key.jsonl",
            "key.jsonl, sequence 2, frame 1: key 20 is",
        ),
        (
            "import x no-test.json",
            "no-test.json: missing field `test`",
        ),
        (
            "import x no-frames.json",
            "no-frames.json (train): sequence 1 has no frames",
        ),
        (
            "import x no-sequence.json",
            "no-sequence.json (valid) is empty",
        ),
        (
            "import x --cornell uneven",
            "rating.X: it has 1 ratings for the 2 reviews of uneven/subj.X",
        ),
        (
            "import x --cornell high",
            "rating.X, line 2: the label 3 is not from 0 to 1",
        ),
        ("import x --cornell half", "half: rating.X is missing"),
        (
            "import x --cornell none",
            "none: there is no subj.AUTHOR and rating.AUTHOR in it",
        ),
        (
            "import x --cornell absent",
            "cannot read absent: No such file",
        ),
        (
            "import x --mnist none",
            "none: there is no train-images-idx3-ubyte in it",
        ),
        (
            "import x --train good.txt --valid absent.txt --test good.txt",
            "cannot read absent.txt: No such file",
        ),
        (
            "import x --cornell high --kind text",
            "--cornell is labelled, not text: leave --kind out",
        ),
        (
            "import mnist good.txt --kind text",
            "mnist is images, not text: leave --kind out",
        ),
        (
            "import mnist good.txt",
            "images come in four idx files; name their folder with --mnist DIR",
        ),
        (
            "import mnist --cornell high",
            "mnist is images, not labelled: import this under another name",
        ),
        (
            "import tiny_shakespeare good.txt",
            "good.txt is not the original file of tiny_shakespeare: SHA-256",
        ),
        (
            "import penn_treebank good.txt",
            "good.txt: penn_treebank has one file a split; run",
        ),
        (
            "import penn_treebank --train good.txt --valid good.txt --test good.txt",
            "good.txt is not the validation file of penn_treebank: SHA-256",
        ),
        (
            "fetch penn_treebank",
            "penn_treebank cannot be fetched: no address for it is known; get its files and run",
        ),
        (
            "fetch nothing",
            "nothing cannot be fetched: only known data sets can be: tiny_shakespeare,",
        ),
    ] {
        let said = place.refuses(words);
        assert!(said.contains(expected), "{words}\n{said}{expected}");
    }
    let said = place.run("import Bad/name good.txt");
    assert_eq!(said.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&said.stderr).contains("\"Bad/name\" does not name a data set")
    );
    let said = place.run("import x --train good.txt --valid good.txt");
    assert!(String::from_utf8_lossy(&said.stderr).contains("--test <FILE>"));
    assert!(place.left().is_empty(), "{:?}", place.left());
}
