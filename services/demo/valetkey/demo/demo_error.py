"""Why the demo does not start."""


class DemoError(Exception):
    """The demo cannot start; the message says why, and what to do instead. Each of ``more`` is a line below it."""

    def __init__(self, message: str, *more: str) -> None:
        self.lines = (message, *more)
        super().__init__("\n".join(self.lines))
