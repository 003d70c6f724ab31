"""Addresses of clients, for tests in which limits are counted per address."""

from itertools import count

_numbers = count()


def new_address() -> str:
    """An address that no test of this process has had before. RFC 5737 §3, and RFC 2544 beyond its 256."""
    number = next(_numbers)
    return f"198.{18 + number // 65536 % 2}.{number // 256 % 256}.{number % 256}"
