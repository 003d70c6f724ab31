"""OPERATORS: the `valetkey` program. It may compose every service; no service knows it."""
