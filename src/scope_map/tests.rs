use super::*;
use breakmywork_protocol::scope::{Range, Value};
use breakmywork_protocol::spec::{Cell, TaskName};

fn point(length: u32, rate: f64) -> Point {
    Point {
        task: TaskName::WordLm,
        cell: Cell::Lstm,
        data: Some("penn_treebank@1".into()),
        hidden: 200,
        length,
        rate,
    }
}

fn tried(points: &[(u32, f64, Fate)]) -> Vec<Tried> {
    let ids = (1..).map(ExperimentId);
    let points = ids.zip(points);
    points
        .map(|(id, &(length, rate, fate))| Tried {
            id,
            point: point(length, rate),
            fate,
            confirms: false,
        })
        .collect()
}

fn words(axis: &Axis) -> Vec<String> {
    axis.places.iter().map(Place::to_string).collect()
}

#[test]
fn each_experiment_has_its_square_and_what_is_empty_is_offered() {
    let tried = tried(&[
        (20, 0.2, Fate::Supported),
        (20, 0.4, Fate::Falsified),
        (40, 0.2, Fate::Inconclusive),
        (40, 0.2, Fate::UnderWay),
        (20, 0.4, Fate::Supported),
    ]);
    let scope = Scope {
        length: Range::between(15, 60),
        ..Scope::default()
    };
    let map = Map::new(&tried, &scope, None, None).expect("there are some");
    assert_eq!((map.x.field, map.y.field), (Field::Length, Field::Rate));
    // Half and twice of what was tried, where the claim speaks about it: 10 and 80 steps are not.
    assert_eq!(words(&map.x), ["20", "40"]);
    assert_eq!(words(&map.y), ["0.1", "0.2", "0.4", "0.8"]);
    let states: Vec<Vec<&str>> = map
        .rows
        .iter()
        .map(|row| row.iter().map(Square::state).collect())
        .collect();
    assert_eq!(
        states,
        [
            ["untried", "untried"],
            ["supported", "inconclusive"],
            ["falsified", "untried"],
            ["untried", "untried"]
        ]
    );
    assert_eq!(map.rows[1][1].under_way, [ExperimentId(4)]);
    assert_eq!(map.rows[2][0].supported, [ExperimentId(5)]);
    assert!(map.rows[2][1].is_open() && !map.rows[2][0].is_open());
    let (_, third) = map.lines().nth(2).expect("a third row");
    let start = third[1].start.as_deref();
    assert_eq!(start, Some("like=1&length=40&rate=0.4"));
    assert_eq!(third[0].start, None, "it was tried");
    assert_eq!((map.drawn, map.left_out, map.more), (5, 0, false));
}

/// What does not move the claim is shown and leaves its square open, unless the claim does not speak about it at all.
#[test]
fn what_moves_nothing_leaves_its_square_open() {
    let tried = tried(&[(20, 0.2, Fate::Aside), (200, 0.2, Fate::Aside)]);
    let scope = Scope {
        length: Range::between(15, 60),
        ..Scope::default()
    };
    let sides = (Some(Field::Length), Some(Field::Task));
    let map = Map::new(&tried, &scope, sides.0, sides.1).expect("there are some");
    assert_eq!(words(&map.x), ["20", "200"]);
    assert!(map.rows[0][0].is_open());
    assert_eq!(map.rows[0][0].aside, [ExperimentId(1)]);
    assert_eq!(map.rows[0][1].state(), "outside");
    assert!(!map.rows[0][1].is_open());
}

#[test]
fn names_that_the_claim_speaks_about_have_a_place_before_they_are_tried() {
    let scope = Scope {
        tasks: vec![TaskName::CharLm, TaskName::WordLm],
        data: vec!["penn_treebank".into(), "wikitext_2".into()],
        ..Scope::default()
    };
    let tried = tried(&[(20, 0.2, Fate::Supported)]);
    let map = Map::new(&tried, &scope, Some(Field::Task), Some(Field::Data)).expect("one");
    assert_eq!(
        words(&map.x),
        [
            "word-level language modelling",
            "character-level language modelling"
        ]
    );
    assert_eq!(words(&map.y), ["penn_treebank@1", "wikitext_2"]);
    assert_eq!(map.rows[0][0].state(), "supported");
    assert!(map.rows[1][1].is_open());
}

/// However many values: at most eight places a side, each experiment in one.
#[test]
fn many_values_share_places() {
    let points: Vec<(u32, f64, Fate)> = (0..NEWEST as u32)
        .map(|i| (3 + i, f64::from(i) / 1000.0, Fate::Supported))
        .collect();
    let tried = tried(&points);
    let map = Map::new(&tried, &Scope::default(), None, None).expect("there are some");
    assert_eq!(map.x.places.len(), 8);
    assert_eq!(map.y.places.len(), 8);
    assert_eq!(map.x.places[0].to_string(), "3 to 65");
    let all = map.rows.iter().flatten().map(|it| it.supported.len());
    assert_eq!(all.sum::<usize>(), tried.len());
    assert!(map.more);
}

#[test]
fn the_same_field_twice_is_another_one_and_a_repetition_is_no_start() {
    let mut tried = tried(&[(20, 0.2, Fate::Falsified), (20, 0.2, Fate::Falsified)]);
    tried[0].confirms = true;
    let map = Map::new(
        &tried,
        &Scope::default(),
        Some(Field::Cell),
        Some(Field::Cell),
    );
    let map = map.expect("there are some");
    assert_eq!(map.x.field, Field::Cell);
    assert_ne!(map.y.field, Field::Cell);
    assert_eq!(map.like, ExperimentId(2));
    assert!(Map::new(&[], &Scope::default(), None, None).is_none());
    assert_eq!(point(20, 0.2).value(Field::Rate), Value::Number(0.2));
}
