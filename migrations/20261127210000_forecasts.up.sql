-- What members think, before there is anything to see, how likely it is that a claim survives an experiment.

create table forecast (
    experiment_id bigint not null constraint forecast_experiment_fk references experiment,
    account_id    bigint not null constraint forecast_account_fk references account,
    percent       smallint not null,
    created_at    timestamptz not null default now(),
    constraint forecast_once primary key (experiment_id, account_id),
    constraint forecast_percent_share check (percent between 0 and 100)
);
create index forecast_of_account on forecast (account_id, created_at);
comment on table forecast is 'A member''s probability that the claim survives an experiment. It has no key of its own: a number that grows would tell how many there are.';
comment on column forecast.experiment_id is 'The experiment that resolves it.';
comment on column forecast.account_id is 'Who gave it; one of each person.';
comment on column forecast.percent is 'Probability of the verdict supported, where it is supported or falsified, in whole percent.';
comment on column forecast.created_at is 'When it was given; it never changes after that.';
comment on index forecast_of_account is 'What somebody forecast, and how often lately.';

create function experiment_shows_results(of_experiment bigint) returns boolean language sql stable as $$
    select exists (
        select from run
        where run.experiment_id = of_experiment and (
            run.state in ('succeeded', 'failed', 'cancelled')
            or exists (select from run_metric where run_metric.run_id = run.id)))
$$;
comment on function experiment_shows_results is 'Whether there is anything to see of its runs: from then on a forecast would be no forecast.';

create function forecast_is_final() returns trigger language plpgsql as $$
begin
    raise exception 'the forecast of experiment % by account % is final', old.experiment_id, old.account_id
        using errcode = 'check_violation', constraint = 'forecast_is_final';
end
$$;
comment on function forecast_is_final is 'Refuses any change: whoever has given a forecast sees those of others.';
create trigger forecast_is_final before update on forecast for each row execute function forecast_is_final();

create function forecast_comes_first() returns trigger language plpgsql as $$
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
comment on function forecast_comes_first is 'Refuses a forecast once there is something to see of the experiment, and of one that carries no verdict.';
create trigger forecast_comes_first before insert on forecast for each row execute function forecast_comes_first();

create function forecast_lapses() returns trigger language plpgsql as $$
begin
    delete from forecast where experiment_id = new.id;
    return null;
end
$$;
comment on function forecast_lapses is 'A proposal that was changed is another plan: what was forecast of the earlier one is dropped, and may be given anew.';
create trigger forecast_lapses after update on experiment
    for each row
    when (new.state = 'proposed' and (new.spec, new.prediction) is distinct from (old.spec, old.prediction))
    execute function forecast_lapses();
