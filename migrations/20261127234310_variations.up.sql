-- Which experiment another one varies.

create table experiment_variation (
    experiment_id bigint primary key constraint experiment_variation_experiment_fk references experiment,
    origin_id     bigint not null constraint experiment_variation_origin_fk references experiment,
    constraint experiment_variation_of_another check (experiment_id <> origin_id)
);
create index experiment_variation_by_origin on experiment_variation (origin_id, experiment_id desc);
comment on table experiment_variation is 'An experiment that was proposed as a variation of another one: said when it is proposed, and not changed. It moves nothing.';
comment on column experiment_variation.experiment_id is 'The variation.';
comment on column experiment_variation.origin_id is 'What it varies.';
comment on index experiment_variation_by_origin is 'The variations of an experiment.';
