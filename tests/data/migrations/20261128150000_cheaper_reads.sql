select acceptance_told(id, claim_id), experiment_shows_results(id) from experiment;
select sub_label, low, high, unit, margin, pairs from verdict;
