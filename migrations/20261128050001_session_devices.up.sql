-- Signed-in browsers as their owner sees them.

alter table session add column id bigint generated always as identity constraint session_id_unique unique;
alter table session add column device text not null default '';
alter table session add column address_range text;
alter table session add constraint session_device_length check (char_length(device) <= 60);
alter table session add constraint session_address_range_length check (char_length(address_range) <= 50);
comment on column session.id is 'Names the session when its owner ends it; the cookie and its hash name it to nobody.';
comment on column session.device is 'Kind of browser and of system that it was last used with, as "Firefox on Linux"; empty of sessions that are older than this column.';
comment on column session.address_range is 'Network that it was last used from: /24 of IPv4, /48 of IPv6; null where it is not known.';
