select doi from experiment;
