"""Why the demo does not start."""


class DemoError(Exception):
    """The demo cannot start; the message says why, and what to do instead."""
