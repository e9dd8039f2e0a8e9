update claim set named_author_id = (select min(id) from account) where id = (select min(id) from claim where author_id is null);
insert into thread default values;
insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec)
select claim_id, author_id, (select max(id) from thread), 't', 'p', 's', '{}' from experiment order by id limit 1;
insert into co_signature (experiment_id, account_id, accepts, words, proposal_sha256)
select id, author_id, false, 'w', repeat('0', 64) from experiment where state = 'proposed' order by id desc limit 1;
