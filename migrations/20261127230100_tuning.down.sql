alter table trial drop column chosen;
