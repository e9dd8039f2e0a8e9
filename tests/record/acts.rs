//! People and workers who do something at random, through the functions that pages and REST call.

use crate::board::{Board, draft, search, tuned};
use breakmywork::acceptance::{self, Said};
use breakmywork::auth::account::Role;
use breakmywork::board::Writer;
use breakmywork::db::comments::{self, moderation, versions};
use breakmywork::db::hiding;
use breakmywork::db::{accounts, claims, experiments, rivals};
use breakmywork::deposit;
use breakmywork::discussion;
use breakmywork::error::Error;
use breakmywork::hiding::Hideable;
use breakmywork::proposal::{self, New};
use breakmywork::rival::{self, Who};
use breakmywork::standing;
use breakmywork_protocol::id::{AccountId, ClaimId, CommentId, ExperimentId, RunId, ThreadId};
use breakmywork_protocol::jobs::{self, FailureKind};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use sqlx::PgTransaction;

/// Who acts, and on what.
pub(crate) struct Crowd<'a> {
    board: &'a Board,
    random: SmallRng,
    people: Vec<AccountId>,
    claims: Vec<ClaimId>,
    /// The claim that is searched, where plans that run in stages are registered as well.
    searchable: Option<ClaimId>,
    /// Acts that were done, others having been refused.
    pub(crate) done: usize,
}

impl<'a> Crowd<'a> {
    pub(crate) async fn new(board: &'a Board, seed: u64) -> Self {
        let mut people = Vec::new();
        for name in ["ada", "bob", "cyd", "dan", "eve"] {
            people.push(board.account(name).await);
        }
        Self {
            random: SmallRng::seed_from_u64(seed),
            people,
            claims: board.claims().await,
            searchable: None,
            done: 0,
            board,
        }
    }

    /// The same, who also tune and search.
    pub(crate) async fn with_stages(self) -> Self {
        Self {
            searchable: Some(self.board.searchable().await),
            ..self
        }
    }

    /// Does something.
    pub(crate) async fn act(&mut self) {
        // Most of what happens on a board is that runs end.
        if self.random.random_bool(0.55) {
            let noise = self.random.random_range(-0.03..0.03);
            let failure = match self.random.random_range(0..20) {
                0 => Some(FailureKind::Diverged),
                1 | 2 => Some(FailureKind::OutOfMemory),
                _ => None,
            };
            if self.board.run_one(noise, failure).await {
                self.done += 1;
                return;
            }
        }
        let mut tx = self.board.pool.begin().await.expect("a transaction");
        match self.something(&mut tx).await {
            Ok(()) => {
                tx.commit().await.expect("commits");
                self.done += 1;
            }
            Err(Error::Internal(fault)) => panic!("{fault}"),
            Err(Error::Unavailable(fault)) => panic!("{fault}"),
            // Refused: not in that state, not theirs, too many.
            Err(_) => {}
        }
    }

