"""One module for each kind of value that is kept in Redis."""
