-- What is counted of a claim's experiments, and what would break it, is read along an index alone. Hidden proposals count for
-- nobody again, as they did before the counting was bounded anew.

drop index experiment_newest_tried;
create index experiment_newest_tried on experiment (claim_id, id) include (state) where state <> 'withdrawn' and hidden_at is null;
comment on index experiment_newest_tried is 'The experiments of a claim but for those that were withdrawn or hidden, read backwards and counted by state without a look at their rows.';

create or replace function tried_on(of_claim bigint, out experiments bigint, out open bigint) language plpgsql stable
    set enable_bitmapscan = off set enable_seqscan = off set enable_sort = off set enable_incremental_sort = off as $$
begin
    select count(*), count(*) filter (where state in ('registered', 'running', 'stalled')) into experiments, open
    from (select state from experiment where claim_id >= of_claim and claim_id <= of_claim and state <> 'withdrawn' and hidden_at is null
          order by claim_id desc, id desc limit 1001) newest;
end
$$;
comment on function tried_on is 'The newest thousand experiments of a claim, withdrawn and hidden ones left out: how many there are, one more standing for more than that, and how many of them are under way.';

create index experiment_may_break on experiment (claim_id, id) where registered_at is not null and not closed and not exploratory
    and disputed_at is null and cardinality(outside) = 0 and hidden_at is null and not spec ? 'search';
comment on index experiment_may_break is 'The registered experiments that everybody may see and whose verdict moves their claim, read backwards.';

create function newest_that_may_break(of_claim bigint) returns bigint language plpgsql stable
    set enable_bitmapscan = off set enable_seqscan = off set enable_sort = off set enable_incremental_sort = off as $$
begin
    -- No other index has them in this order.
    return (select id from experiment
            where claim_id >= of_claim and claim_id <= of_claim and registered_at is not null and not closed and not exploratory
              and disputed_at is null and cardinality(outside) = 0 and hidden_at is null and not spec ? 'search'
            order by claim_id desc, id desc limit 1);
end
$$;
comment on function newest_that_may_break is 'The newest registered experiment that everybody may see and whose verdict would move that claim; null if there is none.';
