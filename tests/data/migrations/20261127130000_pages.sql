update comment set html = '<p>hello</p>', html_version = 1 where kind = 'comment';
insert into run_curve (run_id, name, steps, measured) select run_id, c.name, c.steps, c.measured from (select distinct run_id from run_metric) m cross join lateral thinned_curves(m.run_id, null) c;
