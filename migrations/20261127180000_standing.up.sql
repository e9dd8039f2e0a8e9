-- A claim says over what it speaks, falls by a confirmed falsification alone, and nothing else moves it.

alter table claim add column covers jsonb not null default '{}',
    add constraint claim_covers_is_an_object check (jsonb_typeof(covers) = 'object');
comment on column claim.covers is 'Scope and margins, read by the machine: what lies outside does not move the standing.';

alter table account add column is_board boolean not null default false;
comment on column account.is_board is 'The board itself, which registers confirmations; nobody signs in as it.';
create unique index account_board_is_one on account (is_board) where is_board;
comment on index account_board_is_one is 'Finds the board''s own account, of which there is one.';
insert into account (name, password_hash, is_board)
    select case when exists (select from account where name = 'the-board')
        then 'the-board-' || substr(md5(random()::text), 1, 8) else 'the-board' end, 'none', true;

alter table experiment
    add column outside text[] not null default '{}',
    add column challenge text,
    add column confirms bigint constraint experiment_confirms_fk references experiment,
    add column confirmation integer,
    add column planned_power double precision,
    add column planned_seconds double precision,
    add column disputed_at timestamptz,
    add column disputed_by bigint constraint experiment_disputed_by_fk references account,
    add column dispute_reason text,
    add column dispute_answer text,
    add constraint experiment_challenge_known check (challenge in ('open', 'confirmed', 'not_confirmed')),
    add constraint experiment_challenge_is_concluded check (challenge is null or concluded_at is not null),
    add constraint experiment_challenge_is_inside check (challenge is null or (cardinality(outside) = 0 and confirms is null and not exploratory)),
    add constraint experiment_confirmation_whole check (num_nulls(confirms, confirmation, planned_power, planned_seconds) in (0, 4)),
    add constraint experiment_confirmation_positive check (confirmation > 0),
    add constraint experiment_planned_power_share check (planned_power between 0 and 1),
    add constraint experiment_planned_seconds_positive check (planned_seconds >= 0),
    add constraint experiment_dispute_whole check (num_nulls(disputed_at, disputed_by, dispute_reason) in (0, 3)),
    add constraint experiment_dispute_reason_length check (char_length(dispute_reason) between 1 and 300),
    add constraint experiment_dispute_answer_length check (char_length(dispute_answer) between 1 and 2000),
    add constraint experiment_dispute_answer_has_dispute check (dispute_answer is null or disputed_at is not null);
create unique index experiment_confirmation_place on experiment (claim_id, confirmation) where confirmation is not null;
create index experiment_confirmations on experiment (confirms) where confirms is not null;
create index experiment_challenges on experiment (claim_id, challenge) where challenge is not null;
comment on index experiment_confirmation_place is 'Each confirmation of a claim has a level of its own.';
comment on index experiment_confirmations is 'The confirmations of an experiment.';
comment on index experiment_challenges is 'What challenges a claim.';
comment on column experiment.outside is 'Why it does not move the claim''s standing, fixed at registration; empty if it does.';
comment on column experiment.challenge is 'Once its verdict is falsified: open until a confirmation ends, then confirmed or not_confirmed.';
comment on column experiment.confirms is 'The falsifying experiment that it repeats on unused seeds.';
comment on column experiment.confirmation is 'Which of its claim''s confirmations it is, from 1 on; its level follows from that.';
comment on column experiment.planned_power is 'Of a confirmation: the chance that it falsifies, if what it confirms is there.';
comment on column experiment.planned_seconds is 'Of a confirmation: seconds of one worker that it was expected to take; the board''s own have a budget.';
comment on column experiment.disputed_at is 'When a moderator disputed it: until that is resolved it does not move the claim''s standing.';
comment on column experiment.disputed_by is 'Who disputed it.';
comment on column experiment.dispute_reason is 'Why.';
comment on column experiment.dispute_answer is 'What its author answers.';

alter table verdict add column severity double precision,
    add constraint verdict_severity_share check (severity between 0 and 1);
comment on column verdict.severity is 'Chance that the experiment would have falsified the prediction, had there been no effect; null where it cannot be estimated.';

alter table run_event
    drop constraint run_event_kind_known,
    add constraint run_event_kind_known check (kind in (
        'registered', 'taken', 'resumed', 'checkpoint', 'succeeded', 'failed', 'lost', 'preempted', 'unable',
        'timed_out', 'cancel_asked', 'cancelled', 'retried', 'stalled', 'given_up', 'stopped', 'concluded', 'withdrawn',
        'confirmation', 'disputed', 'dispute_answered', 'dispute_resolved'));

-- What falsified a claim before there were confirmations is an open challenge.
update experiment set challenge = 'open'
    from verdict where verdict.experiment_id = experiment.id and verdict.outcome = 'falsified' and not exploratory;

create or replace function experiment_stays_frozen() returns trigger language plpgsql as $$
begin
    if old.registered_at is not null and (
        new.spec_canonical is distinct from old.spec_canonical
        or new.spec_sha256 is distinct from old.spec_sha256
        or new.spec is distinct from old.spec
        or new.spec_source is distinct from old.spec_source
        or new.prediction is distinct from old.prediction
        or new.claim_id is distinct from old.claim_id
        or new.registered_at is distinct from old.registered_at
        or new.exploratory is distinct from old.exploratory
        or new.seed_salt is distinct from old.seed_salt
        or new.outside is distinct from old.outside
        or new.confirms is distinct from old.confirms
        or new.confirmation is distinct from old.confirmation
    ) then
        raise exception 'experiment % is registered and cannot change', old.id
            using errcode = 'check_violation', constraint = 'experiment_stays_frozen';
    end if;
    return new;
end
$$;
