-- How a claim fared is told at the same cost however many experiments are proposed on it.

create index experiment_newest_tried on experiment (claim_id, id desc) where state <> 'withdrawn';
comment on index experiment_newest_tried is 'The newest experiments of a claim, for how many there are up to a limit.';
create index experiment_with_verdict on experiment (claim_id, id) where state = 'concluded' and not exploratory;
comment on index experiment_with_verdict is 'What has a verdict on a claim, for where it stands.';
drop index experiment_tried;
