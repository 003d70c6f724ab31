"""The shapes of a second factor and of setting one up: what the file of a method has to have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from valetkey.authorize.pages.models import ProofError, ProofPage
    from valetkey.authorize.service import AuthorizeService
    from valetkey.core.authentication.factor import Factor, Method
    from valetkey.core.authentication.user import User
    from valetkey.core.oauth.params import Params


class SecondFactor(Protocol):
    """One way to prove more than a password. Guesses are counted before ``check`` is asked."""

    @property
    def method(self) -> Method:
        """What it is called."""

    @property
    def wrong(self) -> ProofError:
        """What the page says of a wrong answer."""

    def is_offered(self, service: AuthorizeService) -> bool:
        """Whether this installation can use it."""

    async def question(self, service: AuthorizeService, user: User, token: str) -> str | None:
        """What a script of the page asks the browser for, None where the user types the answer.

        ``token`` is that of the form, which comes back with the answer.
        """

    async def check(self, service: AuthorizeService, user: User, form: Params) -> Factor | None:
        """The proof that the form holds, used up; None where it holds none."""


class EnrolmentGone(Exception):
    """What was to be set up waited too long, is set up already, or its user has ended meanwhile."""


class Enrolment(Protocol):
    """Setting a method up."""

    @property
    def method(self) -> Method:
        """What it is called."""

    @property
    def wrong(self) -> ProofError:
        """What the page says of an answer that does not fit."""

    def is_offered(self, service: AuthorizeService) -> bool:
        """Whether this installation can use it."""

    async def show(
        self,
        service: AuthorizeService,
        user: User,
        shown: ProofPage,
        posted: Params | None = None,
    ) -> str:
        """The page, with what every such page shows: anew, or once more after what was ``posted`` did not do."""

    async def enrol(self, service: AuthorizeService, user: User, posted: Params) -> Factor | None:
        """Store the credential; that the form proves it is a proof. None for an answer that does not fit.

        Raises ``EnrolmentGone``.
        """
