drop table sign_in_step;
drop table recovery_code;
drop table second_factor;
