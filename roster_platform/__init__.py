"""Roster Platform: two member APIs, one warehouse, a star schema, run by Dagster."""

__version__ = "0.2.0"
"""The version of the platform; this is its only place (see CONTRIBUTING.md)."""
