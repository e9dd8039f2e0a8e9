-- Replies in two levels, edits with a public history, and comments that their authors deleted.

alter table comment
    add column reply_to   bigint constraint comment_reply_to_fk references comment,
    add column root_id    bigint,
    add column branch_id  bigint,
    add column version    integer not null default 1,
    add column edited_at  timestamptz,
    add column deleted_at timestamptz,
    add constraint comment_version_counts check (version between 1 and 50),
    add constraint comment_edited_has_versions check ((edited_at is null) = (version = 1)),
    add constraint comment_deleted_by_its_author check (deleted_at is null or (kind = 'comment' and hidden_at is null)),
    drop constraint comment_body_length,
    add constraint comment_body_length check (
        char_length(body) between 1 and 20000 and deleted_at is null or body = '' and deleted_at is not null),
    add constraint comment_only_people_reply check (reply_to is null or kind = 'comment'),
    add constraint comment_replies_to_earlier check (reply_to < id);
update comment set root_id = id, branch_id = 0;
alter table comment
    alter column root_id set not null,
    alter column branch_id set not null;
create index comment_in_conversation on comment (thread_id, root_id, branch_id, id);
create index comment_of_machine on comment (thread_id, id) where kind <> 'comment';
create index comment_replies on comment (reply_to) where reply_to is not null;
comment on column comment.reply_to is 'The comment that it answers; null for one that begins a conversation.';
comment on column comment.root_id is 'The comment that begins its conversation: itself, or the first of those that it answers.';
comment on column comment.branch_id is 'The answer to that one below which it is shown: 0 for the first, itself for an answer to the first.';
comment on column comment.version is 'How often it was written: 1 for one that was never edited.';
comment on column comment.edited_at is 'When it was edited last.';
comment on column comment.deleted_at is 'When its author deleted it: its text and its earlier versions are gone, its place stays.';
comment on column comment.body is 'Markdown as typed; empty of a deleted one.';
comment on index comment_in_conversation is 'A thread as conversations: each first comment, then its answers, and below each of those all further ones by time.';
comment on index comment_of_machine is 'What the machine posted in a thread.';
comment on index comment_replies is 'What answers a comment.';

create function comment_placed() returns trigger language plpgsql as $$
declare
    parent comment;
begin
    if new.reply_to is null then
        new.root_id := new.id;
        new.branch_id := 0;
        return new;
    end if;
    select * into parent from comment where id = new.reply_to;
    if not found or parent.thread_id <> new.thread_id then
        raise exception 'comment % answers one of another thread', new.id
            using errcode = 'check_violation', constraint = 'comment_answers_in_its_thread';
    end if;
    new.root_id := parent.root_id;
    new.branch_id := case when parent.branch_id = 0 then new.id else parent.branch_id end;
    return new;
end
$$;
comment on function comment_placed is 'Gives a comment its place in the conversation.';
create trigger comment_placed before insert on comment for each row execute function comment_placed();

create table comment_version (
    comment_id bigint not null constraint comment_version_comment_fk references comment,
    number     integer not null,
    body       text not null,
    written_at timestamptz not null,
    primary key (comment_id, number),
    constraint comment_version_number_counts check (number between 1 and 49),
    constraint comment_version_body_length check (char_length(body) between 1 and 20000)
);
comment on table comment_version is 'What comments said before they were edited, for everybody to read; the newest version is in comment.';
comment on column comment_version.comment_id is 'The comment.';
comment on column comment_version.number is '1 for what was posted first.';
comment on column comment_version.body is 'Markdown as typed.';
comment on column comment_version.written_at is 'When it was posted, or edited to that.';
