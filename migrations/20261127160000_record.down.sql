drop table record_draft, record_head, record_entry;
drop function record_append, record_stays, record_head_moves_on, record_hash;
