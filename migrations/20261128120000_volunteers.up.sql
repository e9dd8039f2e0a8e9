-- Volunteers: members whose machines train runs for the board. What one of them reports counts only when a second host, of
-- another person, got the same numbers; so it is kept aside until then.

create table volunteer (
    account_id       bigint primary key constraint volunteer_account_fk references account on delete cascade,
    admitted_at      timestamptz not null default now(),
    admitted_by      bigint constraint volunteer_admitted_by_fk references account on delete set null,
    ended_at         timestamptz,
    contradicted_at  timestamptz,
    contradicted_run bigint constraint volunteer_contradicted_run_fk references run,
    constraint volunteer_contradicted_whole check (num_nulls(contradicted_at, contradicted_run) in (0, 2))
);
comment on table volunteer is 'A person whom an admin let train runs on machines of their own.';
comment on column volunteer.account_id is 'Who; never an agent.';
comment on column volunteer.admitted_at is 'When an admin admitted that person last.';
comment on column volunteer.admitted_by is 'Which admin; null for the command line.';
comment on column volunteer.ended_at is 'When an admin took the admission back; null while it holds.';
comment on column volunteer.contradicted_at is 'When a worker of the board''s own came to other numbers: no runs from then on, until an admin admits that person again.';
comment on column volunteer.contradicted_run is 'For which run.';

create function volunteer_is_person() returns trigger language plpgsql as $$
begin
    if exists (select from account where id = new.account_id and (sponsor_id is not null or is_board)) then
        raise exception 'account % is no person, so it is no volunteer', new.account_id
            using errcode = 'check_violation', constraint = 'volunteer_is_person';
    end if;
    return new;
end
$$;
comment on function volunteer_is_person is 'Agents are no second voice of their person, and no second host either.';
create trigger volunteer_is_person before insert or update of account_id on volunteer
    for each row execute function volunteer_is_person();

alter table worker add column volunteer_id bigint constraint worker_volunteer_fk references account;
comment on column worker.volunteer_id is 'Of a volunteer''s worker: whose; null of the board''s own. As it was when the process registered.';
create index worker_of_volunteer on worker (volunteer_id, started_at desc) where volunteer_id is not null;
comment on index worker_of_volunteer is 'How many processes a volunteer registered lately, which is bounded, and which of them live.';

-- Volunteers come and go, and what they say of themselves is not believed: estimates, data sets and who is waited for count
-- the board's own workers alone.
create or replace view live_worker as
    select worker.* from worker
    where stopped_at is null and volunteer_id is null
      and (last_seen_at > now() - interval '2 minutes'
           or exists (select from run_lease where worker_id = worker.id and expires_at > now()));
comment on view live_worker is 'Workers of the board''s own that count: not signed off, and heard of lately or still within a lease.';

alter table run
    add column trust text not null default 'board',
    add column lent boolean not null default false,
    add column board_only boolean not null default false,
    add column board_after timestamptz,
    add constraint run_trust_known check (trust in ('board', 'confirmed')),
    add constraint run_confirmed_has_ended check (trust = 'board' or state in ('succeeded', 'failed'));
comment on column run.trust is 'Of a run that has ended: board, its numbers are those of a worker of the board''s own; confirmed, those of two volunteers who got the same.';
comment on column run.lent is 'Whether a volunteer''s worker ever had it: somebody may have seen numbers of it.';
comment on column run.board_only is 'Whether only workers of the board''s own may take it: two volunteers differed, it is looked after, or volunteers could not train it.';
comment on column run.board_after is 'Until when the board''s own workers leave it to a second volunteer; null for no time.';
comment on column run.retry_of is 'The run that was done again: a failed or cancelled one by an admin, a confirmed one that is believed no more by the board. Final states stay, the new row counts.';

alter table run_attempt
    drop constraint run_attempt_outcome_known,
    add constraint run_attempt_outcome_known check (outcome in
        ('succeeded', 'failed', 'lost', 'preempted', 'timed_out', 'cancelled', 'unable', 'volunteered'));
comment on column run_attempt.outcome is 'succeeded, failed, lost, preempted, timed_out, cancelled; unable: the worker''s machine was at fault; volunteered: a volunteer''s worker had a result.';

