-- What amends an experiment is found from the experiment.

create index experiment_by_amended on experiment (amends, id desc) where amends is not null;
comment on index experiment_by_amended is 'The amendments of an experiment, for its page.';
