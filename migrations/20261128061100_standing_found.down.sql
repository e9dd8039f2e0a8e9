create or replace function claim_standing(of_claim bigint) returns text language sql stable as $$
    select case
        when bool_or(e.challenge = 'confirmed' and not exists (
            select from experiment c where c.confirms = e.id and c.disputed_at is not null)) then 'falsified'
        when bool_or(e.challenge = 'open') then 'challenged'
        when bool_or(v.outcome = 'supported' or e.challenge = 'not_confirmed') then 'standing'
        else 'untested' end
    from experiment e join verdict v on v.experiment_id = e.id
    where e.claim_id = of_claim and e.state = 'concluded' and not e.exploratory
        and cardinality(e.outside) = 0 and e.disputed_at is null
$$;
drop trigger verdict_is_marked on verdict;
drop function verdict_is_marked();
drop index experiment_moves_its_claim;
alter table experiment drop column supports;
