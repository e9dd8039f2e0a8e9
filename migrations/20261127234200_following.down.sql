drop table notice;
drop table news;
alter table claim drop column standing_told;
drop function claim_standing;
drop trigger comment_is_followed on comment;
drop trigger claim_is_followed on claim;
drop trigger experiment_is_followed on experiment;
drop function follow_what_one_writes;
drop table follow;
