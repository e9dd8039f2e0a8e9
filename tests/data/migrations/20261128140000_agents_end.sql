select is_disabled(id) from account;
