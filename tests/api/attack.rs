//! An hour of a hostile member with three accounts: nobody's verdict changes, and no claim's standing.

use crate::support::*;
use axum::http::StatusCode;
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::spec::Plan;
use serde_json::{Value, json};
use sqlx::PgPool;

/// Trains what waits as an honest worker: with fixed masks the error is a fifth of that with fresh ones, whatever the
/// attacker hopes for; a learning rate of next to nothing learns nothing, and a rate of nine tenths little.
async fn honestly(pool: &PgPool) {
    let end = |plan: &Plan| {
        let setup = serde_json::to_value(&plan.setup).expect("plain");
        let state = &setup["dropout"]["state"];
        let rate = state["rate"].as_f64().unwrap_or(0.0);
        let learns = setup["training"]["learning_rate"].as_f64() > Some(1e-6);
        let error = match state["time"].as_str() {
            _ if !learns || rate > 0.8 => 0.17,
            Some("fixed") => 0.02,
            Some(_) => 0.1,
            None => 0.02,
        } * (1.0 + f64::from(plan.seed % 10) * 1e-3);
        let accuracy = if error < 0.05 { 1.0 } else { 0.5 };
        let metrics = [
            ("test_mse", error),
            ("train_mse", error),
            ("test_accuracy", accuracy),
            ("early_stopped_at", 100.0),
        ];
        measured(plan, &metrics)
    };
    train(pool, end).await;
}

