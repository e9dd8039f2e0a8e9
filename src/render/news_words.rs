//! What happened, in a sentence, and where it is to be seen.

use crate::db::news::News;
use breakmywork_protocol::news::Kind;

/// What happened, in one line of plain text: `Falsified: experiment 12 on claim C2`.
pub fn sentence(news: &News) -> String {
    // A name stays as it is written.
    match news.kind {
        Kind::Comment | Kind::Dispute | Kind::DisputeAnswer | Kind::DisputeResolved => words(news),
        Kind::Result | Kind::Opening | Kind::Confirmation | Kind::Standing => capital(&words(news)),
    }
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn words(news: &News) -> String {
    let actor = news.actor.as_deref().unwrap_or("somebody");
    let label = &news.claim_label;
    let experiment = || match news.experiment {
        Some(id) => format!("experiment {id}"),
        None => format!("claim {label}"),
    };
    match news.kind {
        Kind::Result => match &news.outcome {
            Some(outcome) => format!("{outcome}: {} on claim {label}", experiment()),
            None => format!("{} on claim {label} has ended", experiment()),
        },
        Kind::Opening => format!("{} was opened: it had been sealed", experiment()),
        Kind::Comment => format!("{actor} commented on {}", experiment()),
        Kind::Confirmation => format!("a confirmation of {} was registered", experiment()),
        Kind::Dispute => format!("{actor} disputes {}", experiment()),
        Kind::DisputeAnswer => format!("{actor} answered what is disputed of {}", experiment()),
        Kind::DisputeResolved => format!("{actor} resolved the dispute of {}", experiment()),
        Kind::Standing => {
            let standing = news.standing.as_deref().unwrap_or_default();
            format!("claim {label} is now {}", standing_word(standing))
        }
    }
}

fn standing_word(standing: &str) -> &str {
    match standing {
        "untested" => "untested again",
        standing => standing,
    }
}

/// Several comments of one discussion, of which this is the newest.
pub fn comments(news: &News, count: usize) -> String {
    let actor = news.actor.as_deref().unwrap_or("somebody");
    let place = match news.experiment {
        Some(id) => format!("experiment {id}"),
        None => format!("claim {}", news.claim_label),
    };
    format!("{count} comments on {place}, the newest by {actor}")
}

/// What it is about: the experiment's title, else the claim.
pub fn subject(news: &News) -> &str {
    news.title.as_deref().unwrap_or(&news.claim_sentence)
}

/// Path of the page that shows it.
pub fn address(news: &News) -> String {
    match (news.kind, news.comment, news.experiment) {
        (Kind::Comment | Kind::Opening, Some(comment), _) => format!("/comments/{comment}"),
        (_, _, Some(experiment)) => format!("/experiments/{experiment}"),
        (_, _, None) => format!("/claims/{}", news.claim),
    }
}
