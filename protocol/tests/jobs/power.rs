//! What an experiment can find by the noise of earlier ones, and whether its question was answered.

use crate::common::*;
use crate::standing::{claim, register, test_of_it};
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId};
use breakmywork_protocol::jobs;
use breakmywork_protocol::spec::{Format, Spec, Stopping, read};
use breakmywork_protocol::verdict::Power;
use sqlx::PgPool;

/// Trains everything that waits: pairs vary about that much in the logarithm, around no difference, by turns to either side and
/// so alike for whichever seeds the board draws.
async fn train(pool: &PgPool, noise: f64) {
    let worker = worker(pool).await;
    let mut seeds = Vec::new();
    while let Some(lease) = take(pool, worker).await {
        let plan = lease.plan.clone().expect("a good plan");
        if !seeds.contains(&plan.seed) {
            seeds.push(plan.seed);
        }
        let pair = seeds
            .iter()
            .position(|seed| *seed == plan.seed)
            .expect("is there");
        let place = [-1.0, 1.0][pair % 2] * (1.0 - (pair / 2) as f64 / 25.0);
        let sign = if plan.arm == "fixed" { 0.5 } else { -0.5 };
        let error = 0.02 * (sign * noise * place).exp();
        finish(pool, &lease, success(error), TIMING)
            .await
            .expect("finishes");
    }
}

async fn power(pool: &PgPool, spec: &Spec, author: AccountId) -> Power {
    let found = jobs::power(pool, spec, author).await.expect("answers");
    found.expect("a power")
}

async fn stored(pool: &PgPool, id: ExperimentId) -> Option<serde_json::Value> {
    sqlx::query_scalar!(
        "select power from experiment where id = $1",
        id as ExperimentId
    )
    .fetch_one(pool)
    .await
    .expect("the experiment")
}

/// One person's noise makes an experiment of somebody else's look neither hopeless nor certain: a person's own counts before
/// that of others, and of others that of the person in the middle.
#[sqlx::test(migrator = "MIGRATOR")]
async fn nobody_can_make_anothers_experiment_look_hopeless_or_certain(pool: PgPool) {
    let claim = claim(&pool).await;
    let [honest, first, second, third] = [
        account(&pool, "honest").await,
        account(&pool, "first").await,
        account(&pool, "second").await,
        account(&pool, "third").await,
    ];
    let spec = test_of_it(8);
    let before = power(&pool, &spec, honest).await;
    assert_eq!(before.noise.pairs, 0);
    for (noisy, noise) in [(first, 2.0), (second, 5.0), (third, 8.0)] {
        register(&pool, claim, noisy, &spec).await;
        train(&pool, noise).await;
    }
    // Three accounts alone were there: neither the quietest of them nor the noisiest.
    let among = power(&pool, &spec, honest).await;
    assert_eq!((among.noise.pairs, among.noise.experiments), (8, 1));
    assert!(!among.noise.own);
    assert_eq!(among.noise.sd, power(&pool, &spec, second).await.noise.sd);
    // A pilot of one's own settles it, and of four the quieter one in the middle counts for those who have none.
    let pilot = register(&pool, claim, honest, &test_of_it(12)).await;
    train(&pool, 0.02).await;
    let own = power(&pool, &spec, honest).await;
    assert!(
        own.noise.own && own.noise.sd < 0.05 && own.power > 0.8,
        "{own:?}"
    );
    let newcomer = power(&pool, &spec, account(&pool, "new").await).await;
    let quieter = power(&pool, &spec, first).await.noise.sd;
    assert!(newcomer.noise.sd == quieter && own.noise.sd < quieter && !newcomer.noise.own);
    assert!(power(&pool, &spec, third).await.noise.sd > 1.0);
    // However many noisy ones others add, one's own stay in sight.
    sqlx::query!(
        r#"with t as (insert into thread select from generate_series(1, 101) returning id),
             e as (insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec)
               select $1, $2, t.id, 't', 'p', 's', $3 from t returning id, author_id)
           insert into noise (experiment_id, author_id, likeness, differences)
           select id, author_id, $4, '{-9, 0, 9}' from e"#,
        claim as ClaimId,
        third as AccountId,
        spec.to_json(),
        spec.likeness()
    )
    .execute(&pool)
    .await
    .expect("floods");
    assert_eq!(power(&pool, &spec, honest).await, own);
    // What was known at registration stays, whatever is known later.
    let known = stored(&pool, pilot).await.expect("a power");
    assert_eq!(known["noise"]["own"], false);
    let late = sqlx::query!(
        "update experiment set power = null where id = $1",
        pilot as ExperimentId
    );
    let refused = late.execute(&pool).await.expect_err("frozen");
    let constraint = refused
        .as_database_error()
        .and_then(|error| error.constraint());
    assert_eq!(constraint, Some("experiment_stays_frozen"));
}

