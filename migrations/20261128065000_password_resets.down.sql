drop index mail_resets;
delete from mail where kind = 'reset';
alter table mail drop constraint mail_kind_known;
alter table mail add constraint mail_kind_known check (kind in ('verdict', 'digest', 'confirmation'));
comment on column mail.kind is 'verdict, digest, or confirmation of an address.';
drop table password_reset;
