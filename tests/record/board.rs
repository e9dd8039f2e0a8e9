//! A board for one test, and a look at its record.

use breakmywork::db::experiments::Draft;
use breakmywork::proposal::{self, New, Proposal, Source};
use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId};
use breakmywork_protocol::jobs::{self, Ending, FailureKind, Timing};
use breakmywork_protocol::record::verify::{Finding, Options, Summary, Told, verify};
use breakmywork_protocol::record::{self, Head};
use breakmywork_protocol::result::RunResult;
use breakmywork_protocol::spec::Plan;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

pub(crate) const TIMING: Timing = Timing {
    lease_s: 60,
    stall_s: 600,
    backoff_s: 0,
};

/// The seed content's database with a worker.
pub(crate) struct Board {
    pub(crate) pool: PgPool,
    pub(crate) worker: Uuid,
}

impl Board {
    pub(crate) async fn new(pool: PgPool) -> Self {
        record::backfill(&pool).await.expect("nothing to do yet");
        breakmywork::seed::apply(&pool).await.expect("seeds");
        let worker = Uuid::new_v4();
        jobs::register_worker(&pool, worker, "host", "cpu", "0", 8)
            .await
            .expect("a worker");
        Self { pool, worker }
    }

    pub(crate) async fn account(&self, name: &str) -> AccountId {
        sqlx::query_scalar!(
            r#"insert into account (name, password_hash) values ($1, 'x') returning id as "id: AccountId""#,
            name
        )
        .fetch_one(&self.pool)
        .await
        .expect("an account")
    }

