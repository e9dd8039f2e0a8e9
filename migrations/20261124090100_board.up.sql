-- Works, claims, experiments and the discussion of them.

create table thread (
    id         bigint generated always as identity primary key,
    created_at timestamptz not null default now()
);
comment on table thread is 'The discussion of one claim or one experiment.';
comment on column thread.id is 'Key; part of /api/v1/threads/{id}/comments.';
comment on column thread.created_at is 'Made with what it discusses.';

create table work (
    id         bigint generated always as identity primary key,
    slug       text not null,
    title      text not null,
    authors    text[] not null,
    year       smallint not null,
    url        text not null,
    citation   text not null,
    phenomenon text not null,
    created_at timestamptz not null default now(),
    constraint work_slug_unique unique (slug),
    constraint work_slug_form check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and char_length(slug) <= 80),
    constraint work_title_length check (char_length(title) between 1 and 300),
    constraint work_has_author check (cardinality(authors) > 0),
    constraint work_year_plausible check (year between 1900 and 2200),
    constraint work_url_is_web check (url ~ '^https?://')
);
comment on table work is 'A paper or post under test.';
comment on column work.id is 'Internal key; addresses use the slug.';
comment on column work.slug is 'Part of /works/{slug}; never changes.';
comment on column work.title is 'As published.';
comment on column work.authors is 'In the order of the title page.';
comment on column work.year is 'Of first publication.';
comment on column work.url is 'Where to read it.';
comment on column work.citation is 'One line, as one would cite it.';
comment on column work.phenomenon is 'What was observed and the work explains (Markdown).';
comment on column work.created_at is 'When it came onto the board.';

create table claim (
    id         bigint generated always as identity primary key,
    work_id    bigint not null constraint claim_work_fk references work,
    label      text not null,
    sentence   text not null,
    scope      text not null default '',
    evidence   text not null default '',
    revises    bigint constraint claim_revises_fk references claim,
    author_id  bigint constraint claim_author_fk references account on delete set null,
    thread_id  bigint not null constraint claim_thread_fk references thread,
    created_at timestamptz not null default now(),
    constraint claim_label_unique unique (work_id, label),
    constraint claim_label_form check (label ~ '^[A-Z][0-9]+[a-z]?$'),
    constraint claim_sentence_length check (char_length(sentence) between 1 and 500),
    constraint claim_thread_unique unique (thread_id),
    constraint claim_not_its_own_ancestor check (revises <> id)
);
comment on table claim is 'One sentence about a work that could be false.';
comment on column claim.id is 'Part of /claims/{id}.';
comment on column claim.work_id is 'The work it is about.';
comment on column claim.label is 'Short name within the work: C1, C2, …';
comment on column claim.sentence is 'The claim, in one sentence.';
comment on column claim.scope is 'Where it is made and for what it is said to hold (Markdown).';
comment on column claim.evidence is 'What others found before this board (Markdown).';
comment on column claim.revises is 'The earlier claim that this one narrows; null for the first of its line.';
comment on column claim.author_id is 'Who put it on the board; null for seed content or a removed account.';
comment on column claim.thread_id is 'Its discussion.';
comment on column claim.created_at is 'When it came onto the board.';

create table experiment (
    id             bigint generated always as identity primary key,
    claim_id       bigint not null constraint experiment_claim_fk references claim,
    author_id      bigint not null constraint experiment_author_fk references account,
    thread_id      bigint not null constraint experiment_thread_fk references thread,
    title          text not null,
    prediction     text not null,
    rationale      text not null default '',
    spec_source    text not null,
    spec           jsonb not null,
    spec_canonical text,
    spec_sha256    text,
    state          text not null default 'proposed',
    amends         bigint constraint experiment_amends_fk references experiment,
    amend_reason   text,
    created_at     timestamptz not null default now(),
    updated_at     timestamptz not null default now(),
    registered_at  timestamptz,
    concluded_at   timestamptz,
    withdrawn_at   timestamptz,
    constraint experiment_thread_unique unique (thread_id),
    constraint experiment_state_known check (state in ('proposed', 'registered', 'running', 'concluded', 'withdrawn')),
    constraint experiment_title_length check (char_length(title) between 1 and 200),
    constraint experiment_prediction_length check (char_length(prediction) between 1 and 1000),
    constraint experiment_rationale_length check (char_length(rationale) <= 20000),
    constraint experiment_spec_source_length check (octet_length(spec_source) <= 65536),
    constraint experiment_sha256_form check (spec_sha256 ~ '^[0-9a-f]{64}$'),
    constraint experiment_frozen_is_whole check (num_nulls(registered_at, spec_canonical, spec_sha256) in (0, 3)),
    constraint experiment_registered_when_past_proposed check (state in ('proposed', 'withdrawn') or registered_at is not null),
    constraint experiment_proposed_is_not_registered check (state <> 'proposed' or registered_at is null),
    constraint experiment_concluded_has_time check ((state = 'concluded') = (concluded_at is not null)),
    constraint experiment_withdrawn_has_time check ((state = 'withdrawn') = (withdrawn_at is not null)),
    constraint experiment_amendment_has_reason check ((amends is null) = (amend_reason is null)),
    constraint experiment_not_its_own_amendment check (amends <> id)
);
create index experiment_by_claim on experiment (claim_id, id desc);
create index experiment_by_author on experiment (author_id, id desc);
comment on table experiment is 'A proposed test of one claim.';
comment on column experiment.id is 'Part of /experiments/{id}.';
comment on column experiment.claim_id is 'The claim it tests.';
comment on column experiment.author_id is 'Who proposed it, and whose share of the queue it uses.';
comment on column experiment.thread_id is 'Its discussion; the result is posted there.';
comment on column experiment.title is 'Short name.';
comment on column experiment.prediction is 'What the claim implies here, in one sentence.';
comment on column experiment.rationale is 'Why this tests the claim (Markdown).';
comment on column experiment.spec_source is 'The specification as it was typed (TOML).';
comment on column experiment.spec is 'The specification with every default filled in.';
comment on column experiment.spec_canonical is 'Canonical JSON of the specification, frozen at registration.';
comment on column experiment.spec_sha256 is 'SHA-256 of spec_canonical, in hexadecimal.';
comment on column experiment.state is 'proposed (editable), registered (frozen), running, concluded; or withdrawn.';
comment on column experiment.amends is 'The earlier experiment that this one amends.';
comment on column experiment.amend_reason is 'Why it was amended.';
comment on column experiment.created_at is 'When it was proposed.';
comment on column experiment.updated_at is 'Last edit before registration.';
comment on column experiment.registered_at is 'When it was frozen, by the database clock.';
comment on column experiment.concluded_at is 'When the verdict was posted.';
comment on column experiment.withdrawn_at is 'When its author withdrew it.';
comment on index experiment_by_claim is 'The list on a claim''s page.';
comment on index experiment_by_author is 'The list on a person''s page.';

