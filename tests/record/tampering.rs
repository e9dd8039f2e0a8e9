//! Whatever is changed past the program is found, and named.

use crate::board::{Board, draft};
use breakmywork::acceptance::{self, Said};
use breakmywork::db::{experiments, hiding};
use breakmywork::hiding::Hideable;
use breakmywork::proposal::{self, New};
use breakmywork_protocol::db::MIGRATOR;
use breakmywork_protocol::id::CommentId;
use breakmywork_protocol::jobs;
use breakmywork_protocol::record::Head;
use breakmywork_protocol::record::verify::What;
use sqlx::PgPool;

/// A board with a concluded experiment, a running one and a hidden comment; every head on its way was noted.
async fn board(pool: PgPool) -> (Board, Vec<Head>) {
    let board = Board::new(pool).await;
    let ada = board.account("ada").await;
    let mut noted = vec![board.head().await];
    board.registered(ada).await;
    noted.push(board.head().await);
    board.run_all().await;
    noted.push(board.head().await);
    board.registered(ada).await;
    let mut tx = board.pool.begin().await.expect("a transaction");
    let comment = sqlx::query_scalar!(
        r#"insert into comment (thread_id, author_id, body) select thread_id, author_id, 'buy hats' from experiment
           where id = 1 returning id as "id: CommentId""#
    )
    .fetch_one(&mut *tx)
    .await
    .expect("posts");
    let hidden = hiding::hide(&mut tx, Hideable::Comment(comment), ada, "an advertisement").await;
    assert!(hidden.expect("hides"));
    jobs::pause(&mut tx, ada, "maintenance")
        .await
        .expect("pauses");
    tx.commit().await.expect("commits");
    noted.push(board.head().await);
    let summary = board.green(&noted).await;
    assert_eq!(
        (
            summary.registrations,
            summary.conclusions,
            summary.recomputed
        ),
        (2, 1, 1)
    );
    (board, noted)
}

/// What is found after `sql`, without and with the noted heads; each as its kind and its place.
async fn after(pool: PgPool, sql: &str) -> [Vec<(What, String)>; 2] {
    let (board, noted) = board(pool).await;
    board.as_owner(sql).await;
    let mut found = Vec::new();
    for noted in [&[], &noted[..]] {
        let (_, findings) = board.verify(noted).await;
        let short = findings.into_iter().map(|finding| {
            // Each line says what, where, and what to do.
            let line = finding.to_string();
            assert!(
                line.contains(&finding.place) && line.contains(finding.what.advice()),
                "{line}"
            );
            assert!(!line.contains('\n'), "{line}");
            (finding.what, finding.place)
        });
        let mut short: Vec<_> = short.collect();
        short.sort();
        found.push(short);
    }
    let with = found.pop().expect("two");
    [found.pop().expect("two"), with]
}

/// Of an experiment, how its entry is called.
fn has(found: &[(What, String)], what: What, place: &str) -> bool {
    found
        .iter()
        .any(|(kind, at)| *kind == what && at.contains(place))
}

