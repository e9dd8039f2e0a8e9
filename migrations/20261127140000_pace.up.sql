-- How long runs took lately, for estimates.

create index run_attempt_recent_successes on run_attempt (ended_at desc) where outcome = 'succeeded' and resumed_from is null;
comment on index run_attempt_recent_successes is 'Runs that went through in one piece, the latest first: what estimates of other runs are taken from.';
