drop trigger forecast_lapses on experiment;
drop table forecast;
drop function forecast_lapses();
drop function forecast_comes_first();
drop function forecast_is_final();
drop function experiment_shows_results(bigint);