alter table run_event
    drop constraint run_event_kind_known,
    add constraint run_event_kind_known check (kind in (
        'registered', 'taken', 'resumed', 'checkpoint', 'succeeded', 'failed', 'lost', 'preempted', 'unable',
        'timed_out', 'cancel_asked', 'cancelled', 'retried', 'stalled', 'given_up', 'stopped', 'concluded', 'withdrawn',
        'confirmation', 'disputed', 'dispute_answered', 'dispute_resolved', 'opened', 'volunteered'));

create table volunteered (
    run_id     bigint not null,
    epoch      bigint not null,
    account_id bigint not null constraint volunteered_account_fk references account,
    result     jsonb,
    error      text,
    counted    boolean not null default false,
    word       text,
    created_at timestamptz not null default now(),
    primary key (run_id, epoch),
    constraint volunteered_attempt_fk foreign key (run_id, epoch) references run_attempt,
    constraint volunteered_once unique (run_id, account_id),
    constraint volunteered_result_or_diverged check (num_nulls(result, error) = 1),
    constraint volunteered_word_known check (word in ('identical', 'within_tolerance', 'different'))
);
create index volunteered_by_account on volunteered (account_id, created_at);
comment on table volunteered is 'What a volunteer''s worker made of a run. Nobody is shown its numbers before the run has ended: a second host is to find them, not to copy them.';
comment on column volunteered.run_id is 'The run.';
comment on column volunteered.epoch is 'The attempt.';
comment on column volunteered.account_id is 'Whose worker.';
comment on column volunteered.result is 'Metrics, proof of treatment and provenance; null if it diverged.';
comment on column volunteered.error is 'How it diverged; null if it did not.';
comment on column volunteered.counted is 'Whether it is one of the two by which the run was confirmed.';
comment on column volunteered.word is 'What a worker of the board''s own says of it: identical, within_tolerance or different; null as long as none trained that run.';
comment on column volunteered.created_at is 'When it was reported.';
comment on index volunteered_by_account is 'What a volunteer did, for admins.';

alter table queue_control
    add column audit_percent smallint not null default 25,
    add constraint queue_control_audit_percent_range check (audit_percent between 0 and 100);
comment on column queue_control.audit_percent is 'Of a hundred runs on which two volunteers agree, so many are drawn to be trained by a worker of the board''s own as well, before they count.';

-- Whoever trains a run sees its numbers.
create or replace function experiment_shows_results(of_experiment bigint) returns boolean language sql stable as $$
    select exists (
        select from run
        where run.experiment_id = of_experiment and (
            run.state in ('succeeded', 'failed', 'cancelled') or run.lent
            or exists (select from run_metric where run_metric.run_id = run.id)))
$$;

create function volunteer_takes(of_account bigint) returns boolean language sql stable as $$
    select exists (
            select from volunteer v join account a on a.id = v.account_id
            where v.account_id = $1 and v.ended_at is null and v.contradicted_at is null
              and a.disabled_at is null and a.sponsor_id is null)
        and (select count(*) from run_lease l join worker w on w.id = l.worker_id where w.volunteer_id = $1) < 4
$$;
comment on function volunteer_takes is 'Whether a volunteer is given another run now: admitted, not contradicted, and with fewer than four at once.';

-- Nobody trains what they, their agents or their sponsor proposed, or what is said of a claim of theirs, forecasts what they
-- train, or is a second host to themselves. What a volunteer could not train goes to others.
create function volunteer_may(of_account bigint, of_run bigint) returns boolean language sql stable as $$
    select exists (
        select from run r
          join experiment e on e.id = r.experiment_id
          join claim c on c.id = e.claim_id
          left join claim rival on rival.id = e.rival_id
          left join experiment confirmed on confirmed.id = e.confirms
        where r.id = $2 and r.state = 'queued' and r.trial is null and not r.board_only and not e.closed
          and person_of($1) <> all (array_remove(array[
              r.owner_id, person_of(e.author_id), person_of(coalesce(c.named_author_id, c.author_id)),
              person_of(coalesce(rival.named_author_id, rival.author_id)), person_of(confirmed.author_id)], null))
          and not exists (select from forecast f where f.experiment_id = e.id and f.account_id = any (accounts_of($1)))
          and not exists (select from volunteered v where v.run_id = r.id and v.account_id = any (accounts_of($1)))
          and not exists (
              select from run_attempt a join worker w on w.id = a.worker_id
              where a.run_id = r.id and w.volunteer_id = any (accounts_of($1))
                and a.outcome in ('failed', 'unable', 'lost', 'timed_out')))
$$;
comment on function volunteer_may is 'Whether a volunteer may train a run that waits.';
