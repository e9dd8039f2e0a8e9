comment on column verdict.effect is 'Mean paired difference, positive as the claim predicts; null where there was too little to average.';
comment on column verdict.p_value is 'The smaller of the two one-sided p-values; ranks the experiment in its claim''s Holm family.';
delete from comment where kind = 'result' and not exists (select from verdict where verdict.experiment_id = comment.experiment_id);
alter table comment
    drop constraint comment_experiment_fk,
    add constraint comment_verdict_fk foreign key (experiment_id) references verdict;
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
    ) then
        raise exception 'experiment % is registered and cannot change', old.id
            using errcode = 'check_violation', constraint = 'experiment_stays_frozen';
    end if;
    return new;
end
$$;

comment on table run_curve is 'Learning curves of runs that have ended, thinned for drawing: made from run_metric when they are first drawn.';
alter table experiment drop column exploratory;
