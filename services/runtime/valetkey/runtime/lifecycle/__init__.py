"""A process from start to end: waiting, polling, stopping."""
