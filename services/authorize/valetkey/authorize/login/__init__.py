"""Signing in: the page, the check of the password, and who is let in under a flood."""
