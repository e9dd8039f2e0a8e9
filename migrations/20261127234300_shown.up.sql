-- Members put works and claims on the board; those of newcomers wait for a moderator, and every edit is kept.

alter table work
    add column kind text not null default 'paper',
    add column doi text,
    add column arxiv text,
    add column added_by bigint constraint work_added_by_fk references account on delete set null,
    add column moderation text not null default 'shown',
    add column moderated_at timestamptz,
    add column moderated_by bigint constraint work_moderated_by_fk references account,
    add column moderation_reason text,
    add constraint work_kind_known check (kind in ('paper', 'post', 'implementation')),
    add constraint work_doi_form check (doi ~ '^10[.][0-9]{4,9}/[^[:space:]]+$' and char_length(doi) <= 200),
    add constraint work_arxiv_form check (arxiv ~ '^([0-9]{4}[.][0-9]{4,5}|[a-z]+(-[a-z]+)*/[0-9]{7})$'),
    add constraint work_moderation_known check (moderation in ('waiting', 'shown', 'declined')),
    add constraint work_moderated_whole check (num_nulls(moderated_at, moderated_by) in (0, 2)),
    add constraint work_moderation_reason_has_moderator check (moderation_reason is null or moderated_at is not null),
    add constraint work_declined_has_reason check (moderation <> 'declined' or moderation_reason is not null),
    add constraint work_moderation_reason_length check (char_length(moderation_reason) between 1 and 300);
create unique index work_by_doi on work (lower(doi)) where moderation = 'shown';
create unique index work_by_arxiv on work (arxiv) where moderation = 'shown';
create index work_by_moderation on work (moderation, id) where moderation <> 'shown';
create index work_by_decision on work (moderated_at desc) where moderated_at is not null;
comment on index work_by_decision is 'The newest decisions of moderators.';
create index work_by_adder on work (added_by, id desc) where added_by is not null;
comment on column work.kind is 'paper, post, or an implementation that is itself under test.';
comment on column work.doi is 'Its DOI, 10.…/…; null without one.';
comment on column work.arxiv is 'Its number on arXiv, without a version; null without one.';
comment on column work.added_by is 'Who put it on the board; null for seed content or a removed account.';
comment on column work.moderation is 'shown to everybody; or waiting for a moderator, or declined by one: then for who added it and moderators alone.';
comment on column work.moderated_at is 'When a moderator last decided about it.';
comment on column work.moderated_by is 'Which moderator.';
comment on column work.moderation_reason is 'Why, for everybody to read; one who declined always says.';
comment on index work_by_doi is 'The same paper is not put on the board twice; what waits takes no place.';
comment on index work_by_arxiv is 'As work_by_doi, by its number on arXiv.';
comment on index work_by_moderation is 'What waits for a moderator, and what was declined.';
comment on index work_by_adder is 'How much somebody added, for the limits.';

alter table claim
    add column said_at text not null default '',
    add column moderation text not null default 'shown',
    add column moderated_at timestamptz,
    add column moderated_by bigint constraint claim_moderated_by_fk references account,
    add column moderation_reason text,
    add constraint claim_said_at_length check (char_length(said_at) <= 300),
    add constraint claim_moderation_known check (moderation in ('waiting', 'shown', 'declined')),
    add constraint claim_moderated_whole check (num_nulls(moderated_at, moderated_by) in (0, 2)),
    add constraint claim_moderation_reason_has_moderator check (moderation_reason is null or moderated_at is not null),
    add constraint claim_declined_has_reason check (moderation <> 'declined' or moderation_reason is not null),
    add constraint claim_moderation_reason_length check (char_length(moderation_reason) between 1 and 300);
create index claim_by_moderation on claim (moderation, id) where moderation <> 'shown';
create index claim_by_decision on claim (moderated_at desc) where moderated_at is not null;
comment on index claim_by_decision is 'The newest decisions of moderators.';
create index claim_put_here_by on claim (author_id, id desc) where author_id is not null;
comment on column claim.said_at is 'Where in the work it is said: a section, a table, a page; empty if nobody told.';
comment on column claim.moderation is 'shown to everybody; or waiting for a moderator, or declined by one: then for its author and moderators alone, and nothing tests it.';
comment on column claim.moderated_at is 'When a moderator last decided about it.';
comment on column claim.moderated_by is 'Which moderator.';
comment on column claim.moderation_reason is 'Why, for everybody to read; one who declined always says.';
comment on index claim_by_moderation is 'What waits for a moderator, and what was declined.';
comment on index claim_put_here_by is 'How much somebody claimed, for the limits.';

create view public_work as select * from work where moderation = 'shown';
comment on view public_work is 'The works that everybody may see: what lists or searches works reads this.';
create view public_claim as select * from claim where moderation = 'shown';
comment on view public_claim is 'The claims that everybody may see: what lists or searches claims reads this.';

