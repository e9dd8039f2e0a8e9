-- Two claims that deny each other, and one experiment that tests both: one set of runs, and a verdict for each claim by a
-- criterion of its own, which registration freezes.

create table claim_rival (
    claim_id    bigint not null constraint claim_rival_claim_fk references claim,
    rival_id    bigint not null constraint claim_rival_rival_fk references claim,
    declared_for bigint not null constraint claim_rival_declared_for_fk references claim,
    declared_by bigint not null constraint claim_rival_declared_by_fk references account,
    declared_at timestamptz not null default now(),
    reason      text not null,
    agreed_by   bigint constraint claim_rival_agreed_by_fk references account,
    agreed_at   timestamptz,
    constraint claim_rival_once primary key (claim_id, rival_id),
    constraint claim_rival_declared_for_one check (declared_for in (claim_id, rival_id)),
    constraint claim_rival_one_order check (claim_id < rival_id),
    constraint claim_rival_reason_length check (char_length(reason) between 1 and 300),
    constraint claim_rival_agreed_whole check (num_nulls(agreed_by, agreed_at) in (0, 2))
);
create index claim_rival_other_way on claim_rival (rival_id);
comment on table claim_rival is 'Claims that deny each other. Once both sides or a moderator have agreed, one experiment may test both.';
comment on column claim_rival.claim_id is 'The claim with the smaller key.';
comment on column claim_rival.rival_id is 'The other one.';
comment on column claim_rival.declared_for is 'Which of the two the person who said so spoke for: the other one is to agree.';
comment on column claim_rival.declared_by is 'Who said so: the author of one of them, or a moderator.';
comment on column claim_rival.declared_at is 'When.';
comment on column claim_rival.reason is 'Why they deny each other.';
comment on column claim_rival.agreed_by is 'Who agreed: the author of the other one, or a moderator.';
comment on column claim_rival.agreed_at is 'When; null until then, and no experiment tests both.';
comment on index claim_rival_other_way is 'The rivals of a claim, from the other side.';

alter table experiment
    add column rival_id bigint constraint experiment_rival_fk references claim,
    add column shares_runs_of bigint constraint experiment_shares_runs_of_fk references experiment,
    add constraint experiment_rival_is_another check (rival_id <> claim_id),
    add constraint experiment_shares_no_rival check (shares_runs_of is null or (rival_id is null and confirms is null));
create unique index experiment_shares_runs_once on experiment (shares_runs_of) where shares_runs_of is not null;
comment on column experiment.rival_id is 'The rival of its claim that its runs test too.';
comment on column experiment.shares_runs_of is 'Of the test of a rival: the experiment whose runs decide it. It has none of its own.';
comment on index experiment_shares_runs_once is 'The test of the rival that belongs to an experiment, of which there is one.';

create trigger experiment_rival_stays_frozen before update on experiment
    for each row
    when (old.registered_at is not null
        and (new.rival_id, new.shares_runs_of) is distinct from (old.rival_id, old.shares_runs_of))
    execute function experiment_stays_frozen();

create trigger co_signature_lapses_with_rival after update on experiment
    for each row
    when (new.state = 'proposed' and new.rival_id is distinct from old.rival_id)
    execute function co_signature_lapses();

-- Whoever has seen the runs has seen them, whichever of the two claims is asked about.
create or replace function experiment_shows_results(of_experiment bigint) returns boolean language sql stable as $$
    select exists (
        select from run
        where run.experiment_id = coalesce((select shares_runs_of from experiment where id = of_experiment), of_experiment) and (
            run.state in ('succeeded', 'failed', 'cancelled')
            or exists (select from run_metric where run_metric.run_id = run.id)))
$$;
