update worker set trained_seconds = 7200 where slots = 4;
