insert into claim_rival (claim_id, rival_id, declared_for, declared_by, reason)
select (select min(id) from claim), (select max(id) from claim), (select min(id) from claim), min(id), 'They deny each other.' from account;
update experiment set rival_id = (select max(id) from claim) where state = 'proposed' and claim_id <> (select max(id) from claim);
