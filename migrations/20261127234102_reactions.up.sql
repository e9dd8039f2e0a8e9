-- What readers think of a comment, in one of three words, each counted once a person.

create table reaction (
    comment_id bigint not null constraint reaction_comment_fk references comment,
    kind       text not null,
    account_id bigint not null constraint reaction_account_fk references account on delete cascade,
    created_at timestamptz not null default now(),
    primary key (comment_id, kind, account_id),
    constraint reaction_kind_known check (kind in ('agree', 'doubt', 'thanks'))
);
create index reaction_by_account on reaction (account_id, comment_id);
comment on table reaction is 'What readers think of comments. The key lets nobody vote twice.';
comment on column reaction.comment_id is 'The comment: a person''s, not a result, which is not voted on.';
comment on column reaction.kind is 'agree, doubt or thanks.';
comment on column reaction.account_id is 'Who thinks so.';
comment on column reaction.created_at is 'Since when.';
comment on index reaction_by_account is 'What a person thinks of the comments on a page.';

alter table comment
    add column agrees integer not null default 0,
    add column doubts integer not null default 0,
    add column thanks integer not null default 0;
comment on column comment.agrees is 'How many agree; kept by a trigger, so that a page counts nothing.';
comment on column comment.doubts is 'How many doubt it.';
comment on column comment.thanks is 'How many are thankful for it.';

create function reaction_counted() returns trigger language plpgsql as $$
declare
    one integer := case when tg_op = 'INSERT' then 1 else -1 end;
    changed reaction := case when tg_op = 'INSERT' then new else old end;
begin
    update comment set
        agrees = agrees + case when changed.kind = 'agree' then one else 0 end,
        doubts = doubts + case when changed.kind = 'doubt' then one else 0 end,
        thanks = thanks + case when changed.kind = 'thanks' then one else 0 end
    where id = changed.comment_id;
    return null;
end
$$;
comment on function reaction_counted is 'Keeps the counts of a comment''s reactions.';
create trigger reaction_counted after insert or delete on reaction for each row execute function reaction_counted();