    pub(crate) async fn claims(&self) -> Vec<ClaimId> {
        sqlx::query_scalar!(r#"select id as "id: ClaimId" from claim order by id"#)
            .fetch_all(&self.pool)
            .await
            .expect("claims")
    }

    /// Proposes and registers an experiment.
    pub(crate) async fn registered(&self, author: AccountId) -> ExperimentId {
        self.registered_as(author, &draft(0.02, 10)).await
    }

    /// Proposes and registers that experiment.
    pub(crate) async fn registered_as(&self, author: AccountId, draft: &Draft) -> ExperimentId {
        self.amended(author, draft, None).await
    }

    /// Proposes and registers that experiment, as an amendment if it is one.
    pub(crate) async fn amended(
        &self,
        author: AccountId,
        draft: &Draft,
        earlier: Option<ExperimentId>,
    ) -> ExperimentId {
        let amends = earlier.map(|id| (id, "a slip".to_owned()));
        let claim = self.claims().await[0];
        let mut tx = self.pool.begin().await.expect("a transaction");
        let new = New {
            claim,
            author,
            draft,
            amends: amends.as_ref(),
        };
        let id = proposal::propose(&mut tx, new).await.expect("proposes");
        proposal::register(&mut tx, id, author, &draft.spec, false)
            .await
            .expect("registers");
        tx.commit().await.expect("commits");
        id
    }

    /// A claim that says which arms it compares, so that it can be searched: of the two masks the fresh one is to win.
    pub(crate) async fn searchable(&self) -> ClaimId {
        let covers = serde_json::json!({
            "margin": { "relative": 0.1 },
            "arms": { "treatment": { "dropout.state.time": "per_step" }, "control": { "dropout.state.time": "fixed" } }
        });
        // Before anything is on record of it.
        let claim = sqlx::query_scalar!(
            r#"with t as (insert into thread default values returning id)
               insert into claim (work_id, label, sentence, thread_id, covers)
               select (select min(id) from work), 'C99', 'Fresh masks are better.', t.id, $1 from t
               returning id as "id: ClaimId""#,
            covers
        )
        .fetch_one(&self.pool)
        .await
        .expect("a claim");
        let mut tx = self.pool.begin().await.expect("a transaction");
        record::claim(&mut tx, claim).await.expect("records");
        tx.commit().await.expect("commits");
        claim
    }

    /// Proposes and registers a search; the fixed mask wins at every point.
    pub(crate) async fn searched(&self, author: AccountId) -> ExperimentId {
        let claim = self.searchable().await;
        let draft = search(40);
        let new = New {
            claim,
            author,
            draft: &draft,
            amends: None,
        };
        let mut tx = self.pool.begin().await.expect("a transaction");
        let id = proposal::propose(&mut tx, new).await.expect("proposes");
        proposal::register(&mut tx, id, author, &draft.spec, false)
            .await
            .expect("registers");
        tx.commit().await.expect("commits");
        id
    }

    /// Ends one run, if one waits: well, or as `failure` says.
    pub(crate) async fn run_one(&self, noise: f64, failure: Option<FailureKind>) -> bool {
        let Some(lease) = jobs::take(&self.pool, self.worker, TIMING)
            .await
            .expect("takes")
        else {
            return false;
        };
        let plan = lease.plan.clone().expect("a plan");
        let ending = match failure {
            Some(kind) => Ending::Failed {
                kind,
                error: "it stopped".into(),
            },
            None => success(&plan, noise),
        };
        jobs::finish(&self.pool, &lease, ending, TIMING)
            .await
            .expect("finishes");
        true
    }

    pub(crate) async fn run_all(&self) {
        while self.run_one(0.0, None).await {}
    }

    pub(crate) async fn head(&self) -> Head {
        record::head(&self.pool).await.expect("a head")
    }

    /// What `breakmywork verify` says.
    pub(crate) async fn verify(&self, noted: &[Head]) -> (Summary, Vec<Finding>) {
        let options = Options {
            noted: noted.to_vec(),
            readers: 2,
        };
        let mut found = Vec::new();
        let summary = verify(&self.pool, &options, |told| {
            if let Told::Finding(finding) = told {
                found.push(finding);
            }
        })
        .await
        .expect("verifies");
        assert_eq!(summary.findings, found.len() as u64);
        (summary, found)
    }

    /// Everything agrees.
    pub(crate) async fn green(&self, noted: &[Head]) -> Summary {
        let (summary, found) = self.verify(noted).await;
        assert_eq!(found, [], "{summary:?}");
        summary
    }

    /// Changes the tables as somebody does who owns the database: past the program and past its triggers.
    pub(crate) async fn as_owner(&self, sql: &str) {
        let tables = [
            "board_edit",
            "claim",
            "claim_rival",
            "co_signature",
            "experiment",
            "record_entry",
            "record_head",
            "verdict",
            "work",
            "run",
            "comment",
            "trial",
            "search_result",
            "seal",
        ];
        let set = |word: &str| {
            let each = tables.map(|table| format!("alter table {table} {word} trigger user;"));
            each.concat()
        };
        let all = format!("{}{sql};{}", set("disable"), set("enable"));
        sqlx::raw_sql(AssertSqlSafe(all))
            .execute(&self.pool)
            .await
            .expect("the owner may do anything");
    }
}

/// A small experiment, checked as the pages check it.
pub(crate) fn draft(margin: f64, steps: u32) -> Draft {
    drafted(6, margin, steps, "")
}

/// The same as a sequential plan of at most so many pairs.
pub(crate) fn sequential(cap: u32) -> Draft {
    drafted(cap, 0.02, 10, "stopping = \"e_value\"\n")
}

/// The same, each of whose arms first tries two learning rates on two seeds: eight runs more.
pub(crate) fn tuned() -> Draft {
    drafted(
        6,
        0.02,
        10,
        "[tuning]\nsearch = \"grid\"\nseeds = 2\n[[tuning.fields]]\nfield = \"training.learning_rate\"\n\
         values = [0.001, 0.01]\n",
    )
}

/// A search whose prediction is the wrong way round, of at most so many runs.
pub(crate) fn search(budget: u32) -> Draft {
    checked(format!(
        "title = \"t\"\nseeds = 2\n[task]\nname = \"adding\"\nlength = 5\n[training]\nsteps = 10\n\
         [[arms]]\nname = \"fixed\"\ndropout.state = {{ rate = 0.25, time = \"fixed\" }}\n\
         [[arms]]\nname = \"fresh\"\ndropout.state = {{ rate = 0.25, time = \"per_step\" }}\n\
         [criterion]\nkind = \"search\"\nmetric = \"test_mse\"\ntreatment = \"fresh\"\ncontrol = \"fixed\"\n\
         scale = \"log\"\nmargin = 0.1\n[search]\nbudget = {budget}\n\
         [[search.space]]\nfield = \"task.length\"\nvalues = [5, 6, 7, 8]\n\
         [[search.space]]\nfield = \"model.hidden\"\nvalues = [4, 8, 16, 32]\n"
    ))
}

fn drafted(seeds: u32, margin: f64, steps: u32, further: &str) -> Draft {
    let toml = format!(
        "title = \"t\"\nseeds = {seeds}\n[task]\nname = \"adding\"\nlength = 5\n[training]\nsteps = {steps}\n\
         [[arms]]\nname = \"fixed\"\ndropout.state = {{ rate = 0.25, time = \"fixed\" }}\n\
         [[arms]]\nname = \"fresh\"\ndropout.state = {{ rate = 0.25, time = \"per_step\" }}\n\
         [criterion]\nkind = \"difference\"\nmetric = \"test_mse\"\ntreatment = \"fixed\"\ncontrol = \"fresh\"\n\
         margin = {margin}\n{further}"
    );
    checked(toml)
}

fn checked(toml: String) -> Draft {
    proposal::check(&Proposal {
        title: None,
        prediction: None,
        rationale: String::new(),
        seal_days: None,
        spec: Source::Toml(toml),
    })
    .expect("a good proposal")
}

fn success(plan: &Plan, noise: f64) -> Ending {
    let better = if plan.arm == "fixed" { 0.01 } else { 0.1 };
    let value = better + f64::from(plan.seed % 8) * 1e-3 + noise;
    let metrics = [("test_mse", value), ("valid_mse", value)];
    let mut result = RunResult::simulated(&metrics).of_plan(plan);
    // As many digits as a number has.
    result.provenance.time_steps_per_second = 1e17;
    Ending::Succeeded(Box::new(result))
}
