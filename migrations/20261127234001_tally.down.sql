create index experiment_tried on experiment (claim_id) where state <> 'withdrawn';
comment on index experiment_tried is 'How often each claim was tried, without reading an experiment.';
drop index experiment_newest_tried, experiment_with_verdict;
