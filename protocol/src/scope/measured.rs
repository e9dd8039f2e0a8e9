//! How both arms are treated and measured alike, where that could hide any effect: dropout that ends after a step, a softmax
//! that is flattened, a test on other data than those learned from, or on hardly any.
//!
//! Such settings may be what a claim is about; then it names them. Without this, anybody fells any claim with settings at
//! which no two arms can differ.

use super::{Arms, number};
use crate::spec::{Evaluation, Setup, Temperature, limits};

/// Fewest sequences of a test that move a claim: the error of a guess at the adding problem has a standard error of 8% of
/// itself on so many, and of 37% on ten.
const FEWEST_SEQUENCES: u32 = 200;

/// Fewest words of a language model that move a claim: of ten, two thirds of a text are unknown, and there is little to tell.
const FEWEST_WORDS: u32 = 1_000;

/// What of a compared arm is measured, or dropped, in a way that the claim does not speak of, each as a sentence.
pub(super) fn unusual(arms: &Arms, setup: &Setup) -> Vec<String> {
    let mut found = dropped(arms, setup);
    found.extend(tested(arms, setup));
    found.extend(too_few(&setup.evaluation, setup));
    found.extend(too_few_words(arms, setup));
    found
}

/// Sites that drop for a part of the training alone. At a rate of 0 there is nothing to end.
fn dropped(arms: &Arms, setup: &Setup) -> Vec<String> {
    let sites = setup
        .dropout
        .sites()
        .filter(|(_, site)| site.rate > 0.0)
        .filter_map(|(name, site)| Some((name.name(), site.until.filter(|share| *share < 1.0)?)));
    sites
        .filter(|(site, _)| !arms.name(&format!("dropout.{site}.until")))
        .map(|(site, share)| {
            format!(
                "The claim speaks about dropout in all steps of training, and dropout.{site} ends after the share {} of them: \
                 leave its until out.",
                number(share)
            )
        })
        .collect()
}

/// A test that is not of what the network predicts, on what it learned from.
fn tested(arms: &Arms, setup: &Setup) -> Vec<String> {
    let Evaluation {
        temperature,
        shift,
        length,
        ..
    } = setup.evaluation;
    let trained = setup.task.length;
    let cooled = match temperature {
        Temperature::Given(given) if given != 1.0 => Some(format!(
            "The claim says nothing of a softmax at temperature {}: leave evaluation.temperature at 1, or have it fitted \
             (\"valid\").",
            number(given)
        )),
        _ => None,
    };
    let shifted = shift.filter(|shift| *shift != 0.0).map(|shift| {
        format!(
            "The claim says nothing of a test on numbers that are shifted by {}: leave evaluation.shift out.",
            number(shift)
        )
    });
    let longer = length.filter(|length| *length != trained).map(|length| {
        format!(
            "The claim says nothing of a test on {length} time steps after training on {trained}: leave evaluation.length out."
        )
    });
    [
        ("evaluation.temperature", cooled),
        ("evaluation.shift", shifted),
        ("evaluation.length", longer),
    ]
    .into_iter()
    .filter(|(path, _)| !arms.name(path))
    .filter_map(|(_, reason)| reason)
    .collect()
}

/// A test that is so small that it measures luck, or cut so finely that no network has anything to remember.
fn too_few(evaluation: &Evaluation, setup: &Setup) -> Option<String> {
    let sequences = evaluation.sequences;
    if !setup.task.name.is_language_model() {
        return (sequences < FEWEST_SEQUENCES).then(|| {
            format!(
                "A test on {sequences} sequences measures luck: give evaluation.sequences {FEWEST_SEQUENCES} or more."
            )
        });
    }
    let most = *limits::BATCH.end();
    (sequences > most).then(|| {
        format!(
            "Cut into {sequences} streams, the text leaves little to remember: give evaluation.sequences at most {most}."
        )
    })
}

/// A text of which hardly a word is known.
fn too_few_words(arms: &Arms, setup: &Setup) -> Option<String> {
    let path = "task.vocabulary";
    let words = setup
        .task
        .vocabulary
        .filter(|words| *words < FEWEST_WORDS)?;
    (setup.task.name.is_language_model() && !arms.name(path)).then(|| {
        format!(
            "A language model of {words} words has little to tell apart: give {path} {FEWEST_WORDS} or more."
        )
    })
}
