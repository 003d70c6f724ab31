"""Signing and checking JWTs, and the keys for it."""
