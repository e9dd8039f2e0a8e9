select count(*) from severest_claims(10), claims_by_severity(null, 10), trials_of(1), trial_runs(1), tried_on(1);
