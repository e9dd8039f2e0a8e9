alter table session drop constraint session_address_range_length;
alter table session drop constraint session_device_length;
alter table session drop column address_range;
alter table session drop column device;
alter table session drop column id;
