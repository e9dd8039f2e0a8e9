drop table experiment_variation;
