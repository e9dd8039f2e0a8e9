update experiment set hidden_at = now(), hidden_by = author_id, hidden_reason = 'abuse', appeal = 'it is none', appealed_at = now(), appeal_answer = 'it is'
where id = (select min(id) from experiment where registered_at is null and seal_days is null);