    async fn something(&mut self, tx: &mut PgTransaction<'_>) -> Result<(), Error> {
        let who = *self.people.choose(&mut self.random).expect("people");
        let whom = *self.people.choose(&mut self.random).expect("people");
        match self.random.random_range(0..24) {
            0..5 => self.propose_and_register(tx, who).await,
            5 => {
                let id = self.experiment(tx, "proposed").await?;
                proposal::withdraw(tx, id, who).await
            }
            6 => {
                let id = self.experiment(tx, "running").await?;
                proposal::stop(tx, id, who, true, "a slip").await
            }
            7 => {
                let id = self.experiment(tx, "stalled").await?;
                Ok(jobs::retry_failed(tx, id, who, "once more")
                    .await
                    .map(drop)?)
            }
            8 => {
                let id = self.experiment(tx, "stalled").await?;
                Ok(jobs::give_up(tx, id, who, "*no* hope").await?)
            }
            9 => {
                let run = self.run(tx, "queued").await?;
                Ok(jobs::cancel(tx, run, who, "not needed").await?)
            }
            10 => {
                let run = self.run(tx, "cancelled").await?;
                Ok(jobs::retry(tx, run, who, "again").await.map(drop)?)
            }
            11 => {
                // A queue that stays closed would be the end of it.
                jobs::pause(tx, who, "maintenance").await?;
                Ok(jobs::resume(tx, who).await?)
            }
            12 | 13 => {
                let thread = self.thread(tx).await?;
                let written = discussion::written(&self.board.pool, thread, "Is it *so*?")
                    .await?
                    .expect("a good comment");
                Ok(discussion::post(tx, thread, who, &written)
                    .await
                    .map(drop)?)
            }
            14 => {
                let comment = self.comment(tx).await?;
                let own = versions::own(&mut **tx, comment).await?;
                let author = own.and_then(|own| own.author).expect("a person's");
                hide_or_show(tx, comment.into(), who, author).await?;
                if let Ok(id) = self.experiment(tx, "proposed").await {
                    let proposal = experiments::find(&mut **tx, id, None).await?;
                    let author = proposal.expect("it is there").author_id;
                    hide_or_show(tx, id.into(), who, author).await?;
                }
                let thread = comments::thread_of(&mut **tx, comment).await?;
                let thread = thread.expect("it is in one");
                let about = comments::subject(&mut **tx, thread).await?;
                let about = about.expect("each discusses something");
                let locked = moderation::lock(tx, thread, about, who, "enough", true).await?;
                if !locked {
                    moderation::lock(tx, thread, about, who, "calm", false).await?;
                }
                Ok(())
            }
            15 => {
                if !accounts::disable(tx, whom, Some(who), "a \"flood\" of\u{2028}junk").await? {
                    accounts::enable(tx, whom, Some(who)).await?;
                }
                Ok(())
            }
            16 => {
                let id = self.experiment(tx, "concluded").await?;
                match standing::dispute(tx, id, who, "its data were seen before").await {
                    Err(Error::Conflict(_)) => {
                        standing::resolve_dispute(tx, id, who, "they were not").await
                    }
                    disputed => disputed,
                }
            }
            17 => {
                let claim = *self.claims.choose(&mut self.random).expect("claims");
                let name = ["ada", "bob", ""].choose(&mut self.random).expect("some");
                acceptance::name_author(tx, claim, who, name, "it is *theirs*").await
            }
            18 | 19 => {
                let id = self.experiment(tx, "proposed").await?;
                let proposal = experiments::find(&mut **tx, id, Some(who))
                    .await?
                    .expect("it is there");
                // Nobody reads what is sealed, and so nobody can answer it.
                let hash = proposal.proposal_sha256().unwrap_or_default();
                // For its own claim, or for the rival that it tests, too.
                let asked = match proposal.rival.filter(|_| self.random.random_bool(0.5)) {
                    Some(rival) => rival,
                    None => proposal.claim,
                };
                let claim = claims::find(&mut **tx, asked).await?;
                let who = claim.and_then(|claim| claim.answering_id).unwrap_or(who);
                let said = Said {
                    claim: Some(asked),
                    accepts: self.random.random_bool(0.5),
                    words: "so \"be\" it",
                    proposal_sha256: &hash,
                };
                acceptance::answer(tx, id, who, said).await
            }
            20 => {
                let claim = *self.claims.choose(&mut self.random).expect("claims");
                let who = Writer {
                    id: who,
                    role: Role::Moderator,
                };
                let sentence = format!("It is not so, say {}.", self.done);
                let denied = rival::deny(tx, claim, who, &sentence, "to see both").await;
                denied.map(drop)
            }
            21 => {
                let claim = *self.claims.choose(&mut self.random).expect("claims");
                let rivals = rivals::of_claim(&mut **tx, claim).await?;
                let rivals: Vec<ClaimId> = rivals.iter().map(|rival| rival.id).collect();
                let other = self.one_of(&rivals)?;
                let who = Who {
                    id: who,
                    is_moderator: true,
                };
                rival::end(tx, claim, other, who, "both can hold").await
            }
            22 => {
                let id = self.experiment(tx, "concluded").await?;
                let typed = ["10.5281/zenodo.1", "10.5281/zenodo.2", ""];
                let typed = typed.choose(&mut self.random).expect("some");
                deposit::say(tx, id, who, true, typed).await
            }
            _ => Ok(accounts::set_role(tx, whom, Role::Moderator).await?),
        }
    }

