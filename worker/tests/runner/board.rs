//! A board with one registered experiment.

use breakmywork_protocol::id::{AccountId, ExperimentId};
use breakmywork_protocol::jobs;
use breakmywork_protocol::spec::{self, Format};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgPool};

/// Steps of a run that is over in a moment.
pub(crate) const QUICK: u32 = 10;
/// Steps of a run that takes a few seconds, so that something can happen meanwhile.
pub(crate) const SLOW: u32 = 24_000;
/// Steps of a run that outlasts every test.
pub(crate) const ENDLESS: u32 = 1_000_000;

/// Registers six pairs of runs that learn the characters of the data set `sample`, for one epoch.
pub(crate) async fn registered_on_data(pool: &PgPool) {
    let text = "title = \"t\"\nseeds = 6\n[task]\nname = \"char_lm\"\ndata = \"sample\"\nlength = 10\n\
         [model]\nhidden = 8\nembedding = 8\n[training]\nepochs = 1\nbatch = 4\n\
         [[arms]]\nname = \"fixed\"\ndropout.state = { rate = 0.25, time = \"fixed\" }\n\
         [[arms]]\nname = \"fresh\"\ndropout.state = { rate = 0.25, time = \"per_step\" }\n\
         [criterion]\nkind = \"difference\"\nmetric = \"test_bits\"\ntreatment = \"fixed\"\ncontrol = \"fresh\"\nmargin = 0.02\n";
    register(pool, text).await;
}

/// Registers six pairs of runs of so many steps; says whose they are.
pub(crate) async fn registered(pool: &PgPool, steps: u32) -> AccountId {
    register(pool, &six_pairs(steps)).await
}

/// Registers six pairs of runs whose arms choose a learning rate first, of which one learns nothing.
pub(crate) async fn registered_tuned(pool: &PgPool) {
    let tuning = "[tuning]\nsearch = \"grid\"\nseeds = 2\n[[tuning.fields]]\nfield = \"training.learning_rate\"\n\
         values = [1e-8, 0.01]\n";
    register(pool, &format!("{}{tuning}", six_pairs(QUICK))).await;
}

fn six_pairs(steps: u32) -> String {
    format!(
        "title = \"t\"\nseeds = 6\n[task]\nname = \"adding\"\nlength = 10\n[model]\nhidden = 8\n\
         [training]\nsteps = {steps}\nbatch = 8\n[evaluation]\nsequences = 20\n\
         [[arms]]\nname = \"fixed\"\ndropout.state = {{ rate = 0.25, time = \"fixed\" }}\n\
         [[arms]]\nname = \"fresh\"\ndropout.state = {{ rate = 0.25, time = \"per_step\" }}\n\
         [criterion]\nkind = \"difference\"\nmetric = \"test_mse\"\ntreatment = \"fixed\"\ncontrol = \"fresh\"\nmargin = 0.02\n"
    )
}

async fn register(pool: &PgPool, text: &str) -> AccountId {
    register_on(pool, text, "{}").await
}

/// Registers that specification on a claim that covers this; says whose it is.
pub(crate) async fn register_on(pool: &PgPool, text: &str, covers: &str) -> AccountId {
    let spec = spec::read(text, Format::Toml).expect("a good specification");
    let author: i64 = sqlx::query_scalar(
        "insert into account (name, password_hash) values ('ada', 'x') returning id",
    )
    .fetch_one(pool)
    .await
    .expect("an account");
    let experiment: i64 = sqlx::query_scalar(
        "with w as (
           insert into work (slug, title, authors, year, url, citation, phenomenon)
           values ('w', 'W', array['A'], 2016, 'https://example.org', 'c', 'p') returning id
         ), t as (insert into thread default values returning id),
         c as (insert into claim (work_id, label, sentence, thread_id, covers)
               select w.id, 'C1', 's', t.id, $3::jsonb from w, t returning id),
         t2 as (insert into thread default values returning id)
         insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec)
         select c.id, $1, t2.id, 't', 'p', 's', $2 from c, t2 returning id",
    )
    .bind(author)
    .bind(spec.to_json())
    .bind(covers)
    .fetch_one(pool)
    .await
    .expect("an experiment");
    let mut tx = pool.begin().await.expect("a transaction");
    jobs::register(
        &mut tx,
        ExperimentId(experiment),
        AccountId(author),
        &spec,
        false,
    )
    .await
    .expect("registers");
    tx.commit().await.expect("commits");
    AccountId(author)
}

/// The address of the test's own database.
pub(crate) async fn url(pool: &PgPool) -> String {
    let name: String = sqlx::query_scalar("select current_database()::text")
        .fetch_one(pool)
        .await
        .expect("a name");
    let options: PgConnectOptions = (*pool.connect_options()).clone();
    options.database(&name).to_url_lossy().to_string()
}

/// A connection beside the test's database, to close and open it.
pub(crate) async fn gate(url: &str) -> PgPool {
    let options: PgConnectOptions = url.parse().expect("a URL");
    PgPool::connect_with(options.database("postgres"))
        .await
        .expect("connects")
}

/// Ends all connections to the database and refuses new ones.
pub(crate) async fn close(gate: &PgPool, name: &str) {
    let close = format!("alter database \"{name}\" allow_connections false");
    sqlx::raw_sql(sqlx::AssertSqlSafe(close))
        .execute(gate)
        .await
        .expect("closes");
    sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1")
        .bind(name)
        .execute(gate)
        .await
        .expect("ends connections");
}

/// Takes connections again.
pub(crate) async fn open(gate: &PgPool, name: &str) {
    let open = format!("alter database \"{name}\" allow_connections true");
    sqlx::raw_sql(sqlx::AssertSqlSafe(open))
        .execute(gate)
        .await
        .expect("opens");
}
