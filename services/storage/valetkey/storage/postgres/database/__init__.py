"""Connections to PostgreSQL, and what a statement is."""
