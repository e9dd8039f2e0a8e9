//! What is kept, what is found, and what it is made of.

use super::*;

fn number(point: &Settings, field: &str, own: f64) -> f64 {
    point.get(field).and_then(Value::as_f64).unwrap_or(own)
}

fn drawn(spec: &Spec) -> Vec<Settings> {
    points(spec, "salt", &scope(json!({})))
}

/// A little noise, which differs from seed to seed.
fn noise(seed: u32) -> f64 {
    f64::from(seed % 4) * 1e-3
}

#[test]
fn the_worst_point_is_found_and_what_it_is_not_due_to_goes() {
    let spec = search(4, 120, THREE);
    // It fails on sequences of 120 steps or more, the more so the longer; units and rate only blur that.
    let (course, next, runs) = walked(&spec, &drawn(&spec), |point, seed| {
        let length = number(point, "task.length", 50.0);
        let units = number(point, "model.hidden", 8.0);
        better(0.3 - (length - 50.0).max(0.0) * 4e-3 - units * 1e-4 + noise(seed))
    });
    assert_eq!(next, Next::Nothing);
    assert!(course.over);
    let found = course.counterexample.expect("it fails somewhere");
    // 100 holds, 150 fails: found by halves.
    assert_eq!(found.settings, settings(json!({ "task.length": 150 })));
    assert_eq!((found.pairs, found.below, found.breaks), (4, 4, true));
    // Half of each stage went on, the worst ones.
    for (rung, plan) in course.rungs.iter().zip(&course.plan.rungs) {
        assert_eq!(rung.tried.len(), plan.points as usize);
        let effects: Vec<f64> = rung.tried.iter().filter_map(|tried| tried.effect).collect();
        assert!(effects.is_sorted(), "{effects:?}");
    }
    assert!(runs.len() as u32 <= course.plan.runs() && course.plan.runs() <= 120);
}

#[test]
fn where_it_holds_everywhere_nothing_is_found() {
    let spec = search(4, 96, THREE);
    let (course, next, runs) = walked(&spec, &drawn(&spec), |_, seed| better(0.3 + noise(seed)));
    assert_eq!((next, course.over), (Next::Nothing, true));
    assert_eq!((course.counterexample, course.shrinking.len()), (None, 0));
    assert!(runs.len() < 96, "nothing is made simpler");
}

/// A specification that fails as it is has nothing that could be left out.
#[test]
fn what_fails_everywhere_shrinks_to_the_specification_itself() {
    let spec = search(4, 120, THREE);
    let (course, _, _) = walked(&spec, &drawn(&spec), |_, seed| better(-0.3 + noise(seed)));
    assert_eq!(
        course.counterexample.expect("it fails").settings,
        Settings::new()
    );
}

/// A treatment that diverges is worse than any that lags behind; a control that does is none of the claim's fault.
#[test]
fn a_treatment_that_diverges_is_the_worst() {
    let spec = search(4, 96, THREE);
    let all = drawn(&spec);
    let lost = &all[5];
    let (course, _, _) = walked(&spec, &all, |point, _| {
        if point == lost {
            [End::Diverged, finished(0.05)]
        } else if *point == all[2] {
            [finished(0.05), End::Diverged]
        } else {
            better(-0.2)
        }
    });
    let last = course.rungs.last().expect("a stage");
    assert_eq!(
        (&last.tried[0].settings, last.tried[0].diverged),
        (lost, [4, 0])
    );
    let first = &course.rungs[0].tried;
    assert_eq!(first.last().map(|tried| &tried.settings), Some(&all[2]));
}

/// Two networks that have learned nothing do the same, which says nothing against a claim that one learns better.
#[test]
fn a_point_at_which_nothing_is_learned_is_no_counterexample() {
    let spec = search(4, 120, THREE);
    let (course, next, _) = walked(&spec, &drawn(&spec), |point, seed| {
        if number(point, "task.length", 50.0) > 50.0 {
            return [finished(1.0 / 6.0), finished(1.0 / 6.0 - noise(seed))];
        }
        better(0.3)
    });
    assert_eq!((next, course.counterexample), (Next::Nothing, None));
    let silent = course.rungs[0]
        .tried
        .iter()
        .filter(|tried| !tried.silent.is_empty());
    assert!(silent.count() > 3);
}

