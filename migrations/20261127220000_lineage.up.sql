-- Where each registered experiment lies, for the map of what was tried; and what became of experiments when their claim
-- was narrowed.

create table experiment_point (
    experiment_id bigint primary key constraint experiment_point_experiment_fk references experiment,
    claim_id      bigint not null constraint experiment_point_claim_fk references claim,
    task          text not null,
    cell          text not null,
    data_set      text,
    hidden        integer not null constraint experiment_point_hidden_positive check (hidden > 0),
    length        integer not null constraint experiment_point_length_positive check (length > 0),
    rate          double precision not null constraint experiment_point_rate_share check (rate between 0 and 1)
);
create index experiment_point_by_claim on experiment_point (claim_id, experiment_id desc);
comment on table experiment_point is 'Where a registered experiment lies, by its treatment: the fields over which a claim is narrowed and its map is drawn.';
comment on column experiment_point.experiment_id is 'The experiment.';
comment on column experiment_point.claim_id is 'The claim that it tests, here too so that the newest of a claim are found without reading experiments.';
comment on column experiment_point.task is 'Its task.';
comment on column experiment_point.cell is 'Its recurrent cell.';
comment on column experiment_point.data_set is 'Its data set with the version; null of generated sequences.';
comment on column experiment_point.hidden is 'Units of a layer.';
comment on column experiment_point.length is 'Time steps of a sequence.';
comment on column experiment_point.rate is 'The strongest dropout of the arms that are compared; 0 where nothing is dropped.';
comment on index experiment_point_by_claim is 'The newest experiments of a claim.';

-- Those that are registered already. An arm may override its settings; what is stored has every default written out.
insert into experiment_point (experiment_id, claim_id, task, cell, data_set, hidden, length, rate)
    select e.id, e.claim_id, coalesce(arm #>> '{task,name}', e.spec #>> '{task,name}'),
        coalesce(arm #>> '{model,cell}', e.spec #>> '{model,cell}'),
        coalesce(arm #>> '{task,data}', e.spec #>> '{task,data}'),
        coalesce(arm #>> '{model,hidden}', e.spec #>> '{model,hidden}')::integer,
        coalesce(arm #>> '{task,length}', e.spec #>> '{task,length}')::integer,
        (select coalesce(max((site.value ->> 'rate')::double precision), 0)
         from jsonb_array_elements(e.spec -> 'arms') compared
           cross join jsonb_each(case jsonb_typeof(compared -> 'dropout') when 'object' then compared -> 'dropout' else '{}' end) site
         where coalesce(compared ->> 'name' in (e.spec #>> '{criterion,treatment}', e.spec #>> '{criterion,control}'), true))
    from experiment e cross join lateral (
        select value as arm from jsonb_array_elements(e.spec -> 'arms') with ordinality as a (value, place)
        order by coalesce(value ->> 'name' = e.spec #>> '{criterion,treatment}', true) desc, place limit 1) treatment
    where e.registered_at is not null and e.spec #> '{task,name}' is not null and e.spec #> '{task,length}' is not null
        and e.spec #> '{model,cell}' is not null and e.spec #> '{model,hidden}' is not null;

alter table claim add column revision_reason text,
    add constraint claim_revision_reason_length check (char_length(revision_reason) between 1 and 300),
    add constraint claim_revision_reason_has_revision check (revision_reason is null or revises is not null);
comment on column claim.revision_reason is 'Of a revision: why the earlier claim was narrowed.';

create table resorted_experiment (
    claim_id      bigint not null constraint resorted_experiment_claim_fk references claim,
    experiment_id bigint not null constraint resorted_experiment_experiment_fk references experiment,
    sorting       text not null constraint resorted_experiment_sorting_known check (sorting in ('still_applies', 'out_of_scope', 'must_rerun')),
    reasons       text[] not null default '{}',
    constraint resorted_experiment_once primary key (claim_id, experiment_id)
);
comment on table resorted_experiment is 'What a revision of a claim made of the experiments on the earlier one, fixed when it was made. It moves no standing.';
comment on column resorted_experiment.claim_id is 'The revision.';
comment on column resorted_experiment.experiment_id is 'An experiment on the earlier claim.';
comment on column resorted_experiment.sorting is 'still_applies: decided within the narrower scope; out_of_scope; must_rerun: within it, and undecided.';
comment on column resorted_experiment.reasons is 'Why it does not apply; empty of one that does.';
