insert into inherited_fall (claim_id, experiment_id)
    select distinct on (e.id) c.id, e.id from experiment e join claim c on c.id <> e.claim_id order by e.id, c.id;
select claim_standing(id), claim_fell_by(id) from claim;
select n.id from claim c cross join lateral narrower_claims(c.id) n;
select * from claim_counted;
update experiment set disputed_at = disputed_at where state = 'concluded';
