create or replace function forecast_comes_first() returns trigger language plpgsql as $$
begin
    if exists (select from experiment
               where id = new.experiment_id
                 and (exploratory or concluded_at is not null or withdrawn_at is not null or experiment_shows_results(id))) then
        raise exception 'experiment % takes no forecast', new.experiment_id
            using errcode = 'check_violation', constraint = 'forecast_comes_first';
    end if;
    return new;
end
$$;
drop table search_result;
drop function search_result_stays();
