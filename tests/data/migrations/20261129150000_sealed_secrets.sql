update second_factor set secret = decode(repeat('01', 57), 'hex');
update webhook set secret = decode(repeat('01', 69), 'hex'), secret_before = decode(repeat('01', 69), 'hex');
