//! Every outcome, finer word and standing, and each gate: reached over REST, seen on a page.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::jobs::{Ending, FailureKind};
use breakmywork_protocol::spec::{MaskTime, Plan};
use serde_json::{Value, json};
use sqlx::PgPool;

/// Runs of the ready template: two arms, eight seeds.
const RUNS: usize = 16;

/// A way in which an experiment ends, and what is seen of it then.
struct Way {
    outcome: &'static str,
    label: Option<&'static str>,
    /// Words of its page.
    says: &'static str,
    /// The claim's standing as it ends, and after the confirmation, where there is one, has ended in the same way.
    standing: [&'static str; 2],
    /// The end of a run of the pair that was the n-th to begin.
    end: fn(&Plan, usize) -> Ending,
}

/// In an order in which a claim can go through them: what falls last does not rise again.
const WAYS: &[Way] = &[
    Way {
        outcome: "inconclusive",
        label: None,
        says: "cannot tell",
        standing: ["untested"; 2],
        end: |plan, pair| {
            let lucky = pair % 2 == 0;
            about(plan, if lucky == is_fixed(plan) { 0.05 } else { 0.056 })
        },
    },
    Way {
        outcome: "inconclusive",
        label: None,
        says: "learned",
        standing: ["untested"; 2],
        end: |plan, _| about(plan, 0.17),
    },
    Way {
        outcome: "inadmissible",
        label: None,
        says: "state: 3 masks differ",
        standing: ["untested"; 2],
        end: |plan, _| match about(plan, 0.02) {
            Ending::Succeeded(mut result) => {
                result.treatment.verified = false;
                result.treatment.violations = vec!["state: 3 masks differ".into()];
                Ending::Succeeded(result)
            }
            other => other,
        },
    },
    Way {
        outcome: "supported",
        label: None,
        says: "Severity",
        standing: ["standing"; 2],
        end: |plan, _| about(plan, if is_fixed(plan) { 0.02 } else { 0.1 }),
    },
    Way {
        outcome: "falsified",
        label: None,
        says: "falsified",
        standing: ["challenged", "falsified"],
        end: |plan, pair| {
            // Better by a little or worse by a lot, never by as much as was predicted.
            let fixed = if pair % 2 == 0 { 0.049 } else { 0.065 };
            about(plan, if is_fixed(plan) { fixed } else { 0.05 })
        },
    },
    Way {
        outcome: "falsified",
        label: Some("negligible"),
        says: "negligible",
        standing: ["falsified"; 2],
        end: |plan, _| about(plan, 0.05),
    },
    Way {
        outcome: "falsified",
        label: Some("reversed"),
        says: "reversed",
        standing: ["falsified"; 2],
        end: |plan, _| about(plan, if is_fixed(plan) { 0.1 } else { 0.02 }),
    },
];

fn is_fixed(plan: &Plan) -> bool {
    let site = plan.setup.dropout.state.as_ref();
    site.is_some_and(|site| site.time == MaskTime::Fixed)
}

/// A run that ended well with about this test error.
fn about(plan: &Plan, error: f64) -> Ending {
    measured(
        plan,
        &[("test_mse", error * (1.0 + f64::from(plan.seed % 10) * 1e-4))],
    )
}

/// Lets so many waiting runs end that way, fewer if no more wait.
async fn end_some(pool: &PgPool, runs: usize, end: fn(&Plan, usize) -> Ending) {
    let mut seeds = Vec::new();
    let end = |plan: &Plan| {
        let known = seeds.iter().position(|&seed| seed == plan.seed);
        let pair = known.unwrap_or_else(|| {
            seeds.push(plan.seed);
            seeds.len() - 1
        });
        end(plan, pair)
    };
    work(pool, a_worker(pool).await, runs, end).await;
}

#[track_caller]
fn says(page: &str, words: &str) {
    assert!(page.contains(words), "{words} is not in {page}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn each_outcome_and_standing_is_reached_over_rest_and_seen_on_a_page(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen().await;
    let ada = site.person("ada", "member").await;
    let number = site.claim("C2").await;
    for way in WAYS {
        let told = (way.outcome, way.label);
        let open = site.registered(&ada).await;
        let path = open["url"].as_str().expect("an address").to_owned();
        end_some(&site.pool, RUNS, way.end).await;
        let ended: Value = site.get(&format!("/api/v1{path}")).await.json();
        let verdict = &ended["verdict"];
        assert_eq!(verdict["outcome"], way.outcome, "{told:?}: {verdict}");
        assert_eq!(verdict["label"], json!(way.label), "{told:?}: {verdict}");
        let page = site.get(&path).await.text();
        // Its chart names every outcome, so the word is looked for where the verdict stands.
        let (_, word) = page.split_once("id=\"verdict-word\"").expect("a verdict");
        let (word, _) = word.split_once("</p>").expect("its end");
        says(word, way.outcome);
        says(word, way.label.unwrap_or(way.outcome));
        says(&page, way.says);
        for standing in way.standing {
            let claim: Value = site.get(&format!("/api/v1/claims/{number}")).await.json();
            assert_eq!(claim["standing"], standing, "{told:?}");
            says(
                &site.get(&format!("/claims/{number}")).await.text(),
                standing,
            );
            // The confirmation, where the board has registered one.
            end_some(&site.pool, usize::MAX, way.end).await;
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_no_run_can_decide_is_aborted_once_an_admin_says_so(pool: PgPool) {
    let site = Site::new(pool).await;
    let [ada, root] = [
        site.person("ada", "member").await,
        site.person("root", "admin").await,
    ];
    let open = site.registered(&ada).await;
    let path = open["url"].as_str().expect("an address").to_owned();
    let address = format!("/api/v1{path}");
    end_some(&site.pool, RUNS, |_, _| Ending::Failed {
        kind: FailureKind::Specification,
        error: "this worker knows no such cell".into(),
    })
    .await;
    let waits: Value = site.get(&address).await.json();
    assert_eq!(waits["state"], "stalled", "{waits}");
    says(&site.get(&path).await.text(), "stalled");
    let reason = json!({ "reason": "No worker of ours can train it." });
    let answer = site
        .post(&root, &format!("{address}/give-up"), &reason)
        .await;
    answer.assert_status_ok();
    let ended: Value = site.get(&address).await.json();
    assert_eq!(ended["verdict"]["outcome"], "aborted", "{ended}");
    says(&site.get(&path).await.text(), "aborted");
}

/// What a gate says: where it points, and words of its reason or of what to do.
struct Gate {
    name: &'static str,
    changes: &'static [[&'static str; 2]],
    pointer: &'static str,
    says: &'static str,
}

const GATES: &[Gate] = &[
    Gate {
        name: "arms that are the same",
        changes: &[["time = \"per_step\"", "time = \"fixed\""]],
        pointer: "/spec/criterion/control",
        says: "Let the arms differ",
    },
    Gate {
        name: "a margin that nothing reaches",
        changes: &[["margin = 0.1", "margin = 30.0"]],
        pointer: "/spec/criterion/margin",
        says: "nothing could support this",
    },
    Gate {
        name: "too few pairs for the exact test",
        changes: &[["seeds = 8", "seeds = 5"]],
        pointer: "/spec/seeds",
        says: "at least",
    },
    Gate {
        name: "a level that is no level",
        changes: &[["alpha = 0.05", "alpha = 0.2"]],
        pointer: "/spec/criterion/alpha",
        says: "0.05",
    },
    Gate {
        name: "when it was measured is no outcome",
        changes: &[["\"test_mse\"", "\"early_stopped_at\""]],
        pointer: "/spec/criterion/metric",
        says: "choose what it was to reach",
    },
    Gate {
        name: "weeks of the workers",
        changes: &[
            ["steps = 1500", "steps = 1000000"],
            ["hidden = 32", "hidden = 1500"],
            ["every = 100", "every = 10000"],
        ],
        pointer: "/spec/training/steps",
        says: "Use fewer steps",
    },
];

#[sqlx::test(migrator = "MIGRATOR")]
async fn each_gate_says_over_rest_and_on_the_page_what_stands_against(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.person("ada", "member").await;
    let claim = site.claim("C2").await;
    let mut wrong = Vec::new();
    for gate in GATES {
        let spec = gate
            .changes
            .iter()
            .fold(template().to_owned(), |spec, [old, new]| {
                assert!(spec.contains(old), "{}: no {old}", gate.name);
                spec.replace(old, new)
            });
        let body = |register| json!({ "claim": claim, "spec": spec, "register": register });
        let refused = site.post(&ada, "/api/v1/experiments", &body(true)).await;
        refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
        let problem: Value = refused.json();
        let found = problem["errors"].as_array().expect("errors");
        let told = found.iter().find(|error| {
            let detail = error["detail"].as_str().unwrap_or_default();
            error["pointer"] == gate.pointer && detail.contains(gate.says)
        });
        let Some(told) = told else {
            wrong.push(format!("{}: {problem}", gate.name));
            continue;
        };
        let proposed = site.post(&ada, "/api/v1/experiments", &body(false)).await;
        if proposed.status_code() == StatusCode::UNPROCESSABLE_ENTITY {
            // It does not even make a proposal.
            continue;
        }
        proposed.assert_status(StatusCode::CREATED);
        let proposed: Value = proposed.json();
        let page = site
            .get(proposed["url"].as_str().expect("an address"))
            .await;
        let detail = told["detail"].as_str().expect("a reason");
        let first = detail.split(['.', '"', '\'']).next().expect("a sentence");
        says(&page.text(), first);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
