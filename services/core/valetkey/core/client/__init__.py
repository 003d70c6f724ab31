"""Clients: what they are registered with and what they may do."""
