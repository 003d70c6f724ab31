"""OpenID Connect: ID tokens, logout, and what a user still has to do."""