-- What was registered can never be rewritten, whatever the code above it does.
create function experiment_stays_frozen() returns trigger language plpgsql as $$
begin
    if old.registered_at is not null and (
        new.spec_canonical is distinct from old.spec_canonical
        or new.spec_sha256 is distinct from old.spec_sha256
        or new.spec is distinct from old.spec
        or new.spec_source is distinct from old.spec_source
        or new.prediction is distinct from old.prediction
        or new.claim_id is distinct from old.claim_id
        or new.registered_at is distinct from old.registered_at
    ) then
        raise exception 'experiment % is registered and cannot change', old.id
            using errcode = 'check_violation', constraint = 'experiment_stays_frozen';
    end if;
    return new;
end
$$;
comment on function experiment_stays_frozen is 'Refuses any change to what registration froze.';
create trigger experiment_stays_frozen before update on experiment
    for each row execute function experiment_stays_frozen();

create table verdict (
    experiment_id bigint primary key constraint verdict_experiment_fk references experiment,
    outcome       text not null,
    effect        double precision,
    p_value       double precision,
    detail        jsonb not null,
    created_at    timestamptz not null default now(),
    constraint verdict_outcome_known check (outcome in ('supported', 'falsified', 'inconclusive', 'inadmissible', 'aborted')),
    constraint verdict_p_value_range check (p_value between 0 and 1)
);
comment on table verdict is 'What the machine concluded from the registered criterion; one an experiment, for ever.';
comment on column verdict.experiment_id is 'The experiment.';
comment on column verdict.outcome is 'supported, falsified, inconclusive, inadmissible (treatment not applied) or aborted (infrastructure).';
comment on column verdict.effect is 'Mean paired difference, positive as the claim predicts; null where there was too little to average.';
comment on column verdict.p_value is 'The smaller of the two one-sided p-values; ranks the experiment in its claim''s Holm family.';
comment on column verdict.detail is 'The whole verdict: interval, level, pairs, checks, explanation.';
comment on column verdict.created_at is 'When it was posted.';

create table comment (
    id            bigint generated always as identity primary key,
    thread_id     bigint not null constraint comment_thread_fk references thread,
    kind          text not null default 'comment',
    author_id     bigint constraint comment_author_fk references account,
    experiment_id bigint constraint comment_verdict_fk references verdict,
    body          text not null,
    created_at    timestamptz not null default now(),
    hidden_at     timestamptz,
    hidden_by     bigint constraint comment_hidden_by_fk references account,
    hidden_reason text,
    constraint comment_kind_known check (kind in ('comment', 'result')),
    constraint comment_body_length check (char_length(body) between 1 and 20000),
    constraint comment_person_or_machine check ((kind = 'comment') = (author_id is not null)),
    constraint comment_result_names_experiment check ((kind = 'result') = (experiment_id is not null)),
    constraint comment_result_once unique (experiment_id),
    constraint comment_hidden_whole check (num_nulls(hidden_at, hidden_by, hidden_reason) in (0, 3))
);
create index comment_by_thread on comment (thread_id, id);
create index comment_by_author on comment (author_id, id desc) where author_id is not null;
comment on table comment is 'A post in a thread: by a person, or the result of an experiment.';
comment on column comment.id is 'Permalink: #comment-{id}.';
comment on column comment.thread_id is 'The discussion it belongs to.';
comment on column comment.kind is 'comment by a person, result by the machine.';
comment on column comment.author_id is 'Who wrote it; null for a result.';
comment on column comment.experiment_id is 'The experiment whose result this is; unique, the second line of defence behind the fence.';
comment on column comment.body is 'Markdown as typed; rendered and sanitised on the way out.';
comment on column comment.created_at is 'When it was posted.';
comment on column comment.hidden_at is 'When a moderator hid it; the place in the thread stays.';
comment on column comment.hidden_by is 'Which moderator.';
comment on column comment.hidden_reason is 'Why, for everybody to read.';
comment on index comment_by_thread is 'A thread in order.';
comment on index comment_by_author is 'A person''s comments.';
