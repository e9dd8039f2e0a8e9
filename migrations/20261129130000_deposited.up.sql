-- A result can be deposited in an archive that gives it a DOI; its author says which.
alter table experiment
    add column doi text,
    add constraint experiment_doi_form check (doi ~ '^10[.][0-9]{4,9}/[^[:space:]]+$' and char_length(doi) <= 200),
    add constraint experiment_doi_of_a_result check (doi is null or concluded_at is not null);
comment on column experiment.doi is 'DOI of a copy of the result in an archive, 10.…/…, as its author says; null without one.';
