comment on table run_curve is 'Learning curves of runs that have ended, thinned for drawing: made from run_metric when they are first drawn.';
alter table experiment drop column exploratory;
