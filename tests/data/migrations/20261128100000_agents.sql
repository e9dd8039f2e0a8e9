insert into account (name, password_hash, sponsor_id)
    select 'scout-agent', 'none', id from account where sponsor_id is null and not is_board order by id limit 1;
