drop function tried_on;
