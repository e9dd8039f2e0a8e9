update experiment set stopped_at = now(), stopped_by = author_id, stop_reason = 'a mistake' where state = 'concluded' and confirms is null;
update verdict set outcome = 'supported', severity = 0.25;
select weight, attempts from counted_question;
