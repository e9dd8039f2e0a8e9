-- The index experiment_by_amended finds the same.
drop index experiment_amendments;
