//! Queries that read what may be sealed or hidden: each file's number of them was looked at.

use std::collections::BTreeMap;

/// Queries of the web app that read these tables themselves, and not what everybody may see of them, by file. Whoever adds
/// one, in words too, looks first whether it tells of what is sealed: `closed` must be in it, a `Visible` be asked for, or nothing be read
/// but ids, states and times.
const LOOKED_AT: [(&str, usize); 33] = [
    // Which runs go on.
    ("checkpoints.rs", 1),
    // Sweeps, and a test of them.
    ("chores.rs", 13),
    ("db/rivals.rs", 1),
    // Who is a newcomer, and whether a claim is under test.
    ("db/board.rs", 2),
    ("db/search.rs", 1),
    ("db/acceptance.rs", 2),
    ("db/amendments.rs", 6),
    // Of somebody's own; and how many appeals there are, for moderators.
    ("db/attention.rs", 2),
    // Of experiments that everybody may see; the moment of one run, whatever it is, to go on from.
    ("db/cancelled.rs", 3),
    ("db/claims.rs", 2),
    ("db/comments.rs", 1),
    // Curves of runs that everybody may see; and runs of one experiment, with leave.
    ("db/compare.rs", 3),
    ("db/curves.rs", 4),
    ("db/events.rs", 4),
    ("db/experiments.rs", 12),
    ("db/forecasts.rs", 7),
    ("db/frozen.rs", 4),
    // Of proposals, whose text is read by nobody here.
    ("db/hiding.rs", 3),
    ("db/lineage.rs", 2),
    ("db/listed.rs", 3),
    // Of what is sealed claim, author, state and times alone: it has no task and no words.
    ("db/listed/walk.rs", 10),
    // By their hash, or what they amend; none that is sealed.
    ("db/pins.rs", 2),
    ("db/points.rs", 2),
    ("db/queue.rs", 13),
    // Of one experiment with leave, and who trained runs that were named.
    ("db/reproductions.rs", 3),
    ("db/runs.rs", 11),
    ("db/seals.rs", 2),
    // Of one experiment, with leave.
    ("db/tuning.rs", 1),
    // Candidates by their words, of which what is sealed has none; shown by what everybody may see.
    ("db/text_search.rs", 1),
    // How many runs somebody's workers have.
    ("db/volunteers.rs", 1),
    ("db/workers.rs", 1),
    // Of what everybody may see.
    ("pace.rs", 1),
    // How many runs there are in all is public.
    ("pages/metrics.rs", 4),
];

#[test]
fn no_query_goes_past_the_views_unseen() {
    let mut found = BTreeMap::new();
    count(std::path::Path::new("src"), &mut found);
    let looked_at: BTreeMap<String, usize> = LOOKED_AT
        .map(|(file, times)| (file.to_owned(), times))
        .into();
    assert_eq!(found, looked_at);
}

/// Counts mentions of the tables in SQL, by file.
fn count(folder: &std::path::Path, found: &mut BTreeMap<String, usize>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            count(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text");
        // With nothing but blanks between them, as in SQL; a line of a text may end with a backslash.
        let words: Vec<&str> = text
            .split_whitespace()
            .filter(|word| *word != "\\")
            .collect();
        let part = |char: char| !char.is_alphanumeric() && char != '_';
        let is = |word: Option<&str>, of: &[&str]| word.is_some_and(|word| of.contains(&word));
        let tables = [
            "experiment",
            "run",
            "run_metric",
            "run_event",
            "run_curve",
            "run_attempt",
            "run_lease",
            "experiment_point",
            "seal",
            // A function that reads runs.
            "trial_runs",
        ];
        let verbs = ["from", "join", "update", "into"];
        let mentions = words
            .windows(2)
            .filter(|pair| {
                is(pair[0].rsplit(part).next(), &verbs) && is(pair[1].split(part).next(), &tables)
            })
            .count();
        if mentions > 0 {
            let name = path.strip_prefix("src").expect("below src");
            found.insert(name.display().to_string(), mentions);
        }
    }
}
