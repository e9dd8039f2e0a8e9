-- Full-text search: the words of what is on the board, and ways straight to a thing by its name.

create function listed_words(words text[]) returns text language sql immutable parallel safe as $$
    select array_to_string(words, ' ')
$$;
comment on function listed_words is 'A list as one text; immutable for text, as a generated column wants it.';

-- Each text is cut well before a tsvector is full: no text that a table takes is refused for its words.
alter table work add column words tsvector generated always as (
    setweight(to_tsvector('english', title || ' ' || left(listed_words(authors), 5000)), 'A')
    || setweight(to_tsvector('english', left(citation, 5000)), 'B')
    || setweight(to_tsvector('english', left(phenomenon, 20000)), 'C')) stored;
comment on column work.words is 'What a search finds it by: title and authors before the citation before the phenomenon.';
create index work_by_words on work using gin (words);
comment on index work_by_words is 'Full-text search.';

alter table claim add column words tsvector generated always as (
    setweight(to_tsvector('english', label || ' ' || sentence), 'A')
    || setweight(to_tsvector('english', left(scope, 20000)), 'B')
    || setweight(to_tsvector('english', left(evidence, 20000)), 'C')) stored;
comment on column claim.words is 'What a search finds it by: label and sentence before the scope before the evidence.';
create index claim_by_words on claim using gin (words);
comment on index claim_by_words is 'Full-text search.';
create index claim_by_label on claim (label);
comment on index claim_by_label is 'Whoever types a label goes straight to the claim.';

-- Of what is sealed there are no words, so that no search tells of it.
alter table experiment add column words tsvector generated always as (
    case when seal_days is null or opened_at is not null then
        setweight(to_tsvector('english', title), 'A')
        || setweight(to_tsvector('english', prediction || ' ' || left(coalesce(spec #>> '{task,name}', ''), 100)), 'B')
        || setweight(to_tsvector('english', rationale), 'C') end) stored;
comment on column experiment.words is 'What a search finds it by: title before prediction and task before the rationale; null while it is sealed.';
create index experiment_by_words on experiment using gin (words);
comment on index experiment_by_words is 'Full-text search.';

alter table comment add column words tsvector generated always as (
    case when kind = 'comment' and hidden_at is null then to_tsvector('english', body) end) stored;
comment on column comment.words is 'What a search finds it by; null of what is hidden, and of what the machine posted, which the experiment is found for.';
create index comment_by_words on comment using gin (words);
comment on index comment_by_words is 'Full-text search.';

create index account_by_beginning on account (name text_pattern_ops);
comment on index account_by_beginning is 'People are found by how their name begins.';
