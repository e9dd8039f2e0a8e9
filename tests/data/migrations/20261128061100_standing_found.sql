update claim set standing_told = claim_standing(id);
update verdict set outcome = 'inconclusive';
update verdict set outcome = 'supported', severity = 0.5;
