"""Roster Platform: two member APIs, one warehouse, a star schema, run by Dagster."""
