drop index account_by_beginning;
alter table comment drop column words;
alter table experiment drop column words;
drop index claim_by_label;
alter table claim drop column words;
alter table work drop column words;
drop function listed_words;
