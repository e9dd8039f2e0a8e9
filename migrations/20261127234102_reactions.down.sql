drop table reaction;
drop function reaction_counted;
alter table comment
    drop column agrees,
    drop column doubts,
    drop column thanks;
