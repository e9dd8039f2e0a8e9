update trial set chosen = true where number = 1;
