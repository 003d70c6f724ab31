"""What a way to hash passwords can do."""

from __future__ import annotations

from typing import Protocol


class PasswordScheme(Protocol):
    """One way to hash passwords. A hash begins with its parameters, which decide the work of checking it.

    They end with the second ``$`` that follows the first, or with the third where ``v=`` follows the second:
    ``postgres.password_parameters`` finds them so.
    """

    def stored_form(self, password_hash: str) -> str | None:
        """The one spelling of a hash of this scheme, None for any other text. Other systems spell it in other ways."""

    def parameters_of(self, password_hash: str) -> str | None:
        """What a hash in its one spelling begins with, None for any other text."""

    def are_parameters(self, text: str) -> bool:
        """Whether a hash of this scheme may begin with this and nothing more."""

    def cost_problem(self, parameters: str) -> str | None:
        """Why checking a hash that begins so would cost too much, None where it would not."""

    def decoy(self, parameters: str) -> str:
        """A hash that begins so and that no password fits: it is as much work to check as any other."""

    def verify(self, password_hash: str, password: bytes) -> bool:
        """Whether this is the password of a hash in its one spelling."""
