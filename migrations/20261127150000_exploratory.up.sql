-- Experiments that look and do not decide.

alter table experiment
    add column exploratory boolean not null default false,
    add constraint experiment_exploratory_is_registered check (not exploratory or registered_at is not null);
comment on column experiment.exploratory is 'Registered to look, not to decide: it runs, and never carries a verdict.';

-- Their result post names the experiment and no verdict.
alter table comment
    drop constraint comment_verdict_fk,
    add constraint comment_experiment_fk foreign key (experiment_id) references experiment;

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
    ) then
        raise exception 'experiment % is registered and cannot change', old.id
            using errcode = 'check_violation', constraint = 'experiment_stays_frozen';
    end if;
    return new;
end
$$;

comment on table run_curve is 'Learning curves of runs that have ended, thinned for drawing: made from run_metric when the run ends, or else when they are first drawn.';

-- A verdict's level is the registered one; what others register moves it no more.
comment on column verdict.p_value is 'The smaller of the two one-sided p-values.';
comment on column verdict.effect is 'The estimated advantage of the treatment, positive as the claim predicts; null where there was too little to estimate it from.';
