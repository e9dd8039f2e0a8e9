-- A verdict's numbers are finite or absent.

update verdict set effect = null where not (effect > '-Infinity' and effect < 'Infinity');
alter table verdict add constraint verdict_effect_finite check (effect > '-Infinity' and effect < 'Infinity');
