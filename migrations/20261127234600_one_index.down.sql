create index experiment_amendments on experiment (amends) where amends is not null;
comment on index experiment_amendments is 'Finds what amends a registration: the first amendment of each goes on with its manifest.';
