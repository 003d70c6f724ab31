"""Users, their sessions, and what a login proved."""
