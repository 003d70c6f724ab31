"""Which service serves which path, as the code that routes has it."""

from valetkey.core.routes import FALLBACK, ROUTES

__all__ = ["FALLBACK", "ROUTES"]
