"""One module per table family, with its SQL."""
