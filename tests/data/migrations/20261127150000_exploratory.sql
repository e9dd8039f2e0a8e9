update experiment set exploratory = registered_at is not null;
