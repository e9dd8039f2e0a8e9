-- The record: one append-only, hash-chained log of claims, registrations, conclusions and what people did to them.

create table record_entry (
    seq        bigint primary key,
    previous   text not null,
    hash       text not null,
    at         timestamptz not null,
    kind       text not null,
    subject    text not null,
    subject_id bigint,
    body       text not null,
    constraint record_entry_seq_from_one check (seq > 0),
    constraint record_entry_previous_form check (previous ~ '^[0-9a-f]{64}$'),
    constraint record_entry_hash_form check (hash ~ '^[0-9a-f]{64}$'),
    constraint record_entry_hash_once unique (hash),
    constraint record_entry_kind_known check (kind in ('claim', 'registration', 'conclusion', 'act')),
    constraint record_entry_subject_known check (subject in ('claim', 'experiment', 'run', 'comment', 'account', 'queue')),
    constraint record_entry_queue_has_no_id check ((subject = 'queue') = (subject_id is null)),
    constraint record_entry_body_is_object check (jsonb_typeof(body::jsonb) = 'object')
);
create unique index record_entry_once on record_entry (kind, subject_id) where kind <> 'act';
create index record_entry_by_subject on record_entry (subject, subject_id, seq);
comment on table record_entry is 'The record: entries are added in order, and never changed or removed. docs/record.md says what each kind holds.';
comment on column record_entry.seq is 'Place in the record: 1, 2, 3, … without a gap.';
comment on column record_entry.previous is 'Hash of the entry before; 64 zeros for the first.';
comment on column record_entry.hash is 'SHA-256 of the entry, the hash before it included, as record_hash computes it.';
comment on column record_entry.at is 'When it was added, by the database clock.';
comment on column record_entry.kind is 'claim (came onto the board), registration, conclusion (of an experiment) or act (what a person did).';
comment on column record_entry.subject is 'What it is about: claim, experiment, run, comment, account or queue.';
comment on column record_entry.subject_id is 'Which one; null for the queue. No foreign key: the record outlives what it tells of.';
comment on column record_entry.body is 'What was done, as canonical JSON (RFC 8785): the very text that is hashed.';
comment on index record_entry_once is 'A claim, a registration and a conclusion are told once.';
comment on index record_entry_by_subject is 'The entries about one thing.';

create table record_head (
    single        boolean primary key default true,
    seq           bigint not null default 0,
    hash          text not null default repeat('0', 64),
    backfilled_at timestamptz,
    constraint record_head_single check (single),
    constraint record_head_hash_form check (hash ~ '^[0-9a-f]{64}$')
);
insert into record_head default values;
comment on table record_head is 'The newest entry of the record, in one row: whoever adds an entry locks it.';
comment on column record_head.single is 'There is one row.';
comment on column record_head.seq is 'Place of the newest entry; 0 before the first.';
comment on column record_head.hash is 'Hash of the newest entry; 64 zeros before the first.';
comment on column record_head.backfilled_at is 'When entries were made for what was there before the record; null until then, and once only.';

create table record_draft (
    id         bigint generated always as identity primary key,
    kind       text not null,
    subject    text not null,
    subject_id bigint,
    body       text not null
);
comment on table record_draft is 'Entries of a transaction that has not committed: at its end they get their places in the record and leave this table.';
comment on column record_draft.id is 'Order within the transaction.';
comment on column record_draft.kind is 'As record_entry.kind.';
comment on column record_draft.subject is 'As record_entry.subject.';
comment on column record_draft.subject_id is 'As record_entry.subject_id.';
comment on column record_draft.body is 'As record_entry.body.';

-- The hashed text is canonical JSON (RFC 8785) after a line that says what it is; the program has the same function.
create function record_hash(seq bigint, previous text, at timestamptz, kind text, subject text, subject_id bigint, body text)
returns text language sql stable as $$
    select encode(sha256(convert_to(format(
        E'breakmywork record v1\n{"at":"%s","body":%s,"kind":"%s","previous":"%s","seq":%s,"subject":{"id":%s,"kind":"%s"}}',
        to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), body, kind, previous, seq,
        coalesce(subject_id::text, 'null'), subject), 'UTF8')), 'hex')
$$;
comment on function record_hash is 'The hash of an entry of the record.';

-- Runs when the transaction commits: so the head is locked after everything else and for the shortest time, whatever
-- the transaction did in which order.
create function record_append() returns trigger language plpgsql as $$
declare
    head record_head;
    place bigint;
    moment timestamptz;
    fresh text;
begin
    select * into strict head from record_head for update;
    place := head.seq + 1;
    moment := clock_timestamp();
    fresh := record_hash(place, head.hash, moment, new.kind, new.subject, new.subject_id, new.body);
    insert into record_entry (seq, previous, hash, at, kind, subject, subject_id, body)
    values (place, head.hash, fresh, moment, new.kind, new.subject, new.subject_id, new.body);
    update record_head set seq = place, hash = fresh;
    delete from record_draft where id = new.id;
    return null;
end
$$;
comment on function record_append is 'Gives an entry its place at the end of the record.';
create constraint trigger record_append after insert on record_draft
    deferrable initially deferred for each row execute function record_append();

create function record_stays() returns trigger language plpgsql as $$
begin
    raise exception 'the record is only added to' using errcode = 'check_violation', constraint = 'record_stays';
end
$$;
comment on function record_stays is 'Refuses any change to what is on record.';
create trigger record_entry_stays before update or delete on record_entry for each row execute function record_stays();
create trigger record_entry_is_not_emptied before truncate on record_entry for each statement execute function record_stays();
create trigger record_head_stays before insert or delete on record_head for each row execute function record_stays();
create trigger record_head_is_not_emptied before truncate on record_head for each statement execute function record_stays();

create function record_head_moves_on() returns trigger language plpgsql as $$
begin
    if (new.seq, new.hash) is distinct from (old.seq, old.hash) and not exists (
        select from record_entry where seq = new.seq and seq = old.seq + 1 and hash = new.hash and previous = old.hash
    ) or old.backfilled_at is not null and new.backfilled_at is distinct from old.backfilled_at then
        raise exception 'the head of the record only moves on' using errcode = 'check_violation', constraint = 'record_head_moves_on';
    end if;
    return new;
end
$$;
comment on function record_head_moves_on is 'Lets the head move by one entry at a time.';
create trigger record_head_moves_on before update on record_head for each row execute function record_head_moves_on();
