drop function newest_that_may_break(bigint);
drop index experiment_may_break;

create or replace function tried_on(of_claim bigint, out experiments bigint, out open bigint) language plpgsql stable
    set enable_bitmapscan = off set enable_seqscan = off set enable_sort = off set enable_incremental_sort = off as $$
begin
    select count(*), count(*) filter (where state in ('registered', 'running', 'stalled')) into experiments, open
    from (select state from experiment where claim_id >= of_claim and claim_id <= of_claim and state <> 'withdrawn'
          order by claim_id desc, id desc limit 1001) newest;
end
$$;
comment on function tried_on is 'The newest thousand experiments of a claim, withdrawn ones left out: how many there are, one more standing for more than that, and how many of them are under way.';

drop index experiment_newest_tried;
create index experiment_newest_tried on experiment (claim_id, id) where state <> 'withdrawn';
comment on index experiment_newest_tried is 'The experiments of a claim but for those that were withdrawn, read backwards: no other index has them in that order.';
