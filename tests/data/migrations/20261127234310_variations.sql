insert into experiment_variation (experiment_id, origin_id) select max(id), min(id) from experiment;
