-- How many experiments a claim has is counted along an index, however few of them the planner believes there are: else it
-- sorts all of them for the newest thousand.

create function tried_on(of_claim bigint, out experiments bigint, out open bigint) language plpgsql stable
    set enable_bitmapscan = off set enable_seqscan = off set enable_sort = off as $$
begin
    select count(*), count(*) filter (where state in ('registered', 'running', 'stalled')) into experiments, open
    from (select state from experiment where claim_id = of_claim and state <> 'withdrawn' order by id desc limit 1001) newest;
end
$$;
comment on function tried_on is 'The newest thousand experiments of a claim, withdrawn ones left out: how many there are, one more standing for more than that, and how many of them are under way.';
