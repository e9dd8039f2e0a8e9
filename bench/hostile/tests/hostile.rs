//! Those that once were trouble, and some that nobody has tried; `cargo run --release -p bench-hostile` draws many.

use bench_hostile::{Sent, Source, judge};
use breakmywork_protocol::spec::Format;
use std::fs;
use std::path::Path;

#[test]
fn the_corpus_stops_nothing() {
    let mut count = 0;
    for entry in fs::read_dir("corpus").expect("the corpus") {
        let path = entry.expect("an entry").path();
        let format = match path.extension().and_then(|end| end.to_str()) {
            Some("json") => Format::Json,
            _ => Format::Toml,
        };
        // What is no text is refused before it is read.
        let text = String::from_utf8_lossy(&fs::read(&path).expect("a file")).into_owned();
        judge(&Sent { text, format });
        count += 1;
    }
    assert!(count >= 12, "{count}");
}

#[test]
fn what_is_drawn_stops_nothing_and_is_of_every_kind() {
    let mut source = Source::new(Path::new("../../examples/specs"), 7);
    let judged: Vec<_> = (0..1_000).map(|_| judge(&source.draw())).collect();
    let read = judged.iter().filter(|one| one.read).count();
    let registrable = judged.iter().filter(|one| one.registrable).count();
    // Some are as good as before, most are not: a source that is refused whole would show nothing of what comes after.
    assert!((50..950).contains(&read), "{read}");
    assert!(registrable > 10, "{registrable}");
}
