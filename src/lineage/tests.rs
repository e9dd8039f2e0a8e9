use super::*;
use crate::scope_map::{Fate, Tried};
use breakmywork_protocol::scope::{Point, Range};
use breakmywork_protocol::spec::{Cell, TaskName};

fn tried(points: &[(u32, f64, TaskName, Fate)]) -> Vec<Tried> {
    let ids = (1..).map(ExperimentId);
    let points = ids.zip(points);
    points
        .map(|(id, &(length, rate, task, fate))| Tried {
            id,
            point: Point {
                task,
                cell: Cell::Lstm,
                data: None,
                hidden: 32,
                length,
                rate,
            },
            fate,
            confirms: false,
        })
        .collect()
}

use Fate::{Aside, Falsified, Inconclusive, Supported};
use TaskName::{Adding, Copy};

#[test]
fn a_claim_is_repaired_from_where_it_survived() {
    let tried = tried(&[
        (10, 0.2, Adding, Supported),
        (20, 0.3, Adding, Supported),
        (20, 0.2, Adding, Inconclusive),
        (40, 0.2, Adding, Aside),
        (50, 0.2, Adding, Falsified),
        (100, 0.2, Adding, Supported),
    ]);
    let found = survived(&tried).expect("it survived somewhere");
    // From the least to the most that was tried and supported on one side, not beyond.
    assert_eq!(found.to.length, Range::between(10, 20));
    assert_eq!(
        found.to,
        Narrower {
            length: Range::between(10, 20),
            ..Narrower::default()
        }
    );
    assert_eq!(found.experiments, [ExperimentId(1), ExperimentId(2)]);
}

#[test]
fn names_are_chosen_too_and_two_fields_where_one_does_not_tell() {
    let by_task = tried(&[
        (10, 0.2, Adding, Supported),
        (10, 0.2, Copy, Falsified),
        (50, 0.2, Adding, Supported),
        (50, 0.2, Copy, Falsified),
    ]);
    let found = survived(&by_task).expect("it survived somewhere");
    assert_eq!(found.to.tasks, [Adding]);
    assert!(found.to.length.is_open());
    let crossed = tried(&[
        (10, 0.2, Adding, Supported),
        (10, 0.2, Copy, Falsified),
        (50, 0.2, Adding, Falsified),
        (50, 0.2, Copy, Supported),
    ]);
    let found = survived(&crossed).expect("it survived somewhere");
    assert_eq!(found.experiments.len(), 1);
    assert!(!found.to.length.is_open() && found.to.tasks.len() == 1);
}

#[test]
fn nothing_is_made_up_where_it_survived_nowhere() {
    assert_eq!(survived(&[]), None);
    let fell = tried(&[
        (10, 0.2, Adding, Falsified),
        (20, 0.2, Adding, Inconclusive),
    ]);
    assert_eq!(survived(&fell), None);
    let both = tried(&[(10, 0.2, Adding, Falsified), (10, 0.2, Adding, Supported)]);
    assert_eq!(survived(&both), None, "no field tells them apart");
    let stands = tried(&[(10, 0.2, Adding, Supported)]);
    assert_eq!(survived(&stands), None, "nothing needs repair");
}
