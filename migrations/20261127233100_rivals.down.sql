create or replace function experiment_shows_results(of_experiment bigint) returns boolean language sql stable as $$
    select exists (
        select from run
        where run.experiment_id = of_experiment and (
            run.state in ('succeeded', 'failed', 'cancelled')
            or exists (select from run_metric where run_metric.run_id = run.id)))
$$;
drop trigger co_signature_lapses_with_rival on experiment;
drop trigger experiment_rival_stays_frozen on experiment;
alter table experiment drop column shares_runs_of, drop column rival_id;
drop table claim_rival;