/// Of several conditions the noisiest speaks for all, and in each a person's own noise counts before that of others.
#[sqlx::test(migrator = "MIGRATOR")]
async fn the_noisiest_of_several_conditions_speaks_for_all(pool: PgPool) {
    let claim = claim(&pool).await;
    let [ada, eve] = [account(&pool, "ada").await, account(&pool, "eve").await];
    let text = "title = \"t\"\nseeds = 12\n[task]\nname = \"adding\"\nlength = 20\n[training]\nsteps = 10\n\
        [[arms]]\nname = \"a\"\n[[arms]]\nname = \"b\"\ndropout.state.rate = 0.2\n\
        [[arms]]\nname = \"c\"\ntask.length = 40\n[[arms]]\nname = \"d\"\ntask.length = 40\ndropout.state.rate = 0.2\n\
        [criterion]\nkind = \"cells\"\nscale = \"log\"\nmetric = \"test_mse\"\ntreatment = \"b\"\ncontrol = \"a\"\n\
        conditions = [[\"d\", \"c\"]]\nat_least = 2\nmargin = 0.3\n";
    let spec = read(text, Format::Toml).expect("reads");
    let [short, long]: [String; 2] = spec.noisy_like().try_into().expect("two conditions");
    let note = async |author: AccountId, likeness: &str, size: f64| {
        let differences: Vec<f64> = [-1.0, -0.5, 0.0, 0.5, 1.0].map(|d| d * size).into();
        sqlx::query(
            "with t as (insert into thread default values returning id),
               e as (insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec)
                 select $1, $2, t.id, 't', 'p', 's', $3 from t returning id, author_id)
             insert into noise (experiment_id, author_id, likeness, differences) select id, author_id, $4, $5 from e",
        )
        .bind(claim as ClaimId)
        .bind(author as AccountId)
        .bind(spec.to_json())
        .bind(likeness)
        .bind(differences)
        .execute(&pool)
        .await
        .expect("notes");
    };
    let sd = async |author| power(&pool, &spec, author).await.noise.sd;
    note(eve, &short, 0.1).await;
    let one = sd(ada).await;
    note(eve, &long, 1.0).await;
    let both = power(&pool, &spec, ada).await;
    assert!(both.noise.sd > 9.0 * one && both.noise.pairs == 5 && !both.noise.own);
    // What ada has seen of the longer one goes before what eve has.
    note(ada, &long, 0.2).await;
    let own = power(&pool, &spec, ada).await;
    assert!(
        own.noise.own && own.noise.sd < 3.0 * one && own.power > both.power,
        "{own:?}"
    );
    assert_eq!(sd(eve).await, both.noise.sd);
}

/// Networks that learned nothing vary little and say nothing of those that do.
#[sqlx::test(migrator = "MIGRATOR")]
async fn what_learned_nothing_has_no_noise(pool: PgPool) {
    let claim = claim(&pool).await;
    let author = account(&pool, "author").await;
    register(&pool, claim, author, &test_of_it(8)).await;
    let worker = worker(&pool).await;
    while let Some(lease) = take(&pool, worker).await {
        finish(&pool, &lease, success(0.166), TIMING)
            .await
            .expect("finishes");
    }
    assert_eq!(power(&pool, &test_of_it(8), author).await.noise.pairs, 0);
}

/// Who asked the same is told, under whatever title and with however many seeds; an answer before a question that runs.
#[sqlx::test(migrator = "MIGRATOR")]
async fn who_asked_the_same_is_told(pool: PgPool) {
    let claim = claim(&pool).await;
    let author = account(&pool, "author").await;
    let spec = test_of_it(8);
    let before = async |id| {
        let told = jobs::asked_before(&pool, id).await.expect("answers");
        told.map(|told| (told.experiment, told.state, told.outcome))
    };
    let first = register(&pool, claim, author, &spec).await;
    assert_eq!(before(first).await, None);
    let mut renamed = test_of_it(16);
    renamed.title = "Another title".into();
    let second = register(&pool, claim, author, &renamed).await;
    assert_eq!(
        before(second).await,
        Some((first, "registered".into(), None))
    );
    train(&pool, 0.01).await;
    let third = register(&pool, claim, author, &spec).await;
    let answered = Some("falsified".to_owned());
    assert_eq!(
        before(third).await,
        Some((second, "concluded".into(), answered))
    );
    // One pair at a time or all at once: the same question.
    let mut one_by_one = spec.clone();
    one_by_one.criterion.as_mut().expect("one").stopping = Some(Stopping::EValue);
    let sequential = register(&pool, claim, author, &one_by_one).await;
    let told = before(sequential).await.expect("asked before");
    assert_eq!(told.0, second);
    // Another question is another question.
    let mut other = spec.clone();
    other.criterion.as_mut().expect("one").margin = 0.11;
    let other = register(&pool, claim, author, &other).await;
    assert_eq!(before(other).await, None);
}
