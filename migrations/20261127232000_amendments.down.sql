drop index experiment_by_amended;
