drop index experiment_newest_tried;
create index experiment_newest_tried on experiment (claim_id, id desc) where state <> 'withdrawn';
comment on index experiment_newest_tried is 'The newest experiments of a claim, for how many there are up to a limit.';
create or replace function tried_on(of_claim bigint, out experiments bigint, out open bigint) language plpgsql stable
    set enable_bitmapscan = off set enable_seqscan = off set enable_sort = off as $$
begin
    select count(*), count(*) filter (where state in ('registered', 'running', 'stalled')) into experiments, open
    from (select state from experiment where claim_id = of_claim and state <> 'withdrawn' order by id desc limit 1001) newest;
end
$$;
drop function trial_runs(bigint);
drop function trials_of(bigint);
drop function claims_of(bigint[]);
drop function claims_by_severity(bigint, bigint);
drop function severest_claims(bigint);
