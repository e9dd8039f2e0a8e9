-- Discussions that moderators lock, appeals of those whose comments they hid, and the log of all that.

alter table thread
    add column locked_at   timestamptz,
    add column locked_by   bigint constraint thread_locked_by_fk references account,
    add column lock_reason text,
    add constraint thread_lock_whole check (num_nulls(locked_at, locked_by, lock_reason) in (0, 3)),
    add constraint thread_lock_reason_length check (char_length(lock_reason) between 1 and 300);
comment on column thread.locked_at is 'Since when people post nothing more; results of experiments still arrive.';
comment on column thread.locked_by is 'Which moderator locked it.';
comment on column thread.lock_reason is 'Why, for everybody to read.';

alter table comment
    add column appeal        text,
    add column appealed_at   timestamptz,
    add column appeal_answer text,
    add constraint comment_appeal_whole check ((appeal is null) = (appealed_at is null)),
    add constraint comment_appeal_of_what_is_hidden check (appeal is null or hidden_at is not null),
    add constraint comment_appeal_length check (char_length(appeal) between 1 and 1000),
    add constraint comment_appeal_answer_needs_one check (appeal_answer is null or appeal is not null),
    add constraint comment_appeal_answer_length check (char_length(appeal_answer) between 1 and 300);
comment on column comment.appeal is 'Why its author thinks that it should not be hidden, for everybody to read; gone with the hiding.';
comment on column comment.appealed_at is 'When.';
comment on column comment.appeal_answer is 'Why a moderator left it hidden; null while the appeal waits.';
create index comment_appeals on comment (appealed_at) where appeal is not null and appeal_answer is null;
comment on index comment_appeals is 'Appeals that wait for a moderator.';

create index record_moderation on record_entry (seq desc)
    where kind = 'act' and body::jsonb ->> 'act' in (
        'hidden', 'shown', 'appealed', 'appeal_declined', 'thread_locked', 'thread_unlocked',
        'disputed', 'dispute_answered', 'dispute_resolved', 'disabled', 'enabled', 'author_named');
comment on index record_moderation is 'The log of moderation.';

create function comment_in_open_thread() returns trigger language plpgsql as $$
begin
    if exists (select from thread where id = new.thread_id and locked_at is not null) then
        raise exception 'the discussion is locked' using errcode = 'check_violation', constraint = 'comment_in_open_thread';
    end if;
    return new;
end
$$;
comment on function comment_in_open_thread is 'Refuses what people post to a discussion that a moderator locked.';
create trigger comment_in_open_thread before insert on comment
    for each row when (new.kind = 'comment') execute function comment_in_open_thread();
