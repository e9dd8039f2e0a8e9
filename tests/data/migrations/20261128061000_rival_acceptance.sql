insert into co_signature (experiment_id, claim_id, account_id, accepts, proposal_sha256)
select id, rival_id, author_id, true, repeat('1', 64) from experiment where state = 'proposed' and rival_id is not null
order by id desc limit 1;
