drop trigger notice_is_delivered on notice;
drop function notice_is_delivered;
drop table webhook_delivery;
drop table webhook;
