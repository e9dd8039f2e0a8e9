select experiment_shows_results(id) from experiment;
select volunteer_may(account.id, run.id) from account, run;
