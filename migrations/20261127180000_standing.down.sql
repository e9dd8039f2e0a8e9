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
    ) then
        raise exception 'experiment % is registered and cannot change', old.id
            using errcode = 'check_violation', constraint = 'experiment_stays_frozen';
    end if;
    return new;
end
$$;
delete from run_event where kind in ('confirmation', 'disputed', 'dispute_answered', 'dispute_resolved');
alter table run_event
    drop constraint run_event_kind_known,
    add constraint run_event_kind_known check (kind in (
        'registered', 'taken', 'resumed', 'checkpoint', 'succeeded', 'failed', 'lost', 'preempted', 'unable',
        'timed_out', 'cancel_asked', 'cancelled', 'retried', 'stalled', 'given_up', 'stopped', 'concluded', 'withdrawn'));
drop index experiment_confirmation_place;
drop index experiment_confirmations;
drop index experiment_challenges;
alter table experiment
    drop column outside, drop column challenge, drop column confirms, drop column confirmation, drop column planned_power,
    drop column planned_seconds, drop column disputed_at, drop column disputed_by, drop column dispute_reason,
    drop column dispute_answer;
-- What the board itself put on the board stays, under its name.
alter table account drop column is_board;
alter table verdict drop column severity;
alter table claim drop column covers;
