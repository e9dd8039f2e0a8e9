//! What is in the tables and should be on record, and is not.

use super::finding::{Finding, What};
use sqlx::PgConnection;

/// Findings of one kind that are told one by one; more of them have one cause.
const TOLD: i64 = 1_000;

/// Everything of it.
pub(super) async fn all(tx: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let rows = sqlx::query!(
        r#"(select 'claim ' || id as "place!", 'it is on the board' as "detail!" from claim
            where moderation = 'shown'
              and not exists (select from record_entry where kind = 'claim' and subject_id = claim.id)
            order by id limit $1)
           union all
           (select 'work ' || id, 'it is on the board' from work
            where moderation = 'shown' and not exists (
                select from record_entry where subject = 'work' and subject_id = work.id
                  and body::jsonb ->> 'act' in ('added', 'approved'))
            order by id limit $1)
           union all
           (select 'work ' || work.id, 'it does not read as it was put on the board'
            from work join record_entry r on r.subject = 'work' and r.subject_id = work.id
              and r.body::jsonb ->> 'act' = 'added' and r.body::jsonb ? 'fields'
            where r.body::jsonb -> 'fields' is distinct from coalesce(
              (select before from board_edit where work_id = work.id and public order by id limit 1), work_fields(work))
            order by work.id limit $1)
           union all
           (select 'experiment ' || id, 'it is registered' from experiment
            where registered_at is not null
              and not exists (select from record_entry where kind = 'registration' and subject_id = experiment.id)
            order by id limit $1)
           union all
           (select 'experiment ' || id, 'it was sealed and is open' from experiment
            where opened_at is not null and registered_at is not null
              and not exists (select from record_entry where kind = 'opening' and subject_id = experiment.id)
            order by id limit $1)
           union all
           (select 'experiment ' || id, 'its date has come, it is still sealed' from experiment
            where closed and opens_at < now() - interval '1 day'
            order by id limit $1)
           union all
           (select 'experiment ' || id, 'it is concluded' from experiment
            where concluded_at is not null
              and not exists (select from record_entry where kind = 'conclusion' and subject_id = experiment.id)
            order by id limit $1)
           union all
           (select 'experiment ' || experiment_id, 'it has a verdict' from verdict
            where not exists (select from record_entry where kind = 'conclusion' and subject_id = experiment_id)
            order by experiment_id limit $1)
           union all
           (select kind || ' of ' || subject || ' ' || subject_id, 'it is on record ' || count(*) || ' times'
            from record_entry where kind <> 'act' group by kind, subject, subject_id having count(*) > 1
            order by 1 limit $1)
           union all
           (select item.subject || ' ' || id,
                   case when hidden_at is null then 'it is shown, and was hidden last'
                     when coalesce(last.act, 'shown') = 'shown' then 'it is hidden'
                     else 'what became of the appeal is said to be ' || coalesce(appeal_answer, appeal, 'nothing') end
            from (select 'comment' as subject, id, hidden_at, hidden_reason, appeal, appeal_answer from comment
                  union all
                  select 'experiment', id, hidden_at, hidden_reason, appeal, appeal_answer from experiment) item
              left join lateral (
                select body::jsonb ->> 'act' as act, body::jsonb ->> 'reason' as reason from record_entry r
                where r.subject = item.subject and r.subject_id = item.id
                  and body::jsonb ->> 'act' in ('hidden', 'shown', 'appealed', 'appeal_declined')
                order by seq desc limit 1) last on true
            where (coalesce(last.act, 'shown'), case when hidden_at is not null then last.reason end) is distinct from
              (case when hidden_at is null then 'shown' when appeal is null then 'hidden'
                 when appeal_answer is null then 'appealed' else 'appeal_declined' end,
               case when hidden_at is not null then coalesce(appeal_answer, appeal, hidden_reason) end)
            order by 1 limit $1)
           union all
           (select case when c.id is null then 'experiment ' || e.id else 'claim ' || c.id end,
                   case when locked_at is null then 'its discussion is open, and was locked last' else 'its discussion is locked' end
            from thread left join claim c on c.thread_id = thread.id left join experiment e on e.thread_id = thread.id
              left join lateral (
                select body::jsonb ->> 'act' as act from record_entry
                where subject = case when c.id is null then 'experiment' else 'claim' end
                  and subject_id = coalesce(c.id, e.id)
                  and body::jsonb ->> 'act' in ('thread_locked', 'thread_unlocked') order by seq desc limit 1) last on true
            where (locked_at is not null) <> (coalesce(last.act, 'thread_unlocked') = 'thread_locked')
            order by 1 limit $1)
           union all
           (select item.subject || ' ' || item.id, 'its moderation says ' || item.moderation
            from (select 'work' as subject, id, moderation from work where moderated_at is not null or moderation = 'declined'
                  union all
                  select 'claim', id, moderation from claim where moderated_at is not null or moderation = 'declined') item
              left join lateral (
                select body::jsonb ->> 'act' as act from record_entry r
                where r.subject = item.subject and r.subject_id = item.id
                  and body::jsonb ->> 'act' in ('approved', 'declined') order by seq desc limit 1) last on true
            -- What was declined and then edited waits again.
            where last.act is distinct from case item.moderation when 'shown' then 'approved' else 'declined' end
            order by 1 limit $1)
           union all
           (select edited.subject || ' ' || edited.of, 'it was edited (edit ' || edited.id || ')'
            from (select e.*, case when claim_id is null then 'work' else 'claim' end as subject,
                    coalesce(claim_id, work_id) as of from board_edit e where public) edited
            where not exists (
                select from record_entry r where r.subject = edited.subject and r.subject_id = edited.of and r.kind = 'act'
                  and r.body::jsonb @> jsonb_build_object('act', 'edited', 'edit', edited.id, 'before', edited.before,
                    'after', edited.after, 'by', jsonb_build_object('id', edited.account_id)))
            order by edited.id limit $1)
           union all
           (select r.subject || ' ' || r.subject_id, 'its edit ' || (body::jsonb ->> 'edit') || ' is gone'
            from record_entry r where kind = 'act' and body::jsonb ->> 'act' = 'edited'
              and not exists (select from board_edit e where e.id = (r.body::jsonb ->> 'edit')::bigint)
            order by r.seq limit $1)
           union all
           (select 'claim ' || claim.id, 'it does not read as its last edit left it'
            from claim join lateral (
                select after from board_edit where claim_id = claim.id and public order by id desc limit 1) last on true
            where last.after is distinct from claim_fields(claim)
            order by claim.id limit $1)
           union all
           (select 'work ' || work.id, 'it does not read as its last edit left it'
            from work join lateral (
                select after from board_edit where work_id = work.id and public order by id desc limit 1) last on true
            where last.after is distinct from work_fields(work)
            order by work.id limit $1)
           union all
           (select 'account ' || id,
                   case when disabled_at is null then 'it is open, and was disabled last' else 'it is disabled' end
            from account left join lateral (
                select body::jsonb ->> 'act' as act from record_entry
                where subject = 'account' and subject_id = account.id
                  and body::jsonb ->> 'act' in ('disabled', 'enabled') order by seq desc limit 1) last on true
            where (disabled_at is not null) <> (coalesce(last.act, 'enabled') = 'disabled')
            order by id limit $1)
           union all
           (select 'experiment ' || id,
                   case when disputed_at is null then 'it is not disputed, and was last' else 'it is disputed' end
            from experiment left join lateral (
                select body::jsonb ->> 'act' as act from record_entry
                where subject = 'experiment' and subject_id = experiment.id
                  and body::jsonb ->> 'act' in ('disputed', 'dispute_resolved') order by seq desc limit 1) last on true
            where (disputed_at is not null) <> (coalesce(last.act, 'dispute_resolved') = 'disputed')
            order by id limit $1)
           union all
           (select 'claim ' || id,
                   case when named_author_id is null then 'it has no named author, and had one last' else 'its author was named' end
            from claim left join lateral (
                select body::jsonb #>> '{author,id}' as author from record_entry
                where subject = 'claim' and subject_id = claim.id
                  and body::jsonb ->> 'act' = 'author_named' order by seq desc limit 1) last on true
            where named_author_id is distinct from last.author::bigint
            order by id limit $1)
           union all
           (select 'experiment ' || id, 'its result is said to be deposited as ' || coalesce(experiment.doi, 'nothing')
            from experiment left join lateral (
                select body::jsonb ->> 'doi' as doi from record_entry
                where subject = 'experiment' and subject_id = experiment.id
                  and body::jsonb ->> 'act' = 'deposited' order by seq desc limit 1) last on true
            where experiment.doi is distinct from last.doi
            order by id limit $1)
           union all
           (select 'experiment ' || coalesce(s.experiment_id, told.experiment_id),
                   case when s.experiment_id is null then 'what the author of claim ' || told.claim_id || ' answered is gone'
                     else 'the author of claim ' || s.claim_id || ' answered it in these words' end
            from co_signature s full join (
                -- Before a rival's author was asked, too, an answer was for the experiment's own claim, and did not name it.
                select distinct on (r.subject_id, coalesce((body::jsonb ->> 'claim')::bigint, e.claim_id))
                  r.subject_id as experiment_id, coalesce((body::jsonb ->> 'claim')::bigint, e.claim_id) as claim_id,
                  body::jsonb as body
                from record_entry r join experiment e on e.id = r.subject_id
                where subject = 'experiment' and kind = 'act' and body::jsonb ->> 'act' in ('test_accepted', 'test_declined')
                order by 1, 2, seq desc) told
              on told.experiment_id = s.experiment_id and told.claim_id = s.claim_id
            where s.experiment_id is null or told.body is null
              or (told.body #>> '{by,id}', told.body ->> 'act', told.body ->> 'proposal_sha256', told.body ->> 'reason')
                is distinct from (s.account_id::text, case when accepts then 'test_accepted' else 'test_declined' end,
                  s.proposal_sha256, s.words)
            order by 1 limit $1)
           union all
           (select 'claim ' || coalesce(r.claim_id, told.subject_id),
                   'that claim ' || coalesce(r.rival_id, told.rival) || case when r.claim_id is null then ' is not its rival'
                     when r.agreed_at is null then ' is declared its rival' else ' is its rival' end
            from claim_rival r full join (
                select distinct on (subject_id, body::jsonb ->> 'rival') subject_id, (body::jsonb ->> 'rival')::bigint as rival,
                  body::jsonb ->> 'act' as act
                from record_entry where subject = 'claim' and kind = 'act'
                  and body::jsonb ->> 'act' in ('rival_declared', 'rival_agreed', 'rival_ended')
                order by subject_id, body::jsonb ->> 'rival', seq desc) told
              on told.subject_id = r.claim_id and told.rival = r.rival_id
            where coalesce(told.act, 'rival_ended') <> case when r.claim_id is null then 'rival_ended'
                when r.agreed_at is null then 'rival_declared' else 'rival_agreed' end
            order by 1 limit $1)
           union all
           (select 'experiment ' || e.id, 'whether its claim''s author accepted it is said to be ' || acceptance
            from experiment e join record_entry r on r.kind = 'registration' and r.subject_id = e.id
            where acceptance is not null and not (r.body::jsonb ?| array['acceptance', 'sealed'])
            order by e.id limit $1)
           union all
           (select 'experiment ' || coalesce(t.experiment_id, r.subject_id),
                   'its arms are said to have chosen ' || coalesce(t.chosen::text, 'nothing')
            from (select experiment_id, jsonb_object_agg(arm, number) as chosen from trial where chosen
                  group by experiment_id) t
              full join (select subject_id, body::jsonb -> 'chosen' as chosen from record_entry
                         where subject = 'experiment' and kind = 'act' and body::jsonb ->> 'act' = 'tuned') r
                on r.subject_id = t.experiment_id
            where t.chosen is distinct from r.chosen
            order by 1 limit $1)
           union all
           -- What follows from the verdicts, which are on record.
           (select 'experiment ' || e.id, case when supports then 'it is said to support its claim' else 'it is not said to support its claim' end
            from experiment e left join verdict v on v.experiment_id = e.id
            where supports <> coalesce(v.outcome = 'supported', false)
            order by e.id limit $1)
           union all
           (select 'experiment ' || e.id, 'what it means for the claim is said to be ' || coalesce(challenge, 'nothing')
            from experiment e join verdict v on v.experiment_id = e.id
            where challenge is distinct from case
              when v.outcome <> 'falsified' or exploratory or confirms is not null or cardinality(outside) > 0 then null
              else coalesce((
                select case cv.outcome when 'falsified' then 'confirmed' else 'not_confirmed' end
                from experiment c join verdict cv on cv.experiment_id = c.id
                where c.confirms = e.id and cv.outcome in ('falsified', 'supported', 'inconclusive')
                order by c.concluded_at desc limit 1), 'open') end
            order by e.id limit $1)
           union all
           -- So does what is kept of all of a claim's verdicts.
           (select 'claim ' || coalesce(c.claim_id, t.claim_id),
                   'its tally says ' || coalesce(t.supported, 0) || ' supported, ' || coalesce(t.falsified, 0) || ' falsified, '
                     || coalesce(t.inconclusive, 0) || ' inconclusive; ' || coalesce(t.survived, 0) || ' survived, '
                     || coalesce(t.refuted, 0) || ' refuted, ' || coalesce(t.aside, 0) || ' aside, '
                     || coalesce(t.stopped, 0) || ' stopped; challenged by '
                     || coalesce(t.challenged_by::text, 'none') || ', felled by ' || coalesce(t.fell_by::text, 'none')
            from claim_counted c full join claim_tally t on t.claim_id = c.claim_id
            where (coalesce(c.supported, 0), coalesce(c.falsified, 0), coalesce(c.inconclusive, 0), coalesce(c.survived, 0),
                   coalesce(c.refuted, 0), coalesce(c.aside, 0), coalesce(c.doubt, 0),
                   coalesce(c.stopped, 0), c.challenged_by, c.fell_by)
              is distinct from (coalesce(t.supported, 0), coalesce(t.falsified, 0), coalesce(t.inconclusive, 0),
                   coalesce(t.survived, 0), coalesce(t.refuted, 0), coalesce(t.aside, 0), coalesce(t.doubt, 0),
                   coalesce(t.stopped, 0), t.challenged_by, t.fell_by)
            order by 1 limit $1)"#,
        TOLD
    )
    .fetch_all(tx)
    .await?;
    let finding = |place, detail| {
        Finding::new(
            What::NotRecorded,
            place,
            format!("{detail}, and no entry says so"),
        )
    };
    Ok(rows
        .into_iter()
        .map(|row| finding(row.place, row.detail))
        .collect())
}
