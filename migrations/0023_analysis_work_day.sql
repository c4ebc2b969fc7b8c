-- The day of a row of work was written and never read: a domain is analyzed as a whole.
alter table ruawatch.analysis_work drop column if exists day;
