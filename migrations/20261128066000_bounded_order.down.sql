alter function claims_by_severity(bigint, bigint) reset enable_incremental_sort;
alter function severest_claims(bigint) reset enable_incremental_sort;
alter function trial_runs(bigint) reset enable_incremental_sort;
alter function trials_of(bigint) reset enable_incremental_sort;
alter function tried_on(bigint) reset enable_incremental_sort;
