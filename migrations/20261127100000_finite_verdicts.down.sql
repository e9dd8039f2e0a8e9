alter table verdict drop constraint verdict_effect_finite;
