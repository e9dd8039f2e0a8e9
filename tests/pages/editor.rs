//! Proposing and editing by form: nothing typed is lost, every mistake is named at its field.

use crate::support::{Site, fields, location};
use axum::http::StatusCode;
use breakmywork::auth::account::Role;
use breakmywork_protocol::db::MIGRATOR;
use sqlx::PgPool;

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_template_is_proposed_as_it_is(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let answer = ada.propose(&site, &[("rationale", "Because.")]).await;
    let path = location(&answer);
    let page = ada.get(&path).await.text();
    assert!(page.contains("Register and queue") && page.contains("Because."));
    // The form sent twice makes one experiment.
    assert_eq!(
        location(&ada.propose(&site, &[("rationale", "Because.")]).await),
        path
    );
    let other = site.browser().get(&path).await.text();
    assert!(other.contains("A proposal.") && !other.contains("Register and queue"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn mistakes_are_named_at_their_field_and_stay_as_typed(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let changes = [
        ("prediction", "My <own> words"),
        ("rationale", "A long story"),
        ("task-length", "many"),
        ("arms-1-dropout-state-rate", "1.5"),
        ("claim", ""),
    ];
    let answer = ada.propose(&site, &changes).await;
    answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let page = answer.text();
    for id in ["task-length", "arms-1-dropout-state-rate", "claim"] {
        assert!(
            page.contains(&format!("href=\"#{id}\"")),
            "{id} is in the summary"
        );
        assert!(
            page.contains(&format!("aria-describedby=\"{id}-error")),
            "{id} is tied"
        );
        assert!(
            page.contains(&format!("id=\"{id}-error\"")),
            "{id} has its error"
        );
    }
    assert!(page.contains("value=\"many\"") && page.contains("value=\"1.5\""));
    assert!(page.contains("length = &#34;many&#34;") || page.contains("length = &quot;many&quot;"));
    assert!(page.contains("A long story") && page.contains("My &#60;own&#62; words"));
    assert!(page.contains("Line "));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn toml_that_is_no_toml_comes_back_with_its_line(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let answer = ada
        .propose(&site, &[("toml", "title = \"x\"\n\noops = [")])
        .await;
    answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let page = answer.text();
    assert!(page.contains("Line 3"), "{page}");
    assert!(page.contains("oops = ["));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn fields_and_toml_follow_each_other_without_script(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let toml = "title = \"x\"\nseeds = [3]\n[task]\nname = \"copy\"\nlength = 5\n";
    let form = [
        ("toml", toml),
        ("task-length", "9"),
        ("task-name", "copy"),
        ("seeds", "6"),
        ("action", "apply"),
    ];
    let page = ada.post("/experiments/new", &form).await.text();
    assert!(
        page.contains("length = 9") && page.contains("seeds = 6"),
        "{page}"
    );
    let form = [("toml", toml), ("task-length", "9"), ("action", "read")];
    let page = ada.post("/experiments/new", &form).await.text();
    assert!(page.contains("name=\"task-length\" value=\"5\""), "{page}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_method_is_chosen_by_name_and_shown_as_its_sites(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let toml = "title = \"x\"\nseeds = [3]\n[task]\nname = \"copy\"\n[training]\nsteps = 10\n\
                [[arms]]\nname = \"a\"\n";
    let form = [
        ("toml", toml),
        ("title", "x"),
        ("seeds", "3"),
        ("task-name", "copy"),
        ("training-steps", "10"),
        ("arms-0-name", "a"),
        ("arms-0-dropout-preset", "gal_untied"),
        ("arms-0-dropout-state-rate", "0.1"),
        ("action", "apply"),
    ];
    let page = ada.post("/experiments/new", &form).await.text();
    let (fields, below) = page.split_once("id=\"editor-picture\"").expect("a picture");
    assert!(fields.contains("<option value=\"gal_untied\" selected>"));
    assert!(fields.contains("dropout.state = { rate = 0.1 }"), "{page}");
    // The rate that the method has at another site stands where one could be typed.
    assert!(fields.contains("name=\"arms-0-dropout-input-rate\" value=\"\" placeholder=\"0.35\""));
    assert!(fields.contains("<details id=\"further-arm-0\"><summary>Further sites"));
    for words in [
        "the method gal_untied at other rates",
        "state: same mask at every step, rate 0.1, one for each gate",
        "output: same mask at every step, rate 0.35",
    ] {
        assert!(below.contains(words), "{words}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_mistake_at_a_further_site_or_a_method_is_in_view(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let changes = [
        ("arms-0-dropout-preset", "gal_tide"),
        ("arms-1-dropout-zoneout_cell-time", "per_step"),
        ("arms-1-dropout-zoneout_cell-rate", "1"),
    ];
    let answer = ada.propose(&site, &changes).await;
    answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let page = answer.text();
    for id in ["arms-0-dropout-preset", "arms-1-dropout-zoneout_cell-rate"] {
        assert!(page.contains(&format!("href=\"#{id}\"")), "{id}");
        assert!(page.contains(&format!("id=\"{id}-error\"")), "{id}");
    }
    assert_eq!(page.matches(" open><summary>Further sites").count(), 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn choosing_a_task_on_a_data_set_shows_its_settings_and_their_defaults(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let get = ada.get("/experiments/new").await.text();
    assert!(get.contains("<details id=\"further-task\"><summary>"));
    let toml = "title = \"x\"\nseeds = [3]\n[task]\nname = \"adding\"\n[training]\nsteps = 10\n\
                [[arms]]\nname = \"a\"\n";
    let form = [
        ("toml", toml),
        ("title", "x"),
        ("seeds", "3"),
        ("task-name", "word_lm"),
        ("training-epochs", "2"),
        ("arms-0-name", "a"),
        ("arms-0-dropout-embedding-by", "token"),
        ("arms-0-dropout-embedding-rate", "0.2"),
        ("action", "apply"),
    ];
    let page = ada.post("/experiments/new", &form).await.text();
    assert!(page.contains("<details id=\"further-task\" open><summary>"));
    assert!(page.contains("id=\"task-data-error\"") && page.contains("penn_treebank"));
    for (field, default) in [("task-length", "35"), ("task-vocabulary", "10000")] {
        let input = format!("name=\"{field}\" value=\"\" placeholder=\"{default}\"");
        assert!(page.contains(&input), "{input}");
    }
    assert!(page.contains("dropout.embedding = { rate = 0.2, by = &#34;token&#34; }"));
    assert!(page.contains("<option>test_perplexity</option>"));
    assert!(!page.contains("test_mse</option>"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_language_model_is_described_on_its_page(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let toml = "title = \"x\"\nseeds = 6\n[task]\nname = \"word_lm\"\ndata = \"penn_treebank\"\n\
                [training]\nepochs = 2\nanneal = 0.5\n\
                [[arms]]\nname = \"a\"\ndropout.embedding.rate = 0.2\n[[arms]]\nname = \"b\"\n\
                [criterion]\nkind = \"difference\"\nmetric = \"test_nll\"\ntreatment = \"a\"\ncontrol = \"b\"\n\
                margin = 0.01\n";
    let form = ada.propose(&site, &[("toml", toml)]).await;
    let page = ada.get(&location(&form)).await.text();
    for words in [
        "next word of penn_treebank@1, 10\u{202f}000 words, windows of 35",
        "embeddings of 32",
        "2 epochs of 32 streams, learning rate × 0.5 at each epoch from the 2nd",
        "after each epoch on 32 held-out streams",
        "embedding: drops word or character types, the same for the whole sequence, rate 0.2",
        ">the</text>",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn only_the_author_edits_and_only_a_proposal(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = location(&ada.propose(&site, &[]).await);
    let edit = format!("{path}/edit");
    let eve = site.signed_in("eve", Role::Member).await;
    eve.get(&edit).await.assert_status_forbidden();
    eve.post(&format!("{path}/register"), &[])
        .await
        .assert_status_forbidden();
    ada.get(&edit).await.assert_status_ok();
    let toml = breakmywork::seed::TEMPLATES[0]
        .toml
        .replace("length = 30", "length = 31");
    let form = [("toml", toml.as_str()), ("action", "read")];
    ada.post(&edit, &form).await.assert_status_ok();
    ada.post(&format!("{path}/register"), &[])
        .await
        .assert_status_see_other();
    ada.get(&edit).await.assert_status_conflict();
    ada.post(&format!("{path}/withdraw"), &[])
        .await
        .assert_status_conflict();
    let amend = ada
        .get(&format!(
            "/experiments/new?amends={}",
            path.trim_start_matches("/experiments/")
        ))
        .await;
    assert!(amend.text().contains("Why it is amended"));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn proposing_needs_an_account_and_comes_back(pool: PgPool) {
    let site = Site::new(pool).await;
    let answer = site.browser().get("/experiments/new?claim=2").await;
    assert_eq!(
        location(&answer),
        "/sign-in?next=%2Fexperiments%2Fnew%3Fclaim%3D2"
    );
}

/// What a search looks over and what is tuned is typed row by row, folded until it is of use, and arrives.
#[sqlx::test(migrator = "MIGRATOR")]
async fn searches_and_tuning_are_composed_row_by_row(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let page = ada.get("/experiments/new").await.text();
    for id in ["searched", "tuned"] {
        assert!(
            page.contains(&format!("<details id=\"{id}\"><summary>")),
            "{id} is folded"
        );
    }
    for template in ["where-it-fails", "each-at-its-best"] {
        let page = ada
            .get(&format!("/experiments/new?template={template}"))
            .await
            .text();
        assert!(page.len() < 100_000, "{template}: {} bytes", page.len());
    }
    let spec = async |changes: &[(&str, &str)]| {
        let path = location(&ada.propose(&site, changes).await);
        let over_rest = ada.get(&format!("/api/v1{path}")).await;
        over_rest.json::<serde_json::Value>()["spec"].clone()
    };
    let searched = spec(&[
        ("criterion-kind", "search"),
        ("seeds", "4"),
        ("search-budget", "120"),
        ("search-space-0-field", "task.length"),
        ("search-space-0-values", "30, 50 75"),
        ("search-space-1-field", "training.learning_rate"),
        ("search-space-1-from", "0,002"),
        ("search-space-1-to", "0.02"),
        ("search-space-1-scale", "log"),
        ("search-space-1-levels", "3"),
    ])
    .await;
    let expected = serde_json::json!({ "budget": 120, "space": [
        { "field": "task.length", "values": [30, 50, 75] },
        { "field": "training.learning_rate", "values": [0.002, 0.00632, 0.02] },
    ]});
    assert_eq!(searched["search"], expected);
    let tuned = spec(&[
        ("tuning-search", "grid"),
        ("tuning-seeds", "2"),
        ("tuning-fields-0-field", "dropout.state.rate"),
        ("tuning-fields-0-values", "0.1, 0.25, 0.5"),
    ])
    .await;
    assert_eq!(
        tuned["tuning"]["fields"][0]["values"],
        serde_json::json!([0.1, 0.25, 0.5])
    );
    assert_eq!(tuned["tuning"]["metric"], "valid_mse");
    // What is wrong stands at its field, in view, as it was typed, and the next row is there to fill.
    let wrong = [
        ("criterion-kind", "search"),
        ("seeds", "4"),
        ("search-budget", "\"><b>"),
        ("search-space-0-field", "<script>alert(1)</script>"),
        ("search-space-0-values", "1, 2"),
        ("tuning-search", "grid"),
        ("tuning-fields-0-field", "training.batch"),
        ("tuning-fields-0-values", "1, 2"),
    ];
    let answer = ada.propose(&site, &wrong).await;
    answer.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
    let page = answer.text();
    for id in [
        "search-budget",
        "search-space-0-field",
        "tuning-fields-0-field",
    ] {
        assert!(
            page.contains(&format!("href=\"#{id}\"")),
            "{id} is in the summary"
        );
        assert!(
            page.contains(&format!("id=\"{id}-error\"")),
            "{id} has its error"
        );
    }
    assert!(!page.contains("<script>alert") && !page.contains("\"><b>"));
    assert!(page.contains("value=\"&lt;script&gt;alert(1)&lt;/script&gt;\" list=\"space\""));
    for shown in [
        "searched\" open",
        "tuned\" open",
        "id=\"search-space-1-field\"",
        "id=\"tuning-fields-1-field\"",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    assert!(page.len() < 100_000, "{} bytes", page.len());
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_registered_is_what_was_on_the_page(pool: PgPool) {
    let site = Site::new(pool).await;
    let ada = site.signed_in("ada", Role::Member).await;
    let path = location(&ada.propose(&site, &[]).await);
    let page = ada.get(&path).await.text();
    let button = page
        .split(&format!("action=\"{path}/register\""))
        .nth(1)
        .expect("a button");
    let seen = fields(button);
    let seen: Vec<(&str, &str)> = seen.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(seen[0].1.len(), 64, "{seen:?}");

    // Another tab changes it meanwhile.
    let edit = format!("{path}/edit");
    let other = ada.get(&edit).await.text();
    let mut form = fields(other.split("data-editor").nth(1).expect("the editor"));
    form.retain(|(field, _)| field != "rationale");
    form.push(("rationale".into(), "Since the other tab says so.".into()));
    form.push(("action".into(), "save".into()));
    let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    ada.post(&edit, &form).await.assert_status_see_other();

    let refused = ada.post(&format!("{path}/register"), &seen).await;
    refused.assert_status_conflict();
    let page = refused.text();
    assert!(
        page.contains("was changed after you read it")
            && page.contains("Since the other tab says so."),
        "{page}"
    );
    let again = fields(
        page.split(&format!("action=\"{path}/register\""))
            .nth(1)
            .expect("it"),
    );
    let again: Vec<(&str, &str)> = again
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    ada.post(&format!("{path}/register"), &again)
        .await
        .assert_status_see_other();
}
