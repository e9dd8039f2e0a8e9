update verdict set effect = null;