macro_rules! tampering {
    ($($(#[$doc:meta])* $name:ident, $sql:expr, $([$what:ident, $place:expr]),+;)*) => {$(
        $(#[$doc])*
        #[sqlx::test(migrator = "MIGRATOR")]
        async fn $name(pool: PgPool) {
            let [without, _] = after(pool, $sql).await;
            $(assert!(has(&without, What::$what, $place), "{:?} at {}: {without:?}", What::$what, $place);)+
        }
    )*};
}

tampering! {
    an_edited_specification_is_found,
        "update experiment set spec = jsonb_set(spec, '{criterion,margin}', '0.5') where id = 1",
        [RowChanged, "registration of experiment 1"];
    /// With its hash as well, so that the row agrees with itself.
    a_specification_that_was_replaced_whole_is_found,
        "update experiment set spec = jsonb_set(spec, '{criterion,alpha}', '0.2'), spec_canonical = replace(spec_canonical, '\"alpha\":0.05', '\"alpha\":0.2') where id = 1;
         update experiment set spec_sha256 = encode(sha256(spec_canonical::bytea), 'hex') where id = 1",
        [RowChanged, "registration of experiment 1"], [NotReproduced, "conclusion of experiment 1"];
    an_edited_outcome_is_found,
        "update verdict set outcome = 'falsified'",
        [RowChanged, "conclusion of experiment 1"];
    an_edited_verdict_is_found,
        "update verdict set effect = 0.5, detail = jsonb_set(detail, '{effect}', '0.5')",
        [RowChanged, "conclusion of experiment 1"], [NotReproduced, "conclusion of experiment 1"];
    edited_words_of_a_verdict_are_found,
        "update verdict set detail = jsonb_set(detail, '{explanation}', '\"**Falsified.**\"')",
        [RowChanged, "conclusion of experiment 1"];
    an_edited_tally_of_a_claim_is_found,
        "update claim_tally set survived = survived + 1",
        [NotRecorded, "claim "];
    a_doi_that_nobody_said_is_found,
        "update experiment set doi = '10.5281/zenodo.1' where id = 1",
        [NotRecorded, "experiment 1"];
    an_edited_result_is_found,
        "update run set result = jsonb_set(result, '{metrics,test_mse}', '0.001') where id = 2",
        [RunChanged, "conclusion of experiment 1"], [NotReproduced, "conclusion of experiment 1"];
    /// A result that the criterion does not look at.
    an_edited_provenance_is_found,
        "update run set result = jsonb_set(result, '{provenance,code_version}', '\"1\"') where id = 3",
        [RunChanged, "conclusion of experiment 1"];
    a_run_that_counts_no_more_is_found,
        "update run set retry_of = 1 where id = 2",
        [RunChanged, "conclusion of experiment 1"];
    an_edited_result_post_is_found,
        "update comment set body = '**Falsified.**' where kind = 'result'",
        [RowChanged, "conclusion of experiment 1"];
    a_deleted_entry_is_found,
        "delete from record_entry where seq = 5",
        [EntriesMissing, "entry 5"];
    a_deleted_verdict_is_found,
        "delete from verdict",
        [RowMissing, "conclusion of experiment 1"];
    a_deleted_experiment_is_found,
        "delete from notice; delete from news; delete from follow; delete from run_event where experiment_id = 2; delete from queue_line; delete from run where experiment_id = 2; delete from experiment_point where experiment_id = 2; delete from experiment where id = 2",
        [RowMissing, "registration of experiment 2"];
    an_experiment_elsewhere_on_the_map_is_found,
        "update experiment_point set length = length + 1 where experiment_id = 2",
        [RowChanged, "registration of experiment 2"];
    an_experiment_off_the_map_is_found,
        "delete from experiment_point where experiment_id = 2",
        [RowChanged, "registration of experiment 2"];
    swapped_entries_are_found,
        "update record_entry set seq = 1000000 where seq = 3; update record_entry set seq = 3 where seq = 4; update record_entry set seq = 4 where seq = 1000000",
        [EntryChanged, "entry 3"], [EntryChanged, "entry 4"], [LinkBroken, "entry 5"];
    an_edited_entry_is_found,
        "update record_entry set body = replace(body, 'maintenance', 'holidays') where subject = 'queue'",
        [EntryChanged, "(act of queue)"];
    an_end_that_is_cut_off_is_found_by_what_it_told,
        "delete from record_entry where seq > 15; update record_head set (seq, hash) = (select seq, hash from record_entry where seq = 15)",
        [NotRecorded, "experiment 1"], [NotRecorded, "experiment 2"];
    a_changed_time_of_registration_is_found,
        "update experiment set registered_at = registered_at - interval '1 day' where id = 1",
        [RowChanged, "registration of experiment 1"];
    a_changed_time_of_an_entry_is_found,
        "update record_entry set at = at - interval '1 day' where kind = 'registration' and subject_id = 1",
        [EntryChanged, "registration of experiment 1"];
    an_edited_claim_is_found,
        "update claim set sentence = 'It may hold.' where id = 1",
        [RowChanged, "(claim 1)"];
    a_registration_past_the_program_is_found,
        "insert into thread default values; insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec, spec_canonical, spec_sha256, state, registered_at) select claim_id, author_id, (select max(id) from thread), title, prediction, spec_source, spec, spec_canonical, spec_sha256, 'registered', now() from experiment where id = 1",
        [NotRecorded, "experiment 3"];
    a_comment_that_was_hidden_in_silence_is_found,
        "insert into comment (thread_id, author_id, body, hidden_at, hidden_by, hidden_reason, root_id, branch_id) select thread_id, author_id, 'I doubt it', now(), author_id, 'x', 0, 0 from experiment where id = 1",
        [NotRecorded, "comment"];
    an_appeal_that_nobody_made_is_found,
        "update comment set appeal = 'x', appealed_at = now() where hidden_at is not null",
        [NotRecorded, "comment"];
    a_reason_for_hiding_that_was_changed_is_found,
        "update comment set hidden_reason = 'another' where hidden_at is not null",
        [NotRecorded, "comment"];
    a_proposal_that_was_hidden_in_silence_is_found,
        "insert into thread default values; insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec, hidden_at, hidden_by, hidden_reason) select claim_id, author_id, (select max(id) from thread), title, prediction, spec_source, spec, now(), author_id, 'x' from experiment where id = 1",
        [NotRecorded, "experiment 3"];
    a_discussion_that_was_locked_in_silence_is_found,
        "update thread set locked_at = now(), locked_by = (select min(id) from account), lock_reason = 'x' where id = (select thread_id from experiment where id = 1)",
        [NotRecorded, "experiment 1"];
    an_account_that_was_shut_out_in_silence_is_found,
        "update account set disabled_at = now(), disabled_reason = 'x'",
        [NotRecorded, "account"];
}

/// Cut off so that the tables tell nothing of it: the last act left nothing behind.
#[sqlx::test(migrator = "MIGRATOR")]
async fn an_end_that_left_nothing_behind_is_found_by_a_noted_head(pool: PgPool) {
    let sql = "delete from record_entry where subject = 'queue';
               update record_head set (seq, hash) = (select seq, hash from record_entry order by seq desc limit 1)";
    let [without, with] = after(pool, sql).await;
    assert_eq!(without, [], "nothing here shows it");
    let last = with.first().expect("one");
    assert_eq!((last.0, with.len()), (What::CutOff, 1), "{with:?}");
}

/// The whole record written anew from its third entry on, hash by hash, and with it the row that it tells of.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_record_that_was_written_anew_is_found_by_a_noted_head(pool: PgPool) {
    let sql = "update experiment set registered_at = registered_at - interval '1 day' where id = 1;
        do $$
        declare entry record_entry; before text; fresh text; words text;
        begin
            select hash into before from record_entry where seq = 2;
            for entry in select * from record_entry where seq > 2 order by seq loop
                words := entry.body;
                if entry.kind = 'registration' and entry.subject_id = 1 then
                    words := replace(words, entry.body::jsonb ->> 'registered_at',
                        (select to_char(registered_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from experiment where id = 1));
                end if;
                -- The entry itself is older, too.
                entry.at := entry.at - interval '1 day';
                fresh := record_hash(entry.seq, before, entry.at, entry.kind, entry.subject, entry.subject_id, words);
                update record_entry set previous = before, hash = fresh, body = words, at = entry.at where seq = entry.seq;
                before := fresh;
            end loop;
            update record_head set hash = before;
        end $$";
    let [without, with] = after(pool, sql).await;
    assert_eq!(without, [], "it is whole in itself, and fits the tables");
    assert_eq!(
        with.len(),
        4,
        "every head that was noted after the second entry: {with:?}"
    );
    assert!(
        with.iter().all(|(what, _)| *what == What::Rewritten),
        "{with:?}"
    );
}

/// Who accepted a test, and whose a claim is: forged, taken away or put into other words.
#[sqlx::test(migrator = "MIGRATOR")]
async fn a_forged_acceptance_is_found(pool: PgPool) {
    let board = Board::new(pool).await;
    let [ada, bob] = [board.account("ada").await, board.account("bob").await];
    let claim = board.claims().await[0];
    let mut tx = board.pool.begin().await.expect("a transaction");
    acceptance::name_author(&mut tx, claim, bob, "ada", "it is hers")
        .await
        .expect("names");
    let draft = draft(0.02, 10);
    let mut ids = Vec::new();
    for accepts in [Some(true), None] {
        let new = New {
            claim,
            author: bob,
            draft: &draft,
            amends: None,
        };
        let id = proposal::propose(&mut tx, new).await.expect("proposes");
        let found = experiments::find(&mut *tx, id, None).await.expect("asks");
        let found = found.expect("it");
        let hash = found.proposal_sha256().expect("reads");
        if let Some(accepts) = accepts {
            let said = Said {
                claim: None,
                accepts,
                words: "fair",
                proposal_sha256: &hash,
            };
            acceptance::answer(&mut tx, id, ada, said)
                .await
                .expect("answers");
        }
        proposal::register(&mut tx, id, bob, &draft.spec, false)
            .await
            .expect("registers");
        ids.push(id);
    }
    tx.commit().await.expect("commits");
    assert_eq!(ids.iter().map(|id| id.0).collect::<Vec<_>>(), [1, 2]);
    board.run_all().await;
    board.green(&[]).await;
    let place = "registration of experiment";
    for (change, back, what, place) in [
        (
            "update experiment set acceptance = 'accepted' where id = 2",
            "update experiment set acceptance = 'unilateral' where id = 2",
            What::RowChanged,
            format!("{place} 2"),
        ),
        (
            "update co_signature set words = 'a fair test'",
            "update co_signature set words = 'fair'",
            What::RowChanged,
            format!("{place} 1"),
        ),
        (
            "update co_signature set answered_at = answered_at - interval '1 day'",
            "update co_signature set answered_at = answered_at + interval '1 day'",
            What::RowChanged,
            format!("{place} 1"),
        ),
        (
            "update experiment set title = 'u' where id = 1",
            "update experiment set title = 't' where id = 1",
            What::RowChanged,
            format!("{place} 1"),
        ),
        (
            "insert into co_signature (experiment_id, claim_id, account_id, accepts, words, proposal_sha256)
               select 2, claim_id, account_id, accepts, words, proposal_sha256 from co_signature",
            "delete from co_signature where experiment_id = 2",
            What::NotRecorded,
            "experiment 2".to_owned(),
        ),
        (
            "update claim set named_author_id = null",
            "update claim set named_author_id = (select id from account where name = 'ada') where id = 1",
            What::NotRecorded,
            "claim 1".to_owned(),
        ),
        (
            "delete from co_signature",
            "",
            What::RowChanged,
            format!("{place} 1"),
        ),
    ] {
        board.as_owner(change).await;
        let (_, found) = board.verify(&[]).await;
        let found: Vec<_> = found.into_iter().map(|it| (it.what, it.place)).collect();
        assert!(has(&found, what, &place), "{change}: {found:?}");
        if !back.is_empty() {
            board.as_owner(back).await;
            board.green(&[]).await;
        }
    }
}
