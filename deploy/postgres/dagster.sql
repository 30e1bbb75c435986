-- Runs once, when the server's volume is new: the warehouse exists, Dagster's own does not.
create database dagster;
