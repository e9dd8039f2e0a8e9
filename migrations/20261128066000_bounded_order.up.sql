-- A range of one key is sorted already; a plan may yet take an index that has it in another order, and sort all of it: where the
-- planner believes that there is one row in all, that is as good to it. What sorts a part at a time has a switch of its own.

alter function tried_on(bigint) set enable_incremental_sort = off;
alter function trials_of(bigint) set enable_incremental_sort = off;
alter function trial_runs(bigint) set enable_incremental_sort = off;
alter function severest_claims(bigint) set enable_incremental_sort = off;
alter function claims_by_severity(bigint, bigint) set enable_incremental_sort = off;
