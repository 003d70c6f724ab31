"""Which service serves which path, as the code that routes has it."""

from valetkey.cli.demo.front_door import FALLBACK, ROUTES

__all__ = ["FALLBACK", "ROUTES"]