create table board_edit (
    id         bigint generated always as identity primary key,
    work_id    bigint constraint board_edit_work_fk references work,
    claim_id   bigint constraint board_edit_claim_fk references claim,
    account_id bigint not null constraint board_edit_account_fk references account,
    at         timestamptz not null default now(),
    public     boolean not null,
    before     jsonb not null,
    after      jsonb not null,
    constraint board_edit_of_one check (num_nonnulls(work_id, claim_id) = 1),
    constraint board_edit_changes_something check (before <> after)
);
create index board_edit_by_work on board_edit (work_id, id desc) where work_id is not null;
create index board_edit_by_claim on board_edit (claim_id, id desc) where claim_id is not null;
create index board_edit_by_account on board_edit (account_id, id desc);
comment on table board_edit is 'Every edit of a work or a claim: who, when, and its fields before and after.';
comment on column board_edit.id is 'Order of the edits.';
comment on column board_edit.work_id is 'The work that was edited; null for an edit of a claim.';
comment on column board_edit.claim_id is 'The claim that was edited; null for an edit of a work.';
comment on column board_edit.account_id is 'Who edited.';
comment on column board_edit.at is 'When, by the database clock.';
comment on column board_edit.public is 'Whether everybody could see what was edited: then the edit is on record.';
comment on column board_edit.before is 'The fields as they were, as work_fields and claim_fields give them.';
comment on column board_edit.after is 'The fields as they became.';
comment on index board_edit_by_work is 'The history of a work.';
comment on index board_edit_by_claim is 'The history of a claim.';
comment on index board_edit_by_account is 'How much somebody edited, for the limit.';

create function work_fields(work) returns jsonb language sql immutable as $$
    select jsonb_build_object('kind', $1.kind, 'title', $1.title, 'authors', to_jsonb($1.authors), 'year', $1.year,
        'url', $1.url, 'doi', $1.doi, 'arxiv', $1.arxiv, 'citation', $1.citation, 'phenomenon', $1.phenomenon)
$$;
comment on function work_fields is 'What of a work can be edited.';
create function claim_fields(claim) returns jsonb language sql immutable as $$
    select jsonb_build_object('sentence', $1.sentence, 'scope', $1.scope, 'evidence', $1.evidence,
        'said_at', $1.said_at, 'covers', $1.covers)
$$;
comment on function claim_fields is 'What of a claim can be edited.';

-- What an experiment was registered against stays as it was said, whatever the code above does.
create function claim_stays_said() returns trigger language plpgsql as $$
begin
    if exists (select from experiment where claim_id = old.id and registered_at is not null) then
        raise exception 'claim % is under test and keeps its sentence', old.id
            using errcode = 'check_violation', constraint = 'claim_stays_said';
    end if;
    return new;
end
$$;
comment on function claim_stays_said is 'Refuses another sentence for a claim that something was registered against.';
create trigger claim_stays_said before update on claim for each row
    when (new.sentence is distinct from old.sentence or new.work_id is distinct from old.work_id or new.label is distinct from old.label)
    execute function claim_stays_said();

-- Nothing is proposed or registered on a claim that not everybody can see. The claim's row stays locked against edits.
create function experiment_tests_what_is_shown() returns trigger language plpgsql as $$
begin
    perform from claim where id = new.claim_id and moderation = 'shown' for key share;
    if not found then
        raise exception 'claim % is not on the board', new.claim_id
            using errcode = 'check_violation', constraint = 'experiment_tests_what_is_shown';
    end if;
    return new;
end
$$;
comment on function experiment_tests_what_is_shown is 'Refuses experiments on a claim that waits for a moderator or was declined.';
create trigger experiment_proposed_on_what_is_shown before insert on experiment
    for each row execute function experiment_tests_what_is_shown();
create trigger experiment_registered_on_what_is_shown before update on experiment for each row
    when (old.registered_at is null and new.registered_at is not null)
    execute function experiment_tests_what_is_shown();

-- What is on the board stays there: only what waits or was declined comes and goes.
create function stays_on_the_board() returns trigger language plpgsql as $$
begin
    raise exception '% % is on the board', tg_table_name, old.id
        using errcode = 'check_violation', constraint = 'stays_on_the_board';
end
$$;
comment on function stays_on_the_board is 'Refuses to hide again what everybody could see: experiments and comments refer to it.';
create trigger work_stays_on_the_board before update on work for each row
    when (old.moderation = 'shown' and new.moderation <> 'shown') execute function stays_on_the_board();
create trigger claim_stays_on_the_board before update on claim for each row
    when (old.moderation = 'shown' and new.moderation <> 'shown') execute function stays_on_the_board();

alter table record_entry drop constraint record_entry_subject_known,
    add constraint record_entry_subject_known check (subject in ('work', 'claim', 'experiment', 'run', 'comment', 'account', 'queue'));
comment on column record_entry.subject is 'What it is about: work, claim, experiment, run, comment, account or queue.';
