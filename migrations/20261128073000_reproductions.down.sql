drop table reproduction;
