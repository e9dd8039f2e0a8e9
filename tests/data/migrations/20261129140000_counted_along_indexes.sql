select tried_on(id), newest_that_may_break(id) from claim;
