drop table comment_pin;
drop index experiment_by_spec_sha256;
drop function run_number;
