//! When the runs of somebody who would register now would begin: told before anything is submitted.

use crate::db::queue;
use crate::error::Result;
use crate::render::{number, time};
use breakmywork_protocol::id::AccountId;
use breakmywork_protocol::spec::Board;
use sqlx::PgPool;

/// Seconds of a run where none ended lately.
const USUAL_RUN_SECONDS: f64 = 30.0;

/// How full the queue is for one person, in a sentence.
///
/// # Errors
/// If the database is away.
pub async fn words(pool: &PgPool, board: &Board, who: AccountId) -> Result<String> {
    let seconds = run_seconds(board);
    let ahead = queue::ahead_of(pool, who, seconds).await?;
    Ok(told(board, seconds, &ahead))
}

/// Seconds that runs took here lately, in the mean.
fn run_seconds(board: &Board) -> f64 {
    let past = board.kinds.iter().flat_map(|kind| &kind.past);
    let (count, sum) = past.fold((0_u32, 0.0), |(count, sum), past| {
        (count + 1, sum + past.took)
    });
    match count {
        0 => USUAL_RUN_SECONDS,
        count => sum / f64::from(count),
    }
}

fn told(board: &Board, run_seconds: f64, ahead: &queue::Ahead) -> String {
    if ahead.paused {
        return "The queue is paused: runs begin once an admin resumes it.".into();
    }
    if board.kinds.is_empty() {
        return "No worker is connected: runs begin once one is.".into();
    }
    let slots = f64::from(board.slots());
    let free = slots - ahead.running as f64;
    if ahead.waiting == 0 && free >= 1.0 {
        return "Nothing waits: runs would begin at once.".into();
    }
    // Until a slot is free, and what goes before by the queue's order, over all slots.
    let until_free = if free >= 1.0 {
        0.0
    } else {
        run_seconds / slots / 2.0
    };
    let seconds = until_free + ahead.seconds / slots;
    let waiting = match ahead.waiting {
        0 => "Nothing waits".to_owned(),
        runs => {
            let (word, people) = match runs {
                1 => ("waits", 1),
                _ => ("wait", ahead.people),
            };
            format!(
                "{} of {} {word}",
                number::counted(runs, queue::COUNTED, "run", "runs"),
                number::plural(people, "person", "people")
            )
        }
    };
    let begin = match seconds {
        soon if soon < 5.0 => "at once".to_owned(),
        later => format!("in about {}", time::duration_s(later.ceil() as i64)),
    };
    format!(
        "{waiting} and {}: registered now, the first run would begin {begin}, by what everybody used lately.",
        match ahead.running {
            1 => "one runs".to_owned(),
            some => format!("{some} run"),
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakmywork_protocol::spec::{Kind, Past};

    fn board(slots: u32) -> Board {
        let past = vec![
            Past {
                estimated: 5.0,
                took: 10.0,
            },
            Past {
                estimated: 5.0,
                took: 30.0,
            },
        ];
        Board {
            kinds: vec![Kind {
                host: "host".into(),
                device: "cpu".into(),
                card: false,
                slots,
                past,
            }],
            ..Board::default()
        }
    }

    #[test]
    fn the_queue_is_told_as_it_is() {
        let seconds = run_seconds(&board(2));
        assert!((seconds - 20.0).abs() < 1e-9);
        let mut ahead = queue::Ahead {
            paused: false,
            waiting: 0,
            people: 0,
            running: 1,
            seconds: 0.0,
        };
        let two = |ahead: &queue::Ahead| told(&board(2), seconds, ahead);
        assert_eq!(two(&ahead), "Nothing waits: runs would begin at once.");
        ahead.running = 2;
        assert!(
            two(&ahead).contains("would begin at once") || two(&ahead).contains("5 s"),
            "{}",
            two(&ahead)
        );
        (ahead.waiting, ahead.people, ahead.seconds) = (12, 3, 120.0);
        let words = two(&ahead);
        assert!(
            words.starts_with("12 runs of 3 people wait and 2 run: "),
            "{words}"
        );
        assert!(words.contains("in about 1 min"), "{words}");
        ahead.paused = true;
        assert!(two(&ahead).contains("paused"));
        assert!(
            told(
                &Board::default(),
                30.0,
                &queue::Ahead {
                    paused: false,
                    ..ahead
                }
            )
            .contains("No worker")
        );
    }
}
