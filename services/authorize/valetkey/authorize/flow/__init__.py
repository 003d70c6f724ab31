"""An authorization request from its arrival to its response."""
