insert into forecast (experiment_id, account_id, percent)
select experiment.id, account.id, 70 from experiment, account
where not experiment.exploratory and experiment.concluded_at is null and experiment.withdrawn_at is null
  and not experiment_shows_results(experiment.id);
