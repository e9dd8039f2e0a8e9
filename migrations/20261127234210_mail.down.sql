drop table mail;
drop table mailbox;
