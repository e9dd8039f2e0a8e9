insert into worker (id, host, device, version, slots) values ('00000000-0000-4000-8000-000000000002', 'host', 'cpu', '0.2.0', 4);
