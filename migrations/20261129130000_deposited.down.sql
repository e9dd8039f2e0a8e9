alter table experiment drop column doi;