/// Changes of the ready template, each an attack that worked once or might.
fn attacks() -> Vec<(&'static str, String)> {
    let good = template();
    let fresh = "rate = 0.25, time = \"per_step\"";
    let fixed = "rate = 0.25, time = \"fixed\"";
    let spoil_treatment = |field: &str| {
        good.replacen(
            "[[arms]]\nname = \"fresh",
            &format!("{field}\n\n[[arms]]\nname = \"fresh"),
            1,
        )
    };
    vec![
        ("equal arms", good.replace(fresh, fixed)),
        ("both at rate 0", good.replace("rate = 0.25", "rate = 0.0")),
        (
            "a margin that nothing reaches",
            good.replace("margin = 0.1", "margin = 3.0"),
        ),
        (
            "twice the effect",
            good.replace("margin = 0.1", "margin = 0.2"),
        ),
        (
            "ten times the effect",
            good.replace("margin = 0.1", "margin = 1.0"),
        ),
        (
            "a prediction turned round",
            good.replace("treatment = \"fixed state mask\"", "treatment = \"x\"")
                .replace(
                    "control = \"fresh state mask\"",
                    "control = \"fixed state mask\"",
                )
                .replace("treatment = \"x\"", "treatment = \"fresh state mask\""),
        ),
        (
            "the claim as an equivalence",
            good.replace("kind = \"difference\"", "kind = \"equivalence\""),
        ),
        (
            "when it was measured",
            good.replace("\"test_mse\"", "\"early_stopped_at\"")
                .replace("scale = \"log\"", ""),
        ),
        (
            "on what was trained on",
            good.replace("\"test_mse\"", "\"train_mse\""),
        ),
        (
            "a level of one in five",
            good.replace("alpha = 0.05", "alpha = 0.2"),
        ),
        (
            "seeds of one's own",
            good.replace("seeds = 8", "seeds = [11, 17, 23, 42, 57, 80, 99, 101]"),
        ),
        ("five seeds", good.replace("seeds = 8", "seeds = 5")),
        (
            "a treatment that does not learn",
            spoil_treatment("training.learning_rate = 1e-7"),
        ),
        (
            "a treatment that trains shorter",
            spoil_treatment("training.steps = 100"),
        ),
        ("a smaller treatment", spoil_treatment("model.hidden = 2")),
        (
            "a treatment drowned beside the point",
            spoil_treatment("dropout.output = { rate = 0.9, time = \"fixed\" }"),
        ),
        (
            "a rate that drowns the treatment",
            good.replace(fixed, "rate = 0.95, time = \"fixed\""),
        ),
        (
            "nothing learned by either",
            good.replace("learning_rate = 5e-3", "learning_rate = 1e-8"),
        ),
        (
            "no share of seeds that solve it",
            good.replace(
                "kind = \"difference\"",
                "kind = \"solve_rate\"\nthreshold = 0.0",
            )
            .replace("scale = \"log\"", ""),
        ),
        (
            "a squared error as it is",
            good.replace("scale = \"log\"", ""),
        ),
        (
            "tuned so that nothing is learned",
            format!(
                "{good}\n[tuning]\nsearch = \"grid\"\nseeds = 1\n[[tuning.fields]]\nfield = \"training.learning_rate\"\n\
                 values = [1e-8, 1e-7]\nscale = \"log\"\n"
            ),
        ),
        (
            "one pair after the other, nothing learned",
            good.replace("learning_rate = 5e-3", "learning_rate = 1e-8")
                .replace("margin = 0.1", "margin = 0.1\nstopping = \"e_value\""),
        ),
    ]
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn nothing_moves_a_claim_but_a_test_of_it(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen().await;
    let ada = site.person("ada", "member").await;
    let honest = site.registered(&ada).await["url"].clone();
    honestly(&site.pool).await;
    let claim = format!("/api/v1/claims/{}", site.claim("C2").await);
    let before: Value = site.get(&claim).await.json();
    assert_eq!(before["standing"], "standing");
    let honest = format!("/api/v1{}", honest.as_str().expect("an address"));
    let verdict: Value = site.get(&honest).await.json::<Value>()["verdict"].clone();
    assert_eq!(verdict["outcome"], "supported");

    let accounts = [
        site.person("eve", "member").await,
        site.person("mallory", "member").await,
        site.person("trudy", "member").await,
    ];
    let mut registered = 0;
    for (index, (name, spec)) in attacks().into_iter().enumerate() {
        assert_ne!(spec, template(), "{name} changes nothing");
        for exploratory in [false, true] {
            let account = &accounts[index % 3];
            let body = json!({
                "claim": before["id"], "spec": spec, "register": true, "exploratory": exploratory
            });
            let answer = site.post(account, "/api/v1/experiments", &body).await;
            match answer.status_code() {
                StatusCode::CREATED => registered += 1,
                StatusCode::UNPROCESSABLE_ENTITY => {}
                other => panic!("{name}: {other} {}", answer.text()),
            }
        }
        honestly(&site.pool).await;
        let after: Value = site.get(&claim).await.json();
        for field in ["standing", "severity", "challenged_by", "falsified_by"] {
            assert_eq!(after[field], before[field], "{name}: {field}");
        }
    }
    assert!(registered > 10, "{registered}: some can be run and shown");
    // Nor does one of them with the help of another: who accepts what was proposed, and whose denial it is, is not theirs to say.
    let [eve, mallory, _] = &accounts;
    let body = json!({ "claim": before["id"], "spec": template() });
    let proposed: Value = site.post(eve, "/api/v1/experiments", &body).await.json();
    let path = format!("/api/v1/experiments/{}", proposed["id"]);
    let answer = json!({
        "accepts": true, "proposal_sha256": proposed["acceptance"]["proposal_sha256"],
    });
    let narrower = json!({ "length": { "most": 60 } });
    let sentence = "It is not so.";
    for (path, body) in [
        (format!("{path}/answer"), answer),
        (
            format!("{claim}/author"),
            json!({ "author": "mallory", "reason": "hers" }),
        ),
        (
            format!("{claim}/denial"),
            json!({ "sentence": sentence, "reason": "to win" }),
        ),
        (
            format!("{claim}/rivals"),
            json!({ "rival": site.claim("C1").await, "reason": "to win" }),
        ),
        (
            format!("{claim}/revisions"),
            json!({ "sentence": sentence, "reason": "to win", "narrower": narrower }),
        ),
    ] {
        let answer = site.post(mallory, &path, &body).await;
        answer.assert_status(StatusCode::FORBIDDEN);
    }
    let after: Value = site.get(&claim).await.json();
    for field in ["standing", "severity", "author", "covers", "sentence"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    // What others registered in between changes no verdict.
    let again: Value = site.get(&honest).await.json::<Value>()["verdict"].clone();
    assert_eq!(again, verdict);
    // Nor do they stop, register or confirm what is not theirs.
    let open = site.registered(&ada).await;
    let path = format!("/api/v1{}", open["url"].as_str().expect("an address"));
    for (act, body) in [
        ("stop", json!({ "reason": "I lose" })),
        ("register", json!({})),
        ("withdraw", json!({})),
        ("confirm", json!({})),
        ("dispute", json!({ "reason": "I lose" })),
        ("dispute/resolve", json!({ "reason": "I lose" })),
        ("dispute/answer", json!({ "answer": "I lose" })),
    ] {
        let answer = site
            .post(&accounts[0], &format!("{path}/{act}"), &body)
            .await;
        assert!(
            matches!(answer.status_code().as_u16(), 403 | 409),
            "{act}: {}",
            answer.status_code()
        );
    }
}

/// A lucky falsification challenges the claim; it falls by the confirmation alone, which the attacker neither chooses nor
/// stops.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_lucky_falsification_is_not_confirmed(pool: PgPool) {
    let site = Site::new(pool).await;
    site.widen().await;
    let eve = site.person("eve", "member").await;
    let lucky = site.registered(&eve).await;
    // As if luck had been with her: all her runs end alike.
    sqlx::query("update run set plan = jsonb_set(plan, '{dropout,state,time}', '\"fixed\"')")
        .execute(&site.pool)
        .await
        .expect("sets");
    honestly(&site.pool).await;
    let lucky = format!("/api/v1{}", lucky["url"].as_str().expect("an address"));
    let lucky: Value = site.get(&lucky).await.json();
    assert_eq!(lucky["verdict"]["label"], "negligible");
    // The board registered the confirmation in the same moment, and it has run by now.
    let confirmation = lucky["confirmed_by"].as_i64().expect("a confirmation");
    let address = format!("/api/v1/experiments/{confirmation}");
    let after: Value = site.get(&address).await.json();
    assert_eq!(
        (&after["author"], &after["outcome"], &after["confirmation"]),
        (&"the-board".into(), &"supported".into(), &1.into()),
        "{after}"
    );
    assert_eq!(lucky["challenge"], "not_confirmed");
    let claim = format!("/api/v1/claims/{}", site.claim("C2").await);
    let claim: Value = site.get(&claim).await.json();
    assert_eq!(claim["standing"], "standing", "{claim}");
    let stop = json!({ "reason": "I lose" });
    let answer = site.post(&eve, &format!("{address}/stop"), &stop).await;
    answer.assert_status(StatusCode::FORBIDDEN);
}
