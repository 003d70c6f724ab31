"""The one way in which an answer of a passkey fails."""


class PasskeyRefused(Exception):
    """An answer that proves nothing. ``reason`` is for the log; it holds no value that the browser has sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