#[test]
fn a_lost_pair_leaves_its_point_out_and_many_wait_for_an_admin() {
    let spec = search(2, 96, THREE);
    let all = drawn(&spec);
    let lose = |of: usize, end: End| {
        let all = &all;
        walked(&spec, all, move |point, _| {
            match all[..of].contains(point) {
                true => [end.clone(), finished(0.05)],
                false => better(0.3),
            }
        })
    };
    let lost = || End::Missing("its workers were lost".into());
    let (course, next, _) = lose(2, lost());
    assert_eq!(next, Next::Nothing);
    let silent = course.rungs[0].tried.iter().rev().take(2);
    assert!(
        silent
            .clone()
            .all(|tried| tried.missing == 1 && tried.effect.is_none())
    );
    let many = all.len() / 5 + 1;
    let (course, next, _) = lose(many, lost());
    assert!(
        matches!(
            next,
            Next::Missing {
                by_people: false,
                ..
            }
        ),
        "{next:?}"
    );
    assert!(!course.over);
    let (_, next, _) = lose(many, End::Cancelled);
    assert!(
        matches!(
            next,
            Next::Missing {
                by_people: true,
                ..
            }
        ),
        "{next:?}"
    );
}

/// Which pairs ended first, on whichever worker, has no say.
#[test]
fn the_order_of_the_runs_changes_nothing() {
    let spec = search(4, 120, THREE);
    let all = drawn(&spec);
    let (told, _, mut runs) = walked(&spec, &all, |point, seed| {
        better(0.2 - number(point, "dropout.state.rate", 0.25) + noise(seed))
    });
    runs.reverse();
    let again = course(
        &spec,
        &scope(json!({})),
        &all,
        &spec.seeds_drawn(None),
        &runs,
    );
    assert_eq!(again, Some((told, Next::Nothing)));
}

#[test]
fn words_say_what_was_found_and_that_it_does_not_count() {
    let spec = search(4, 120, THREE);
    let criterion = spec.criterion.as_ref().expect("one");
    let (course, _, _) = walked(&spec, &drawn(&spec), |point, _| {
        better(if number(point, "task.length", 50.0) > 120.0 {
            -0.2
        } else {
            0.3
        })
    });
    let words = ending(&course, criterion, Some(crate::id::ExperimentId(12)));
    for part in [
        "**A search, so there is no verdict.**",
        "**The prediction fails at task.length = 150**",
        "4 of 4 pairs lie below",
        "Nothing of this counts",
        "[experiment 12](/experiments/12)",
    ] {
        assert!(words.contains(part), "{part} is not in {words}");
    }
    let (course, _, _) = walked(&spec, &drawn(&spec), |_, _| better(0.3));
    let words = ending(&course, criterion, None);
    assert!(
        words.contains("**Nothing was found**") && words.contains("points were drawn"),
        "{words}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever fails where: a counterexample fails, no field of it goes back alone (unless there was no room to try), and no
    /// search takes more than its budget.
    #[test]
    fn a_counterexample_is_minimal(fails in proptest::collection::vec(any::<bool>(), 7 * 4 * 5), seeds in 2_u32..5, budget in 80_u32..200) {
        let spec = search(seeds, budget, THREE);
        let axes = spec.search.clone().expect("a search").space;
        let broken = |point: &Settings| {
            let place = axes.iter().fold(0, |sum, axis| {
                let value = point.get(&axis.field).cloned().or(spec.own_value(&axis.field));
                let place = axis.values.iter().position(|it| Some(it) == value.as_ref());
                sum * axis.values.len() + place.unwrap_or(0)
            });
            fails[place]
        };
        let pair = |point: &Settings, _: u32| better(if broken(point) { -0.2 } else { 0.3 });
        let (course, next, runs) = walked(&spec, &drawn(&spec), pair);
        prop_assert_eq!(next, Next::Nothing);
        prop_assert!(runs.len() as u32 <= course.plan.runs());
        prop_assert!(course.plan.runs() <= budget);
        if let Some(found) = course.counterexample {
            prop_assert!(found.breaks && broken(&found.settings));
            if course.shrinking.len() < course.plan.shrinking as usize {
                for field in found.settings.keys() {
                    let mut simpler = found.settings.clone();
                    simpler.remove(field);
                    prop_assert!(!broken(&simpler), "{} goes back alone", field);
                }
            }
        }
    }
}