    async fn propose_and_register(
        &mut self,
        tx: &mut PgTransaction<'_>,
        who: AccountId,
    ) -> Result<(), Error> {
        let margin = *[0.02, 0.05, 1e-7].choose(&mut self.random).expect("some");
        let mut draft = draft(margin, self.random.random_range(5..50));
        draft.seal_days = self.random.random_bool(0.3).then_some(30);
        let mut claim = *self.claims.choose(&mut self.random).expect("claims");
        if let Some(searchable) = self.searchable {
            // Few, since each has more runs than several others together.
            match self.random.random_range(0..24) {
                0 => draft = tuned(),
                1 => (claim, draft) = (searchable, search(24)),
                _ => {}
            }
        }
        let earlier = self.experiment(tx, "concluded").await.ok();
        let amends = earlier.map(|id| (id, "a finer margin".to_owned()));
        let new = New {
            claim,
            author: who,
            draft: &draft,
            amends: amends.as_ref(),
        };
        let id = proposal::propose(tx, new).await?;
        match self.random.random_range(0..4) {
            0 => Ok(()),
            1 => proposal::register(tx, id, who, &draft.spec, true).await,
            _ => proposal::register(tx, id, who, &draft.spec, false).await,
        }
    }

    async fn experiment(
        &mut self,
        tx: &mut PgTransaction<'_>,
        state: &str,
    ) -> Result<ExperimentId, Error> {
        let ids = sqlx::query_scalar!(
            r#"select id as "id: ExperimentId" from experiment where state = $1 order by id"#,
            state
        )
        .fetch_all(&mut **tx)
        .await?;
        self.one_of(&ids)
    }

    async fn run(&mut self, tx: &mut PgTransaction<'_>, state: &str) -> Result<RunId, Error> {
        let ids = sqlx::query_scalar!(
            r#"select id as "id: RunId" from run where state = $1 order by id"#,
            state
        )
        .fetch_all(&mut **tx)
        .await?;
        self.one_of(&ids)
    }

    async fn thread(&mut self, tx: &mut PgTransaction<'_>) -> Result<ThreadId, Error> {
        let ids = sqlx::query_scalar!(r#"select id as "id: ThreadId" from thread order by id"#)
            .fetch_all(&mut **tx)
            .await?;
        self.one_of(&ids)
    }

    async fn comment(&mut self, tx: &mut PgTransaction<'_>) -> Result<CommentId, Error> {
        let ids = sqlx::query_scalar!(
            r#"select id as "id: CommentId" from comment where kind = 'comment' order by id"#
        )
        .fetch_all(&mut **tx)
        .await?;
        self.one_of(&ids)
    }

    fn one_of<T: Copy>(&mut self, some: &[T]) -> Result<T, Error> {
        let chosen = some.choose(&mut self.random).copied();
        chosen.ok_or_else(|| Error::Conflict("There is none.".into()))
    }
}

/// Hides what is shown, and shows what is hidden. Half of the authors appeal, half of those in vain.
async fn hide_or_show(
    tx: &mut PgTransaction<'_>,
    what: Hideable,
    who: AccountId,
    author: AccountId,
) -> Result<(), Error> {
    if !hiding::hide(tx, what, who, "advertising").await? {
        hiding::unhide(tx, what, who, "a slip").await?;
        return Ok(());
    }
    let number = what.subject().id().expect("it has one");
    if number % 2 == 0 {
        hiding::appeal(tx, what, author, "It was none").await?;
    }
    if number % 4 == 0 {
        hiding::decline(tx, what, who, "It was").await?;
    }
    Ok(())
}
