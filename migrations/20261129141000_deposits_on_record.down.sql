-- The record is only added to: what it says of deposits stays.
select;
