"""One module per group of commands, each with a variable ``command``."""
