select volunteer_may(account.id, run.id) from account, run;
