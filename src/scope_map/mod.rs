//! The map of what was tried of a claim, over two fields of the specification: what was found at each place, and where
//! nobody has been.

mod axis;
#[cfg(test)]
mod tests;

pub use axis::{Axis, Place};

use breakmywork_protocol::id::ExperimentId;
use breakmywork_protocol::scope::{Field, Point, Scope};

/// Experiments that a map is drawn of, the newest: so it costs the same however many there are.
pub const NEWEST: i64 = 500;

/// What an experiment says about its claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its verdict supports the claim.
    Supported,
    /// Its verdict falsified the prediction.
    Falsified,
    /// Its verdict is inconclusive.
    Inconclusive,
    /// It has not ended.
    UnderWay,
    /// It does not move the claim: exploratory, disputed, outside what the claim speaks about, aborted or inadmissible.
    Aside,
}

/// A registered experiment as the map shows it.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The experiment.
    pub id: ExperimentId,
    /// Where it lies.
    pub point: Point,
    /// What it says.
    pub fate: Fate,
    /// Whether it repeats another one.
    pub confirms: bool,
}

/// What was tried, over two fields.
#[derive(Debug)]
pub struct Map {
    /// From left to right.
    pub x: Axis,
    /// From top to bottom.
    pub y: Axis,
    /// A row for each place of `y`, with a square for each place of `x`.
    pub rows: Vec<Vec<Square>>,
    /// Experiments that are drawn.
    pub drawn: usize,
    /// Experiments whose values have no place of their own.
    pub left_out: usize,
    /// Whether there may be older ones.
    pub more: bool,
    /// The experiment from which a new one starts.
    pub like: ExperimentId,
}

/// One place of the map: the experiments there, newest first.
#[derive(Debug, Clone, Default)]
pub struct Square {
    /// That support the claim.
    pub supported: Vec<ExperimentId>,
    /// That falsified its prediction.
    pub falsified: Vec<ExperimentId>,
    /// That told nothing.
    pub inconclusive: Vec<ExperimentId>,
    /// That have not ended.
    pub under_way: Vec<ExperimentId>,
    /// That do not move the claim.
    pub aside: Vec<ExperimentId>,
    /// Whether the claim speaks about this place.
    pub inside: bool,
}

impl Square {
    fn of(&mut self, fate: Fate) -> &mut Vec<ExperimentId> {
        match fate {
            Fate::Supported => &mut self.supported,
            Fate::Falsified => &mut self.falsified,
            Fate::Inconclusive => &mut self.inconclusive,
            Fate::UnderWay => &mut self.under_way,
            Fate::Aside => &mut self.aside,
        }
    }

    /// Whether nothing that is here moves the claim, or will.
    pub fn is_untried(&self) -> bool {
        let tried = [
            &self.supported,
            &self.falsified,
            &self.inconclusive,
            &self.under_way,
        ];
        tried.into_iter().all(Vec::is_empty)
    }

    /// In a word: what weighs most of what was found here.
    pub fn state(&self) -> &'static str {
        match self {
            Self { falsified, .. } if !falsified.is_empty() => "falsified",
            Self { supported, .. } if !supported.is_empty() => "supported",
            Self { inconclusive, .. } if !inconclusive.is_empty() => "inconclusive",
            Self { under_way, .. } if !under_way.is_empty() => "under_way",
            Self { inside: false, .. } => "outside",
            _ => "untried",
        }
    }

    /// Whether somebody may be asked to try this place.
    pub fn is_open(&self) -> bool {
        self.inside && self.is_untried()
    }
}

/// A square with its place across.
#[derive(Debug)]
pub struct Spot<'a> {
    /// The place across.
    pub across: &'a Place,
    /// What was found there.
    pub square: &'a Square,
    /// Where an experiment is to be proposed: the query of the editor's address.
    pub start: Option<String>,
}

impl Map {
    /// Draws the newest experiments of a claim, at most [`NEWEST`]; nothing where there are none. A field that is not
    /// chosen is one over which they vary most.
    pub fn new(tried: &[Tried], scope: &Scope, x: Option<Field>, y: Option<Field>) -> Option<Self> {
        let like = tried
            .iter()
            .filter(|it| !it.confirms)
            .min_by_key(|it| it.fate == Fate::Aside)?
            .id;
        let [x, y] = chosen(tried, x, y);
        let [x, y] = [x, y].map(|field| Axis::new(field, tried, scope));
        let square = |y: &Place, x: &Place| Square {
            inside: x.inside && y.inside,
            ..Square::default()
        };
        let row = |at: &Place| x.places.iter().map(|place| square(at, place)).collect();
        let mut rows: Vec<Vec<Square>> = y.places.iter().map(row).collect();
        let mut left_out = 0;
        for it in tried {
            let (Some(column), Some(row)) = (x.place(&it.point), y.place(&it.point)) else {
                left_out += 1;
                continue;
            };
            rows[row][column].of(it.fate).push(it.id);
        }
        Some(Self {
            x,
            y,
            rows,
            drawn: tried.len() - left_out,
            left_out,
            more: tried.len() as i64 >= NEWEST,
            like,
        })
    }

    /// Row by row: the place down, and what stands at each place across.
    pub fn lines(&self) -> impl Iterator<Item = (&Place, Vec<Spot<'_>>)> {
        self.y.places.iter().zip(&self.rows).map(|(down, row)| {
            let squares = self.x.places.iter().zip(row);
            let spots = squares.map(|(across, square)| Spot {
                across,
                square,
                start: square.is_open().then(|| self.start(across, down)),
            });
            (down, spots.collect())
        })
    }

    fn start(&self, across: &Place, down: &Place) -> String {
        let part = |axis: &Axis, place: &Place| {
            let value = crate::render::url::component(&place.at.to_string());
            format!("{}={value}", axis.field.name())
        };
        format!(
            "like={}&{}&{}",
            self.like,
            part(&self.x, across),
            part(&self.y, down)
        )
    }
}

/// Two different fields: those that were chosen, else those of which the experiments that count have the most values.
fn chosen(tried: &[Tried], x: Option<Field>, y: Option<Field>) -> [Field; 2] {
    let values = |field: Field, aside: bool| {
        let mut found = Vec::new();
        for it in tried.iter().filter(|it| aside || it.fate != Fate::Aside) {
            let value = it.point.value(field);
            if !found.contains(&value) {
                found.push(value);
            }
        }
        found.len()
    };
    let mut fields = Field::ALL;
    fields.sort_by_key(|&field| std::cmp::Reverse((values(field, false), values(field, true))));
    let other_than = |taken: Option<Field>| {
        let mut others = fields.into_iter().filter(|&field| Some(field) != taken);
        others.next().expect("there are more fields than one")
    };
    let x = x.unwrap_or_else(|| other_than(y));
    let y = y.filter(|&y| y != x).unwrap_or_else(|| other_than(Some(x)));
    [x, y]
}
