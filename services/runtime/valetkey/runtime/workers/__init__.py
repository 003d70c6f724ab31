"""Several processes that serve one port, and the one that watches them. Knows no request and no service."""
