//! Any text is drawn or left out, and always in the same room.

use super::*;
use proptest::prelude::*;

fn words(sentence: &str) -> Words {
    Words {
        about: "Claim C2 of Dropout in recurrent networks".to_owned(),
        sentence: sentence.to_owned(),
        name: "Claim C2".to_owned(),
        standing: "standing after 3 attempts, severity 97%".to_owned(),
        colour: "#00664a",
        figure: Some("3 supported, 0 falsified, 1 inconclusive".to_owned()),
        host: "example.org".to_owned(),
    }
}

/// Width, height and pixels of a PNG.
fn read(file: &[u8]) -> (u32, u32, Vec<u8>) {
    let decoder = png::Decoder::new(std::io::Cursor::new(file));
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let frame = reader.next_frame(&mut pixels).expect("pixels");
    (frame.width, frame.height, pixels)
}

#[test]
fn a_picture_is_a_small_png_of_the_size_that_it_says() {
    let file = words("The same mask at every step beats a new one.").draw();
    let file = file.expect("draws");
    let (width, height, pixels) = read(&file);
    assert_eq!((width, height), (WIDTH, HEIGHT));
    assert!(file.len() < 150_000, "{} bytes", file.len());
    let is = |at: usize, colour: Colour| pixels[at..at + 3] == colour.0;
    assert!(is(0, Colour::hex("#00664a")), "the stripe");
    let ink = (0..pixels.len()).step_by(3).filter(|at| is(*at, INK));
    assert!(ink.count() > 5_000, "the sentence");
}

#[test]
fn another_word_is_another_picture() {
    let one = words("It holds.").draw().expect("draws");
    assert_eq!(one, words("It holds.").draw().expect("draws"));
    assert_ne!(one, words("It fails.").draw().expect("draws"));
}

#[test]
fn what_has_no_letters_here_is_left_out_or_the_name_stands_for_it() {
    for (typed, drawn) in [
        ("A  mask\n of α ≤ 0.5 × σ²", Some("A mask of α ≤ 0.5 × σ²")),
        ("It works 🎉 well", Some("It works well")),
        (
            "The paper of 李明 says that masks are fixed",
            Some("The paper of … says that masks are fixed"),
        ),
        ("同じマスクがよい", None),
        ("القناع نفسه", None),
        ("🎉🎉", None),
        ("", None),
        ("Одна маска, ίδια μάσκα", Some("Одна маска, ίδια μάσκα")),
    ] {
        assert_eq!(legible(typed).as_deref(), drawn, "{typed}");
    }
    let named = words("同じマスクがよい").draw().expect("draws");
    assert_eq!(named, words("Claim C2").draw().expect("draws"));
}

#[test]
fn long_sentences_become_smaller_and_then_are_cut() {
    let of = |times: usize| {
        let text = "The same mask beats a new one at every step of it. ".repeat(times);
        fitted(text.trim(), Face::Serif, MEASURE, &SIZES)
    };
    assert_eq!(of(1).0, SIZES[0].0);
    assert!(of(4).0 < of(2).0);
    let (size, lines) = of(20);
    assert_eq!((size, lines.len()), SIZES[3]);
    assert!(lines[5].ends_with('…'));
    let word = "m".repeat(500);
    let (_, lines) = fitted(&word, Face::Serif, MEASURE, &SIZES);
    assert_eq!(lines.len(), SIZES[3].1, "a word has no end either");
    for (size, room) in SIZES {
        assert!(TOP + size * LEADING * room as f32 <= 400.0, "{size}");
    }
}

#[tokio::test]
async fn a_picture_is_drawn_once_and_not_too_many_are_held() {
    let pictures = LinkPictures::default();
    let first = pictures.png(words("0")).await.expect("draws");
    let again = pictures.png(words("0")).await.expect("draws");
    assert_eq!(first.as_ptr(), again.as_ptr());
    for number in 0..HELD.get() {
        pictures
            .lock()
            .put(words(&number.to_string()), Bytes::new());
    }
    assert_eq!(pictures.lock().len(), HELD.get());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn every_text_is_bounded(text in prop_oneof!["\\PC{0,900}", "[ -~]{0,900}", "[α-ωА-я]{0,900}"]) {
        let mut said = words(&text);
        said.about.clone_from(&text);
        said.figure = Some(text.clone());
        said.standing = text;
        prop_assert!(said.draw().expect("draws").len() < 400_000);
    }
}
