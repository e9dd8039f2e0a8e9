//! The templates as cards: what each asks, and what it takes here.

use crate::{
    db::claims::Claim,
    pace,
    render::number,
    seed::{Template, read_templates},
};
use breakmywork_protocol::spec::{Board, Spec};

/// A template to start from.
#[derive(Debug)]
pub(super) struct Card {
    pub(super) template: &'static Template,
    /// Runs, and how long they take.
    pub(super) cost: String,
    /// Whether the form holds it.
    pub(super) used: bool,
}

/// The templates, those of the claim under test apart from the others.
#[derive(Debug, Default)]
pub(super) struct Cards {
    pub(super) own: Vec<Card>,
    pub(super) others: Vec<Card>,
}

impl Cards {
    /// Those of a claim first; of none, all are others.
    pub(super) fn new(claim: Option<&Claim>, used: Option<&str>, board: &Board) -> Self {
        let mut cards = Self::default();
        for (template, spec) in read_templates() {
            let card = Card {
                template,
                cost: cost(spec, board),
                used: used == Some(template.name),
            };
            let tests = |claim: &Claim| template.tests(&claim.work_slug, &claim.label);
            match claim.is_some_and(tests) {
                true => cards.own.push(card),
                false => cards.others.push(card),
            }
        }
        cards
    }
}

/// What an experiment takes here, in words.
pub(super) fn cost(spec: &Spec, board: &Board) -> String {
    let runs = number::plural(spec.runs(), "run", "runs");
    let most = if spec.is_sequential() { "at most " } else { "" };
    let tuning = match spec.tuning_runs() {
        0 => String::new(),
        some => format!("{} of tuning, then ", number::plural(some, "run", "runs")),
    };
    format!("{tuning}{most}{runs}, about {}", pace::words(spec, board))
}
