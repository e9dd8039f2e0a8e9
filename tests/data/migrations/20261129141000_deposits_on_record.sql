select body from record_entry where body::jsonb ->> 'act' = 'deposited';
