//! Data sets that are read in no time, one of each kind, and plans that train on them.

use breakmywork_protocol::spec::{self, Format, Plan};
use breakmywork_training::data::{Content, Image, Reference, Review, Splits, Store};
use breakmywork_training::rng::{Purpose, Stream};
use tempfile::TempDir;

/// A folder with the data sets `text`, `reviews`, `pieces` and `digits`.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in [
        ("text", text()),
        ("reviews", reviews()),
        ("pieces", pieces()),
        ("digits", digits()),
    ] {
        add(&folder, name, &content);
    }
    folder
}

/// Adds a data set.
pub(crate) fn add(folder: &TempDir, name: &str, content: &Content) {
    let reference: Reference = name.parse().expect("a name");
    Store::new(folder.path().to_owned())
        .add(&reference, content, Vec::new(), Vec::new())
        .expect("adds");
}

fn splits<T>(sizes: [usize; 3], mut make: impl FnMut(&mut Stream, usize) -> T) -> Splits<T> {
    let mut split = |number: u64, size| make(&mut Stream::new(9, Purpose::Training, number), size);
    Splits {
        train: split(0, sizes[0]),
        valid: split(1, sizes[1]),
        test: split(2, sizes[2]),
    }
}

/// Lines of four words out of nine.
fn text() -> Content {
    const WORDS: [&str; 9] = ["a", "bad", "cat", "did", "eat", "fat", "gnu", "had", "it"];
    Content::Text(splits([60, 15, 15], |stream, lines| {
        let mut word = || WORDS[stream.below(9) as usize];
        let line = |_| format!("{} {} {} {}\n", word(), word(), word(), word());
        (0..lines).map(line).collect()
    }))
}

/// Reviews of one to nine words.
fn reviews() -> Content {
    const WORDS: [&str; 4] = ["good", "bad", "film", "plot"];
    Content::Labelled(splits([24, 8, 8], |stream, count| {
        let mut review = |_| {
            let words = 1 + stream.below(9);
            let words: Vec<&str> = (0..words)
                .map(|_| WORDS[stream.below(4) as usize])
                .collect();
            Review {
                text: words.join(" "),
                label: stream.uniform(),
            }
        };
        (0..count).map(&mut review).collect()
    }))
}

/// Pieces of two to ten frames.
fn pieces() -> Content {
    Content::Frames(splits([16, 6, 6], |stream, count| {
        let mut piece = |_| {
            let frames = 2 + stream.below(9);
            let mut frame = |_| {
                let low = 21 + stream.below(40) as u8;
                vec![low, low + 4, low + 7]
            };
            (0..frames).map(&mut frame).collect()
        };
        (0..count).map(&mut piece).collect()
    }))
}

fn digits() -> Content {
    Content::Images(splits([20, 8, 8], |stream, count| {
        let mut image = |_| Image {
            pixels: (0..784).map(|_| stream.below(256) as u8).collect(),
            label: stream.below(10) as u8,
        };
        (0..count).map(&mut image).collect()
    }))
}

/// Every task on a data set, as its section.
pub(crate) const TASKS: [&str; 7] = [
    "name = \"char_lm\"\ndata = \"text\"\nlength = 7",
    "name = \"word_lm\"\ndata = \"text\"\nlength = 6\nvocabulary = 10",
    "name = \"word_lm\"\ndata = \"text\"\nlength = 8\nwindows = \"variable\"",
    "name = \"sentiment\"\ndata = \"reviews\"\nlength = 5",
    "name = \"music\"\ndata = \"pieces\"\nlength = 6",
    "name = \"sequential_mnist\"\ndata = \"digits\"\nlength = 7",
    "name = \"permuted_mnist\"\ndata = \"digits\"\nlength = 14",
];

/// Twenty steps with masks, embeddings dropped where there are any, measured within the epochs.
pub(crate) fn plan(task: &str, training: &str) -> Plan {
    let embedding = match task.contains("_lm") || task.contains("sentiment") {
        true => "dropout.embedding = { rate = 0.2 }\n",
        false => "",
    };
    plan_of(&format!(
        "[task]\n{task}\n[model]\nlayers = 2\nhidden = 8\n[training]\nsteps = 20\nbatch = 4\nlearning_rate = 0.01\n\
         {training}\n[evaluation]\nevery = 3\nsequences = 3\nsamples = 2\n[[arms]]\nname = \"a\"\n\
         dropout.state = {{ rate = 0.2 }}\ndropout.output = {{ rate = 0.2, time = \"per_step\" }}\n{embedding}"
    ))
}

/// The first arm of a specification without its title and seeds.
pub(crate) fn plan_of(spec: &str) -> Plan {
    let text = format!("title = \"t\"\nseeds = [3]\n{spec}");
    let spec = spec::read(&text, Format::Toml).expect("a valid specification");
    Plan {
        arm: spec.arms[0].name.clone(),
        seed: 3,
        setup: spec.arms[0].setup.clone(),
    }
}
