-- An amendment, which the index finds.
with fresh as (insert into thread default values returning id)
insert into experiment (claim_id, author_id, thread_id, title, prediction, spec_source, spec, amends, amend_reason)
select claim_id, author_id, fresh.id, 't', 'p', 's', '{}', experiment.id, 'a slip' from experiment, fresh
where registered_at is not null order by experiment.id limit 1;
