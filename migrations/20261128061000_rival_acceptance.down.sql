create or replace function co_signature_comes_first() returns trigger language plpgsql as $$
begin
    if not exists (select from experiment where id = coalesce(new.experiment_id, old.experiment_id) and state = 'proposed') then
        raise exception 'experiment % is not proposed any more, so its answer stays', coalesce(new.experiment_id, old.experiment_id)
            using errcode = 'check_violation', constraint = 'co_signature_comes_first';
    end if;
    return coalesce(new, old);
end
$$;
create or replace function acceptance_of(of_experiment bigint) returns text language sql stable as $$
    select case
        when e.registered_at is not null then e.acceptance
        when e.confirms is not null then (select acceptance from experiment where id = e.confirms)
        when e.author_id = c.author then 'own'
        when s.experiment_id is null or s.lapsed_at is not null or a.disabled_at is not null
            or s.account_id is distinct from c.author then 'unilateral'
        when s.accepts then 'accepted'
        else 'declined' end
    from experiment e
        join lateral (select coalesce(named_author_id, author_id) as author from claim where claim.id = e.claim_id) c on true
        left join co_signature s on s.experiment_id = e.id
        left join account a on a.id = s.account_id
    where e.id = of_experiment
$$;
drop function acceptance_told(bigint, bigint);
drop function acceptance_of(bigint, bigint);
drop function answer_to(bigint, bigint);
drop index experiment_proposed_rival;
alter table co_signature disable trigger co_signature_comes_first;
delete from co_signature s using experiment e where e.id = s.experiment_id and e.claim_id <> s.claim_id;
alter table co_signature enable trigger co_signature_comes_first;
alter table co_signature drop constraint co_signature_once, drop column claim_id,
    add constraint co_signature_pkey primary key (experiment_id);
