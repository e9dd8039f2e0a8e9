drop function queue_order;
drop function used_until_now;
drop table queue_use, queue_line;
