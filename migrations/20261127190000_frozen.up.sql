-- What a registration froze stays frozen by one rule for each set of columns, so that a column that comes later brings a
-- trigger of its own and the earlier ones are left alone.

drop trigger experiment_stays_frozen on experiment;
drop function experiment_stays_frozen();

create function experiment_stays_frozen() returns trigger language plpgsql as $$
begin
    raise exception 'experiment % is registered and cannot change', old.id
        using errcode = 'check_violation', constraint = 'experiment_stays_frozen';
end
$$;
comment on function experiment_stays_frozen is 'Refuses any change to what registration froze.';

create trigger experiment_stays_frozen before update on experiment
    for each row
    when (old.registered_at is not null and (
        new.spec_canonical, new.spec_sha256, new.spec, new.spec_source, new.prediction, new.claim_id, new.registered_at,
        new.exploratory, new.seed_salt, new.outside, new.confirms, new.confirmation
    ) is distinct from (
        old.spec_canonical, old.spec_sha256, old.spec, old.spec_source, old.prediction, old.claim_id, old.registered_at,
        old.exploratory, old.seed_salt, old.outside, old.confirms, old.confirmation
    ))
    execute function experiment_stays_frozen();
