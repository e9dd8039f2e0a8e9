drop trigger experiment_stays_frozen on experiment;
drop function experiment_stays_frozen();

create function experiment_stays_frozen() returns trigger language plpgsql as $$
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
comment on function experiment_stays_frozen is 'Refuses any change to what registration froze.';

create trigger experiment_stays_frozen before update on experiment
    for each row execute function experiment_stays_frozen();
